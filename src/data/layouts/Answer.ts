/**
 * The annotation in an assistant's answer: a label, labels with percents, or boxes as JSON or in Qwen2-VL's tokens.
 *
 * Of a think-answer it is what stands between the answer's tags. Tokens that stand for pictures or end a turn say
 * nothing.
 */
import { Option, Result } from "effect"
import { Json } from "../../kernels/weights/index.ts"
import { quoted } from "../Quoted.ts"
import type { BadRow } from "../Rows.ts"
import * as BoxForms from "./BoxForms.ts"
import * as Labels from "./Labels.ts"
import type { Row } from "./Row.ts"

const tokens = /<image>|<video>|<\|(?:im_end|im_start|endoftext|vision_start|vision_end|image_pad)\|>|<\/s>/g

const bad = (reason: string, detail: string) => Result.fail<BadRow>({ reason, detail })

/** Without tokens of pictures and turns. */
export const plain = (text: string): string => text.replaceAll(tokens, " ").trim()

/** What an answer comes to. */
const conclusion = (text: string): string => {
  const whole = plain(text)
  const opened = whole.lastIndexOf("<answer>")
  const closed = whole.indexOf("</answer>", opened)
  const thought = whole.lastIndexOf("</think>")
  const answer = opened >= 0 && closed > opened
    ? whole.slice(opened + "<answer>".length, closed)
    : thought < 0
    ? whole
    : whole.slice(thought + "</think>".length)
  const [, fenced] = /^\s*```(?:\w+)?\n([^]*?)```\s*$/.exec(answer) ?? []
  return (fenced ?? answer).trim()
}

/** The value of an answer in JSON; none of one that is something else. */
const parse = (text: string): Result.Result<Option.Option<unknown>, BadRow> => {
  try {
    return Result.succeed(Option.some(Json.parseUnrepeated(text)))
  } catch (error) {
    return error instanceof Json.RepeatedKey
      ? bad("repeated-key", `the answer: ${Json.why(error).replace(/^line 1, /, "")}`)
      : Result.succeed(Option.none())
  }
}

/** Boxes or labels in JSON. */
const inJson = (value: unknown): Row["said"] => {
  const boxes = Array.isArray(value)
    ? BoxForms.read(value.every(Number.isFinite) && value.length > 0 ? { bbox_2d: value } : { objects: value })
    : BoxForms.isFields(value)
    ? BoxForms.read(value)
    : Option.none()
  if (Option.isSome(boxes)) return Result.map(boxes.value, (found) => ({ kind: "boxes", boxes: found }))
  return Labels.read("answer", value)
}

const reference = /<\|object_ref_start\|>([^<]*)<\|object_ref_end\|>((?:<\|box_start\|>[^<]*<\|box_end\|>)+)/g
const corners = /<\|box_start\|>\((\d+),\s*(\d+)\),\s*\((\d+),\s*(\d+)\)<\|box_end\|>/g

/** Boxes in Qwen2-VL's tokens, in thousandths; none where it is another text. Fails where one cannot be read. */
const inTokens = (text: string): Result.Result<ReadonlyArray<BoxForms.Box>, BadRow> => {
  const boxes = [...text.matchAll(reference)].flatMap(([, label = "", boxes = ""]) =>
    [...boxes.matchAll(corners)].map(([, left, top, right, bottom]): BoxForms.Box => ({
      numbers: [Number(left), Number(top), Number(right), Number(bottom)],
      form: "thousandths",
      said: true,
      label: Option.some(label.trim()),
      field: "box_start"
    }))
  )
  const begun = text.split("<|box_start|>").length - 1
  return boxes.length === begun ? Result.succeed(boxes) : bad(
    "bad-annotation",
    `${boxes.length} of its ${begun} boxes can be read, expected each as ` +
      "<|object_ref_start|>label<|object_ref_end|><|box_start|>(left,top),(right,bottom)<|box_end|>, whole numbers: " +
      quoted(text)
  )
}

/** Words and what parts them have no character in common: a text of blanks takes no longer than it is. */
const pair = /\s*([^\d\s%:=,;]+(?:[^\S\n]+[^\d\s%:=,;]+)*)(?:\s*[:=])?\s+(\d+(?:\.\d+)?)\s*(%?)\s*(?:[,;]|$|(?=\s))/y

/** `sun 70 rain 30`, `sun: 70%, rain: 30%`: labels with numbers that sum to 100, or have a sign. */
const inPairs = (text: string): Option.Option<ReadonlyMap<string, number>> => {
  const weights = new Map<string, number>()
  let [at, sum] = [0, 0]
  let signed = false
  while (at < text.length) {
    pair.lastIndex = at
    const [whole, label = "", number = "", sign = ""] = pair.exec(text) ?? []
    if (whole === undefined || weights.has(label)) return Option.none()
    weights.set(label, Number(number))
    sum += Number(number)
    signed ||= sign !== ""
    at += whole.length
  }
  return weights.size > 0 && (signed || Math.abs(sum - 100) <= 2) ? Option.some(weights) : Option.none()
}

/** What an answer says of its picture. */
export const read = (text: string): Row["said"] => {
  const answer = conclusion(text)
  if (answer === "") return bad("no-label", `the answer is ${quoted(text)}, expected a label or boxes`)
  const boxes = inTokens(answer)
  if (Result.isFailure(boxes)) return Result.fail(boxes.failure)
  if (boxes.success.length > 0) return Result.succeed({ kind: "boxes", boxes: boxes.success })
  const json = /^[[{]/.test(answer) ? parse(answer) : Result.succeed(Option.none())
  if (Result.isFailure(json)) return Result.fail(json.failure)
  if (Option.isSome(json.success)) return inJson(json.success.value)
  const pairs = inPairs(answer)
  return Option.isSome(pairs)
    ? Result.succeed({ kind: "weights", told: "numbers", weights: pairs.value })
    : Labels.read("answer", answer)
}
