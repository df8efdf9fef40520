/**
 * Completions of one prompt from a server: several in one request where it can, else in several requests.
 *
 * Not every server knows every field. What one refuses by name (`n`, `logprobs`, `seed`) is left out from then on; one that
 * ignores `n` is noticed by what it sends. A candidate's seed depends on its number alone, so neither changes a draw.
 */
import { Effect, Schema } from "effect"
import * as Keyed from "../../math/Keyed.ts"
import type { Completion, SampleOptions } from "../Policy.ts"
import type { Client } from "./Client.ts"
import { excerpt, RemoteError } from "./RemoteError.ts"
import { type Choice, Completions, type Message, textOf } from "./Wire.ts"

export interface Options {
  readonly client: Client
  /** Names the server in errors. */
  readonly url: string
  readonly seed: number
  /** The field that limits new tokens. */
  readonly maxTokensField: "max_tokens" | "max_completion_tokens"
  readonly logprobs: boolean
  /** Merged over every request. */
  readonly extra: Readonly<Record<string, Schema.Json>>
}

export interface Request {
  readonly model: string
  readonly messages: ReadonlyArray<Message>
  readonly key: string
  readonly sampling: SampleOptions
}

export interface Candidates {
  readonly draw: (request: Request) => Effect.Effect<ReadonlyArray<Completion>, RemoteError>
}

const PATH = "/chat/completions"

const completion = (choice: Choice): Completion => {
  const logprobs = Float32Array.from(choice.logprobs?.content ?? [], ({ logprob }) => logprob)
  const ids = choice.token_ids ?? []
  return {
    ...textOf(choice),
    tokens: ids.length > 0 ? Int32Array.from(ids) : new Int32Array(logprobs.length).fill(-1),
    logprobs,
    finish: choice.finish_reason === "length" ? "length" : "stop"
  }
}

/** Fields a server may not know. */
type Optional = "n" | "logprobs" | "seed"

const quoted: Readonly<Record<Optional, RegExp>> = {
  n: /(^|[\s'"`])n([\s'"`:=,.]|$)/,
  logprobs: /logprobs/,
  seed: /\bseed\b/
}

/** The optional fields that a refusal is about: the one it names, else those its text mentions. */
const refusedFields = ({ excerpt: text = "", parameter, status }: RemoteError): ReadonlyArray<Optional> => {
  if (status !== 400 && status !== 422) return []
  const names: ReadonlyArray<Optional> = ["n", "logprobs", "seed"]
  return names.filter((name) => parameter === undefined ? quoted[name].test(text) : parameter === name)
}

export const make = (options: Options): Candidates => {
  const { client, extra, maxTokensField, seed, url } = options
  const refused = new Set<Optional>(options.logprobs ? [] : ["logprobs"])
  /** Most choices that one answer has held where more were asked for. */
  let most = Infinity

  const decode = Effect.fnUntraced(function*(text: string) {
    const malformed = (reason: string) =>
      new RemoteError({ url: `${url}${PATH}`, kind: "malformed", reason, excerpt: excerpt(text), attempts: 1 })
    const json = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Json))(text).pipe(
      Effect.mapError(() => malformed("the answer is not JSON; is this the address of an OpenAI-compatible server, with its /v1?"))
    )
    const { choices } = yield* Schema.decodeUnknownEffect(Completions)(json).pipe(
      Effect.mapError((error) => malformed(`the answer is no chat completion (${excerpt(error.message)})`))
    )
    if (choices.length === 0) return yield* malformed("the answer holds no choice")
    return choices
  })

  /** One answer's choices for the candidates from `first` on: at least one, perhaps fewer than `count`. */
  const ask = (request: Request, first: number, count: number): Effect.Effect<ReadonlyArray<Choice>, RemoteError> =>
    Effect.suspend(() => {
      const { key, messages, model, sampling } = request
      const n = refused.has("n") ? 1 : Math.min(count, most)
      const candidate = `${key}/candidate=${first}`
      const sent: Readonly<Record<Optional, boolean>> = { n: n > 1, logprobs: !refused.has("logprobs"), seed: !refused.has("seed") }
      const body = {
        model,
        messages,
        temperature: sampling.temperature ?? 1,
        [maxTokensField]: sampling.maxTokens,
        ...(sampling.topP === undefined ? {} : { top_p: sampling.topP }),
        ...(sent.n ? { n } : {}),
        // Signed 32 bits: some servers take no more.
        ...(sent.seed ? { seed: Keyed.stream(seed, candidate).int(2 ** 31) } : {}),
        ...(sent.logprobs ? { logprobs: true } : {}),
        ...extra
      }
      return client.post(PATH, body as unknown as Schema.Json, candidate).pipe(
        Effect.flatMap(decode),
        Effect.map((choices) => choices.slice(0, n)),
        Effect.tap((choices) => Effect.sync(() => { if (choices.length < n) most = Math.min(most, choices.length) })),
        Effect.catch((error) => {
          const fields = refusedFields(error).filter((name) => sent[name])
          if (fields.length === 0) return Effect.fail(error)
          for (const name of fields) refused.add(name)
          return ask(request, first, count)
        })
      )
    })

  const draw: Candidates["draw"] = Effect.fnUntraced(function*(request) {
    const { count } = request.sampling
    const choices = [...yield* ask(request, 0, count)]
    while (choices.length < count) {
      const step = refused.has("n") ? 1 : Math.min(count - choices.length, most)
      const starts = Array.from({ length: Math.floor((count - choices.length) / step) }, (_, i) => choices.length + i * step)
      const more = yield* Effect.forEach(starts, (first) => ask(request, first, step), { concurrency: "unbounded" })
      // A server that sends fewer than before leaves a gap: what follows the gap is drawn again, under its own numbers.
      for (const answered of more) {
        choices.push(...answered)
        if (answered.length < step) break
      }
    }
    return choices.slice(0, count).map(completion)
  })

  return { draw }
}
