/**
 * A choice as a completion: its text, the reasoning that a server keeps apart, and how sure the model was of each
 * token.
 */
import { Option, Schema } from "effect"
import { withoutEndOfTurn } from "../../kernels/text/TurnMarks.ts"
import type { Completion } from "../Policy.ts"
import type { Choice } from "./Wire.ts"

/** Text in strings, parts and lists of parts. */
const textIn = (value: Schema.Json | undefined): string => {
  if (typeof value === "string") return value
  if (typeof value !== "object" || value === null) return ""
  if (Array.isArray(value)) return value.map(textIn).join("")
  const { text, thinking } = value as Readonly<Record<string, Schema.Json>>
  return textIn(text ?? thinking)
}

/** What was thought before the answer, without the tags that some servers leave around it. */
const reasoningOf = ({ message }: Choice): string | undefined => {
  const { content, reasoning, reasoning_content } = message ?? {}
  const parts = typeof content === "string" ? [] : (content ?? []).map(({ thinking }) => thinking ?? null)
  return [reasoning_content ?? null, reasoning ?? null, parts]
    .map((said) => textIn(said).trim().replace(/^<think>|<\/think>$/g, "").trim())
    .find((text) => text !== "")
}

const filters = /^(content[_-]?filter|safety|sensitive|prohibited_content|recitation|blocklist|spii|refusal)$/i

/** Why there is no text to be read, where there is none. */
const faultOf = (choice: Choice, text: string, reasoning: string | undefined): string | undefined => {
  const { finish_reason, message } = choice
  const refusal = message?.refusal ?? ""
  if (refusal !== "") return `refused: ${refusal}`
  if (filters.test(finish_reason ?? "")) return "stopped by the server's content filter"
  if (text !== "") return undefined
  const wrote = reasoning === undefined ? "wrote no text" : "thought, and wrote no text"
  return `${wrote} (finish_reason ${finish_reason ?? "missing"})`
}

const Content = Schema.Struct({
  content: Schema.Array(Schema.Struct({
    token: Schema.optional(Schema.NullOr(Schema.String)),
    bytes: Schema.optional(Schema.Json),
    logprob: Schema.Json
  }))
})

const readContent = Schema.decodeUnknownOption(Content)

/** OpenAI's number for "too unlikely to tell", and what rounding makes of a certain token. */
const [UNTOLD, CERTAIN] = [-9999, 1e-6]

const isBytes = (bytes: unknown): bytes is ReadonlyArray<number> =>
  Array.isArray(bytes) && bytes.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256)

/**
 * The characters that each token ends: of their bytes where all tell them, for a character may be written by several
 * tokens, whose texts are then no part of it ("\\xe2\\x82"); else of their texts.
 */
const spellings = (
  tokens: ReadonlyArray<{ readonly token?: string | null | undefined; readonly bytes?: Schema.Json | undefined }>
): ReadonlyArray<string> => {
  const bytes = tokens.flatMap((token) => isBytes(token.bytes) ? [token.bytes] : [])
  if (bytes.length < tokens.length) return tokens.map(({ token }) => token ?? "")
  const decoder = new TextDecoder()
  return bytes.map((part) => decoder.decode(Uint8Array.from(part), { stream: true }))
}

/**
 * Log-probabilities of all tokens, or none: one that is not told would give its place to the next. With them the
 * characters of `text` up to each token's end, where the tokens are those of the text.
 */
const scoresOf = ({ logprobs }: Choice, written: string, text: string): Pick<Completion, "logprobs" | "ends"> => {
  const { content: tokens } = Option.getOrElse(readContent(logprobs), () => ({ content: [] }))
  const values = tokens.map(({ logprob }) =>
    typeof logprob === "number" && logprob > UNTOLD && logprob <= CERTAIN ? logprob : NaN
  )
  if (values.some(Number.isNaN)) return { logprobs: new Float32Array(0) }
  const spelled = spellings(tokens)
  const whole = spelled.join("")
  // Tokens of the reasoning may stand before, the end of the turn behind.
  const at = whole.startsWith(written) ? 0 : whole.endsWith(written) ? whole.length - written.length : undefined
  if (text === "" || at === undefined) return { logprobs: Float32Array.from(values) }
  let end = -(at + written.indexOf(text))
  return { logprobs: Float32Array.from(values), ends: Int32Array.from(spelled, (token) => end += token.length) }
}

const idsOf = Schema.decodeUnknownOption(Schema.Array(Schema.Int))

/** The completion that a choice is; its text is trimmed and without an end of turn, as a local policy's is. */
export const completionOf = (choice: Choice): Completion => {
  const content = choice.message?.content ?? ""
  const written = typeof content === "string" ? content : content.map(({ text }) => text ?? "").join("")
  const text = withoutEndOfTurn(written)
  const reasoning = reasoningOf(choice)
  const fault = faultOf(choice, text, reasoning)
  const scores = scoresOf(choice, written, text)
  const ids = Option.getOrElse(idsOf(choice.token_ids), () => [])
  return {
    text,
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(fault === undefined ? {} : { fault }),
    tokens: ids.length > 0 ? Int32Array.from(ids) : new Int32Array(scores.logprobs.length).fill(-1),
    ...scores,
    finish: /^(length|max_tokens)$/i.test(choice.finish_reason ?? "") ? "length" : "stop"
  }
}
