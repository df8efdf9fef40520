/**
 * Calls of the protocol: small ones that answer at once, and work that answers with a number under which its result is
 * asked for until it is there.
 */
import { Duration, Effect, Result, Schema } from "effect"
import type { Malformed } from "./Protobuf.ts"
import { TinkerError } from "./TinkerError.ts"
import type { Answer, Request, Transport } from "./Transport.ts"

export const json = "application/json"
export const protobuf = "application/x-protobuf"

/** What is sent: JSON, or bytes that are protobuf already. */
export type Body = Readonly<Record<string, Schema.Json>> | Uint8Array

export interface Call {
  readonly path: string
  readonly body: Body
  /** Names the waits of its repetitions. */
  readonly key: string
}

/** How a result is read: protobuf where the server sends that, else JSON. */
export interface Reading<A> {
  readonly protobuf?: (bytes: Uint8Array) => Result.Result<A, Malformed>
  /** @param taken what the server answered when it took the work */
  readonly json: (value: Schema.Json, taken: Schema.Json) => Result.Result<A, Malformed>
}

export interface Options {
  readonly transport: Transport
  /** Longest time for one result, with everything that is repeated. */
  readonly patience: Duration.Duration
}

/** Waits between polls of a server that answers "try again" at once, in milliseconds. */
const FIRST_POLL_MILLIS = 20
const LONGEST_POLL_MILLIS = 1000

const Taken = Schema.Struct({ request_id: Schema.optional(Schema.Union([Schema.String, Schema.Int])) })
const Later = Schema.Struct({ type: Schema.Literal("try_again") })
const Broken = Schema.Struct({ error: Schema.String, category: Schema.optional(Schema.NullOr(Schema.String)) })
const parse = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Json))

const isBytes = (body: Body): body is Uint8Array => body instanceof Uint8Array

const requestOf = ({ body, key, path }: Call): Request => ({
  method: "POST",
  path,
  key,
  accept: `${protobuf}, ${json}`,
  body: isBytes(body)
    ? { type: protobuf, bytes: body }
    : { type: json, bytes: new TextEncoder().encode(JSON.stringify(body)) }
})

export const make = ({ patience, transport }: Options) => {
  const { refused, send } = transport

  const readJson = (request: Request, answer: Answer): Effect.Effect<Schema.Json, TinkerError> =>
    Effect.fromResult(parse(Buffer.from(answer.bytes).toString("utf8"))).pipe(
      Effect.mapError(() => refused(request, answer, "malformed", "the answer is not JSON"))
    )

  /** Of a request for something that the server does not know (any more). */
  const succeeded = (request: Request, answer: Answer): Effect.Effect<Answer, TinkerError> =>
    answer.status < 300
      ? Effect.succeed(answer)
      : Effect.fail(refused(request, answer, answer.status === 404 ? "lost" : "status"))

  /** A call that is answered at once. */
  const call = <A>(given: Call, schema: Schema.ConstraintDecoder<A>): Effect.Effect<A, TinkerError> =>
    Effect.gen(function*() {
      const request = requestOf(given)
      const answer = yield* Effect.flatMap(send(request), (answer) => succeeded(request, answer))
      const value = yield* readJson(request, answer)
      return yield* Schema.decodeUnknownEffect(schema)(value).pipe(
        Effect.mapError(({ message }) => refused(request, answer, "malformed", `the answer is ${message}`))
      )
    })

  const submit = (given: Call) =>
    Effect.gen(function*() {
      const request = requestOf(given)
      const answer = yield* Effect.flatMap(send(request), (answer) => succeeded(request, answer))
      const value = yield* readJson(request, answer)
      const found = Schema.decodeUnknownResult(Taken)(value)
      const id = Result.isSuccess(found) ? found.success.request_id : undefined
      if (id === undefined) return yield* refused(request, answer, "malformed", "the answer holds no request_id")
      return { id: String(id), taken: value }
    })

  /** Work: sent, and its result asked for until it is there. A server that has dropped it (410) is sent it again. */
  const run = <A>(given: Call, reading: Reading<A>): Effect.Effect<A, TinkerError> =>
    Effect.gen(function*() {
      let { id, taken } = yield* submit(given)
      for (let wait = FIRST_POLL_MILLIS;; wait = Math.min(LONGEST_POLL_MILLIS, 2 * wait)) {
        const poll: Request = {
          ...requestOf({ path: "retrieve_future", body: { request_id: id }, key: `${given.key}/poll` }),
          poll: true
        }
        const answer = yield* send(poll)
        const { bytes, contentType, status } = answer
        if (status === 410) ({ id, taken } = yield* submit(given))
        else if (status !== 408) {
          yield* status === 400
            // The work itself failed; asking again would give the same answer.
            ? Effect.fail(refused(poll, answer, "failed", `${given.path} failed`))
            : succeeded(poll, answer)
          if (reading.protobuf !== undefined && contentType.includes("protobuf")) {
            const read = reading.protobuf(bytes)
            return Result.isSuccess(read)
              ? read.success
              : yield* refused(poll, answer, "malformed", `the answer cannot be read: ${read.failure.reason}`)
          }
          const value = yield* readJson(poll, answer)
          const broken = Schema.decodeUnknownResult(Broken)(value)
          if (Result.isSuccess(broken)) return yield* refused(poll, answer, "failed", `${given.path} failed`)
          if (Result.isFailure(Schema.decodeUnknownResult(Later)(value))) {
            const read = reading.json(value, taken)
            return Result.isSuccess(read)
              ? read.success
              : yield* refused(poll, answer, "malformed", `the answer cannot be read: ${read.failure.reason}`)
          }
        }
        yield* Effect.sleep(wait)
      }
    }).pipe(Effect.timeoutOrElse({
      duration: patience,
      orElse: () =>
        Effect.fail(
          new TinkerError({
            url: given.path,
            kind: "timeout",
            reason: `no result within ${Duration.format(patience)} (patience)`,
            attempts: 1
          })
        )
    }))

  return { call, run }
}

export type Futures = ReturnType<typeof make>
