/**
 * Conversations about pictures, as LLaVA, LLaMA-Factory, VLM-R1 and ms-swift are given them: the assistant's last
 * answer is the annotation.
 *
 * ```json
 * {"image": "1.png", "conversations": [{"from": "human", "value": "<image>"}, {"from": "gpt", "value": "sun"}]}
 * {"images": ["2.png"], "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "rain"}]}
 * {"image": "3.png", "problem": "Weather?", "solution": "<answer> sun </answer>"}
 * ```
 */
import { Option, Result } from "effect"
import type * as JsonRows from "../JsonRows.ts"
import * as PictureName from "../PictureName.ts"
import { quoted } from "../Quoted.ts"
import type { BadRow } from "../Rows.ts"
import * as Answer from "./Answer.ts"
import { type Fields, isFields, sized } from "./BoxForms.ts"
import * as JsonFiles from "./JsonFiles.ts"
import { pictureOf, splitOf } from "./JsonForms.ts"
import * as JsonLayout from "./JsonLayout.ts"
import type { Row } from "./Row.ts"

/** A turn of a conversation. */
interface Turn {
  readonly isAnswer: boolean
  readonly isQuestion: boolean
  readonly text: string
  /** Pictures that are named within it. */
  readonly pictures: ReadonlyArray<unknown>
}

const answerers = new Set(["assistant", "gpt", "model", "chatgpt", "bot"])
const askers = new Set(["user", "human"])

const textOf = (value: unknown) => typeof value === "string" ? value : ""

/** The picture in a part of a message, as Qwen (`image`) and OpenAI (`image_url`) write it. */
const pictureIn = ({ image, image_url: address }: Fields): ReadonlyArray<unknown> => {
  if (image !== undefined) return [image]
  return address === undefined ? [] : [isFields(address) ? address["url"] : address]
}

const turnOf = (turn: unknown): ReadonlyArray<Turn> => {
  if (!isFields(turn)) return []
  const role = textOf(turn["role"] ?? turn["from"]).trim().toLowerCase()
  const content = turn["content"] ?? turn["value"]
  const parts = Array.isArray(content) ? content.filter(isFields) : []
  return [{
    isAnswer: answerers.has(role),
    isQuestion: askers.has(role),
    text: typeof content === "string" ? content : parts.map(({ text }) => textOf(text)).join(""),
    pictures: parts.flatMap(pictureIn)
  }]
}

const turnsOf = (fields: Fields): ReadonlyArray<Turn> => {
  const turns = fields["messages"] ?? fields["conversations"]
  return Array.isArray(turns) ? turns.flatMap(turnOf) : []
}

/** The answer of a row: what stands beside the conversation goes before its last turn. */
const answerOf = (fields: Fields): Result.Result<string, BadRow> => {
  const key = JsonFiles.answerFields.find((name) => typeof fields[name] === "string")
  if (key !== undefined) return Result.succeed(textOf(fields[key]))
  const turns = turnsOf(fields)
  const last = turns.findLast(({ isAnswer }) => isAnswer)
  return last === undefined
    ? Result.fail({ reason: "no-label", detail: `no answer of an assistant in ${turns.length} turns` })
    : Result.succeed(last.text)
}

const questionOf = (fields: Fields): string => {
  const key = JsonFiles.questionFields.find((name) => typeof fields[name] === "string")
  const asked = key === undefined ? turnsOf(fields).findLast(({ isQuestion }) => isQuestion)?.text : textOf(fields[key])
  return Answer.plain(asked ?? "")
}

/** The picture of a row, or the only one in its messages. */
const pictureOfRow = (fields: Fields): Result.Result<string, BadRow> => {
  const inTurns = turnsOf(fields).flatMap(({ pictures }) => pictures)
  const isNamed = JsonFiles.pictureFields.some((name) => fields[name] !== undefined && fields[name] !== null)
  return isNamed || inTurns.length === 0 ? pictureOf(fields) : PictureName.read("messages", inTurns)
}

const fieldsOf = (value: unknown): Result.Result<Fields, BadRow> =>
  isFields(value)
    ? Result.succeed(value)
    : Result.fail({ reason: "not-an-object", detail: `${quoted(value)}, expected a picture and a conversation` })

const rowOf = ({ row, value }: JsonRows.Row): Row => {
  const fields = Result.flatMap(value, fieldsOf)
  return {
    row,
    picture: Result.flatMap(fields, pictureOfRow),
    split: Option.flatMap(Result.getSuccess(fields), splitOf),
    said: Result.flatMap(
      fields,
      (found) =>
        Result.map(
          Result.flatMap(answerOf(found), Answer.read),
          (said) => said.kind === "boxes" ? { ...said, boxes: sized(said.boxes, found) } : said
        )
    ),
    ...Result.match(fields, { onFailure: () => ({}), onSuccess: (found) => ({ question: questionOf(found) }) })
  }
}

export const layout = JsonLayout.make({
  name: "conversations",
  example:
    "data.json: {\"image\": \"1.png\", \"conversations\": [{\"from\": \"human\", …}, {\"from\": \"gpt\", …: \"sun\"}]}",
  kind: "conversations",
  read: rowOf,
  spread: false,
  note: ([train]) => `${train}: conversations, the last answer is the annotation`
})
