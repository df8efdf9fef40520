/**
 * Completions of one prompt from a server: several in one request where it can, else in several requests.
 *
 * Not every server knows every field: what one refuses by name is left out from then on (`Fields`), one that ignores
 * `n` is noticed by what it sends. A request's seed depends on its first candidate's number alone. A request
 * that is refused for what it holds is no failure: its candidates are completions without a text, and say why.
 */
import { Effect, Result, type Schema } from "effect"
import * as Keyed from "../../kernels/math/Keyed.ts"
import { type Completion, PolicyError, type SampleOptions } from "../Policy.ts"
import type { Client } from "./Client.ts"
import * as Fields from "./Fields.ts"
import { completionOf } from "./Reading.ts"
import type { RemoteError } from "./RemoteError.ts"
import { type Message, readChoices } from "./Wire.ts"

export interface Options extends Fields.Options {
  readonly client: Client
  readonly seed: number
}

export interface Request {
  readonly model: string
  readonly messages: ReadonlyArray<Message>
  readonly key: string
  readonly sampling: SampleOptions
  /** Of a grammar. */
  readonly fields: Readonly<Record<string, Schema.Json>>
}

export interface Candidates {
  readonly draw: (request: Request) => Effect.Effect<ReadonlyArray<Completion>, RemoteError>
}

const refused = (error: RemoteError): Completion => ({
  text: "",
  tokens: new Int32Array(0),
  logprobs: new Float32Array(0),
  finish: "stop",
  fault: `the server refused the request (${error.status}): ${error.excerpt}`,
  refused: new PolicyError({ operation: "sample", reason: error.message, cause: error })
})

export const make = (options: Options): Candidates => {
  const { client, seed } = options
  const fields = Fields.make(options)
  /** Most choices that one answer has held where more were asked for. */
  let atMost = Infinity

  /** One answer's completions for the candidates from `first` on: at least one, perhaps fewer than `count`. */
  const ask = (request: Request, first: number, count: number): Effect.Effect<ReadonlyArray<Completion>, RemoteError> =>
    Effect.suspend(() => {
      const { fields: more, key, messages, model, sampling } = request
      const n = fields.takes("n") ? Math.min(count, atMost) : 1
      const candidate = `${key}/candidate=${first}`
      // Signed 32 bits: some servers take no more.
      const beside = fields.body({ more, sampling, n, seed: Keyed.stream(seed, candidate).int(2 ** 31) })
      const body = { model, messages, ...beside }
      const read = (text: string) => Result.map(readChoices(text), (choices) => choices.slice(0, n).map(completionOf))
      return client.post({ path: "/chat/completions", body, key: candidate, read }).pipe(
        Effect.tap((found) =>
          Effect.sync(() => {
            if (found.length < n) atMost = Math.min(atMost, found.length)
          })
        ),
        Effect.catch((error) => {
          if (error.about === "request") return Effect.succeed(Array.from({ length: n }, () => refused(error)))
          return Effect.flatMap(
            fields.refuse(error.fields ?? [], beside, error.excerpt ?? error.reason),
            (goesOn) => goesOn ? ask(request, first, count) : Effect.fail(error)
          )
        })
      )
    })

  const draw: Candidates["draw"] = Effect.fnUntraced(function*(request) {
    const { count } = request.sampling
    const found = [...yield* ask(request, 0, count)]
    while (found.length < count) {
      const step = fields.takes("n") ? Math.min(count - found.length, atMost) : 1
      const asks = Math.floor((count - found.length) / step)
      const starts = Array.from({ length: asks }, (_, i) => found.length + i * step)
      const more = yield* Effect.forEach(starts, (first) => ask(request, first, step), { concurrency: "unbounded" })
      // A server that sends fewer than before leaves a gap: what follows the gap is drawn again, under its own numbers.
      for (const answered of more) {
        found.push(...answered)
        if (answered.length < step) break
      }
    }
    return found.slice(0, count)
  })

  return { draw }
}
