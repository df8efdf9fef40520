/** Which models a server holds: asked once, for whoever wants to know whether it is there. */
import { Duration, Effect, Option, Redacted, Schema } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import * as Connection from "../http/Connection.ts"
import { excerpt } from "../http/excerpt.ts"
import * as Secret from "../http/Secret.ts"
import * as Said from "./Wordings.ts"

/** Nobody is there, or it says something else. */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {
  reason: Schema.String,
  /** What the server answered with, where it did: also 200, of an answer that is none. */
  status: Schema.optional(Schema.Int)
}) {
  override get message() {
    return this.reason
  }
}

/** A model in a server's list; `rise serve` says what it was trained for, and how large it is. */
const Listed = Schema.Struct({
  id: Schema.String,
  task: Schema.optional(Schema.Json),
  parameters: Schema.optional(Schema.Json)
})
export type Listed = typeof Listed.Type

const Models = Schema.fromJsonString(Schema.Struct({ data: Schema.Array(Listed) }))

const MOST_BYTES = 16 * 1024 * 1024
/** Characters of an answer that are looked into for what is wrong. */
const longestSaid = 4096
const PATIENCE = Duration.seconds(10)

/** A path behind the address: what it answers. */
const get = Effect.fnUntraced(
  function*(request: HttpClientRequest.HttpClientRequest, apiKey: Redacted.Redacted<string> | undefined) {
    const http = yield* HttpClient.HttpClient
    const clean = Secret.redactor(apiKey === undefined ? "" : Redacted.value(apiKey))
    const broken = (error: Parameters<typeof Connection.reasonOf>[0]) =>
      new Unreachable({ reason: `the connection failed: ${clean(Connection.reasonOf(error))}` })
    const response = yield* Effect.mapError(
      http.execute(apiKey === undefined ? request : HttpClientRequest.bearerToken(apiKey)(request)),
      broken
    )
    const bytes = yield* Connection.read(response, MOST_BYTES, {
      broken,
      tooLarge: () => new Unreachable({ reason: `the answer is larger than ${MOST_BYTES} bytes` })
    })
    const text = bytes.toString("utf8")
    return { status: response.status, text, shown: excerpt(clean(text)) }
  },
  Effect.timeoutOrElse({
    duration: PATIENCE,
    orElse: () => Effect.fail(new Unreachable({ reason: `no answer within ${Duration.format(PATIENCE)}` }))
  })
)

/**
 * The models that a server holds, with what it says of each.
 *
 * @param baseUrl without a slash at its end
 */
export const listed = Effect.fnUntraced(
  function*(baseUrl: string, apiKey: Redacted.Redacted<string> | undefined) {
    const { shown, status, text } = yield* get(HttpClientRequest.get(`${baseUrl}/models`), apiKey)
    if (status !== 200) {
      return yield* new Unreachable({ reason: `the server answered ${status}: ${shown}`, status })
    }
    const found = Schema.decodeUnknownOption(Models)(text)
    if (Option.isNone(found)) {
      return yield* new Unreachable({ reason: `the answer is no list of models: ${shown}`, status })
    }
    return found.value.data
  }
)

/** Names of the models that a server holds. */
export const models = (baseUrl: string, apiKey: Redacted.Redacted<string> | undefined) =>
  Effect.map(listed(baseUrl, apiKey), (found) => found.map(({ id }) => id))

/**
 * Why a server cannot be asked for a model that it does not list; none where it can, or where it does not tell. Some
 * serve more than they list: it is tried with a word.
 */
export const refusal = Effect.fnUntraced(
  function*(baseUrl: string, model: string, apiKey: Redacted.Redacted<string> | undefined) {
    const body = { model, messages: [{ role: "user", content: "ok" }], max_tokens: 1 }
    const request = HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post(`${baseUrl}/chat/completions`), body)
    const { shown, status, text } = yield* get(request, apiKey)
    return status === 404 || (status >= 400 && status < 500 && Said.noModel.test(text.slice(0, longestSaid)))
      ? Option.some(`it answered ${status}: ${shown}`)
      : Option.none()
  },
  Effect.orElseSucceed(() => Option.none<string>())
)

/** Whether adapters can be loaded while it runs: a vLLM that was not told so has no such path. */
export const takesAdapters = (baseUrl: string, apiKey: Redacted.Redacted<string> | undefined) =>
  Effect.map(
    get(HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post(`${baseUrl}/load_lora_adapter`), {}), apiKey),
    ({ status }) => status !== 404 && status !== 405
  )
