/**
 * The part of the chat completions protocol that is used, as schemas. Fields that are not named here are ignored, so that
 * servers may add to it.
 */
import { Effect, Schema } from "effect"

const maybe = <S extends Schema.Constraint>(schema: S) => Schema.optional(Schema.NullOr(schema))

/** Most servers send a string; some send its parts. */
const Content = Schema.Union([Schema.String, Schema.Array(Schema.Struct({ text: maybe(Schema.String) }))])

export const Choice = Schema.Struct({
  finish_reason: maybe(Schema.String),
  message: Schema.Struct({ content: maybe(Content), refusal: maybe(Schema.String) }),
  logprobs: maybe(Schema.Struct({ content: maybe(Schema.Array(Schema.Struct({ logprob: Schema.Finite }))) })),
  /** Token ids, where the server tells them (vLLM). */
  token_ids: maybe(Schema.Array(Schema.Int))
})
export type Choice = typeof Choice.Type

export const Completions = Schema.Struct({ choices: Schema.Array(Choice) })
export type Completions = typeof Completions.Type

const Complaint = Schema.Struct({
  message: maybe(Schema.String),
  param: maybe(Schema.String),
  code: maybe(Schema.Union([Schema.String, Schema.Finite]))
})

/** OpenAI nests its complaint under `error`; older vLLM servers send it bare; some send only a sentence. */
const Refusal = Schema.Union([Schema.Struct({ error: Schema.Union([Complaint, Schema.String]) }), Complaint])

/** What a refused request says about itself; empty where it says nothing that can be read. */
export interface Reason {
  readonly message?: string
  readonly parameter?: string
  readonly code?: string
}

export const readRefusal = (text: string): Effect.Effect<Reason> =>
  Schema.decodeUnknownEffect(Schema.fromJsonString(Refusal))(text).pipe(
    Effect.map((found): Reason => {
      const complaint = "error" in found ? found.error : found
      if (typeof complaint === "string") return { message: complaint }
      const { code, message, param } = complaint
      return {
        ...(message == null ? {} : { message }),
        ...(param == null ? {} : { parameter: param }),
        ...(code == null ? {} : { code: String(code) })
      }
    }),
    // A proxy's HTML, or nothing: the excerpt shows it.
    Effect.orElseSucceed((): Reason => ({}))
  )

export type Part =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image_url"; readonly image_url: { readonly url: string } }

export interface Message {
  readonly role: "system" | "user"
  readonly content: string | ReadonlyArray<Part>
}

/** The text of a choice, trimmed as a local policy's is, and why there is none where there is none. */
export const textOf = ({ finish_reason, message: { content, refusal } }: Choice): { readonly text: string; readonly fault?: string } => {
  const text = (typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join("")).trim()
  if (refusal != null && refusal !== "") return { text, fault: `refused: ${refusal}` }
  if (finish_reason === "content_filter") return { text, fault: "stopped by the server's content filter" }
  if (text === "") return { text, fault: `wrote no text (finish_reason ${finish_reason ?? "missing"})` }
  return { text }
}
