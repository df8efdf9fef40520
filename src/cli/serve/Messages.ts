/**
 * Messages as the one turn that this model is asked in: pictures, then text.
 */
import { Effect, Result, Schema } from "effect"
import type * as Image from "../../kernels/image/Image.ts"
import { show } from "../../kernels/text/show.ts"
import * as Fault from "./Fault.ts"
import * as Picture from "./Picture.ts"

const TextPart = Schema.Struct({ type: Schema.Literal("text"), text: Schema.String })
const ImagePart = Schema.Struct({
  type: Schema.Literal("image_url"),
  image_url: Schema.Struct({ url: Schema.String })
})
const Message = Schema.Struct({
  role: Schema.Literal("user"),
  content: Schema.Union([Schema.String, Schema.Array(Schema.Union([TextPart, ImagePart]))])
})
const decode = Schema.decodeUnknownResult(Message)

/** A turn before its pictures are decoded. */
export interface Turn {
  readonly images: ReadonlyArray<Image.Image>
  readonly text: string
}

/** Pictures of one request; the model's positions hold fewer. */
const MOST_IMAGES = 16

const roleOf = (message: unknown): unknown =>
  typeof message === "object" && message !== null && "role" in message ? message.role : undefined

const partsOf = (content: unknown): ReadonlyArray<unknown> => Array.isArray(content) ? content : []

/** Why a message is none that is taken, and where. */
const wrong = (message: unknown): Fault.Fault => {
  const at = "messages.0.content"
  const content = typeof message === "object" && message !== null && "content" in message ? message.content : undefined
  const i = partsOf(content).findIndex((part) =>
    Result.isFailure(Schema.decodeUnknownResult(Schema.Union([TextPart, ImagePart]))(part))
  )
  const part = partsOf(content)[i]
  return part === undefined
    ? Fault.invalid(`${at} is ${show(content, 60)}, expected a text or a list of parts`, at)
    : Fault.invalid(
      `${at}.${i} is ${show(part, 80)}, expected { type: "text", text } or { type: "image_url", image_url: { url } }`,
      `${at}.${i}`
    )
}

export const read = Effect.fnUntraced(function*(messages: ReadonlyArray<unknown>) {
  const other = messages.findIndex((message) => roleOf(message) !== "user")
  if (other >= 0) {
    return yield* Fault.invalid(
      `messages.${other} is of role ${
        show(roleOf(messages[other]), 40)
      }, expected "user": this model is asked in one ` +
        "turn, as it was trained; put what the message says before the question, or leave it out",
      `messages.${other}.role`,
      "unsupported_value"
    )
  }
  if (messages.length > 1) {
    return yield* Fault.invalid(
      `there are ${messages.length} messages, expected one: this model is asked in one turn, as it was trained`,
      "messages",
      "unsupported_value"
    )
  }
  const message = decode(messages[0])
  if (Result.isFailure(message)) return yield* wrong(messages[0])
  const { content } = message.success
  const parts = typeof content === "string" ? [{ type: "text" as const, text: content }] : content
  const urls = parts.flatMap((part, i) => part.type === "image_url" ? [{ url: part.image_url.url, i }] : [])
  if (urls.length > MOST_IMAGES) {
    return yield* Fault.invalid(
      `there are ${urls.length} pictures, expected at most ${MOST_IMAGES}`,
      "messages.0.content"
    )
  }
  const turn: Turn = {
    images: yield* Effect.forEach(urls, ({ i, url }) => Picture.ofUrl(url, `messages.0.content.${i}.image_url.url`)),
    text: parts.flatMap((part) => part.type === "text" ? [part.text] : []).join("\n")
  }
  if (turn.images.length === 0 && turn.text.trim() === "") {
    return yield* Fault.invalid("the message says nothing and holds no picture", "messages.0.content")
  }
  return turn
})
