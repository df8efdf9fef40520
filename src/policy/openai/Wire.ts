/**
 * The part of the chat completions protocol that is used, as schemas. Fields that are not named here are ignored, so
 * that servers may add to it; what is only of use beside an answer (log-probabilities, reasoning) never spoils the
 * answer.
 */
import { Option, Result, Schema } from "effect"
import * as Json from "../../kernels/weights/Json.ts"
import * as JsonBounds from "../../kernels/weights/JsonBounds.ts"
import * as Complaint from "./Complaint.ts"

const maybe = <S extends Schema.Constraint>(schema: S) => Schema.optional(Schema.NullOr(schema))

/** Most servers send a string; some send its parts, those that were only thought among them. */
const Content = Schema.Union([
  Schema.String,
  Schema.Array(Schema.Struct({ text: maybe(Schema.String), thinking: maybe(Schema.Json) }))
])

export const Choice = Schema.Struct({
  finish_reason: maybe(Schema.String),
  message: maybe(Schema.Struct({
    content: maybe(Content),
    refusal: maybe(Schema.String),
    /** vLLM, SGLang, DeepSeek and Qwen use the first name, OpenRouter, Groq and newer vLLM the second. */
    reasoning_content: maybe(Schema.Json),
    reasoning: maybe(Schema.Json)
  })),
  /** What broke the answer off half-way (OpenRouter). */
  error: maybe(Schema.Json),
  logprobs: maybe(Schema.Json),
  /** Token ids, where the server tells them (vLLM). */
  token_ids: maybe(Schema.Json)
})
export type Choice = typeof Choice.Type

const Answer = Schema.Struct({ choices: Schema.Array(Choice) })

/** Why a body of status 2xx is no answer: it complains, or it is something else. */
export type Unusable = { readonly complaint: Complaint.Complaint } | { readonly reason: string }

const parse = Schema.decodeUnknownResult(Json.text(Schema.Json))

/** Numbers that Python writes into JSON although it knows none are unknown. Strings are stepped over. */
const withoutNaN = (text: string): string =>
  text.replace(/"(?:[^"\\]|\\.)*"?|-?\b(?:NaN|Infinity)\b/g, (found) => found.startsWith("\"") ? found : "null")

const Outside = Schema.Struct({ error: maybe(Schema.Json), choices: maybe(Schema.Array(Schema.Json)) })

/** What a choice says went wrong with it. */
const broken = ({ error, finish_reason }: Choice): Option.Option<Complaint.Complaint> =>
  error != null ?
    Complaint.ofJson(error)
    : finish_reason === "error" ?
    Complaint.ofJson("the answer broke off (finish_reason error)")
    : Option.none()

/** The choices of an answer: at least one. */
export const readChoices = (text: string): Result.Result<ReadonlyArray<Choice>, Unusable> => {
  const unusable = (reason: string) => Result.fail<Unusable>({ reason })
  const bounded = Result.try({ try: () => JsonBounds.check(text), catch: String })
  if (Result.isFailure(bounded)) return unusable(`the answer cannot be read: ${bounded.failure}`)
  const json = Result.orElse(parse(text), () => parse(withoutNaN(text)))
  if (Result.isFailure(json)) {
    return unusable("the answer is not JSON; is this the address of an OpenAI-compatible server, with its /v1?")
  }
  const outside = Schema.decodeUnknownOption(Outside)(json.success)
  const { choices, error } = Option.getOrElse(outside, (): typeof Outside.Type => ({}))
  const none = choices == null || choices.length === 0
  const complaint = none ? Complaint.ofJson(json.success) : Complaint.ofJson(error ?? null)
  if (Option.isSome(complaint)) return Result.fail({ complaint: complaint.value })
  if (none && choices !== undefined) return unusable("the answer holds no choice")
  const read = Schema.decodeUnknownResult(Answer)(json.success)
  if (Result.isFailure(read)) return unusable(`the answer is no chat completion (${read.failure.message})`)
  for (const choice of read.success.choices) {
    const complaint = broken(choice)
    if (Option.isSome(complaint)) return Result.fail({ complaint: complaint.value })
    if (choice.message == null && choice.finish_reason == null) {
      return unusable("the answer is no chat completion (a choice without a message)")
    }
  }
  return Result.succeed(read.success.choices)
}

export type Part =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image_url"; readonly image_url: { readonly url: string } }

/** A type, not an interface: it has to be JSON. */
export type Message = {
  readonly role: "system" | "user"
  readonly content: string | ReadonlyArray<Part>
}
