/** The remote policy against a real server, under a clock that waits for nothing. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert } from "@effect/vitest"
import { Clock, Duration, Effect, Layer, Logger, Redacted } from "effect"
import {
  type Completion,
  OpenAiPolicy,
  Policy,
  type PolicyError,
  type SampleOptions,
  type SampleRequest
} from "../../../src/policy/index.ts"
import { RemoteError } from "../../../src/policy/openai/RemoteError.ts"
import * as Server from "./server.ts"

export const KEY = "sk-very-secret-0123456789"

/** Sleeps that the code asks for end at once and are written down; limits of a minute and more are never reached. */
const recording = () => {
  const waits: Array<number> = []
  let now = Date.UTC(2026, 0, 1)
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => now,
    currentTimeMillis: Effect.sync(() => now),
    currentTimeNanosUnsafe: () => BigInt(now) * 1_000_000n,
    currentTimeNanos: Effect.sync(() => BigInt(now) * 1_000_000n),
    monotonicTimeNanosUnsafe: () => BigInt(now) * 1_000_000n,
    monotonicTimeNanos: Effect.sync(() => BigInt(now) * 1_000_000n),
    sleep: (duration: Duration.Duration) =>
      Effect.suspend(() => {
        const millis = Duration.toMillis(duration)
        if (millis >= 60_000) return Effect.never
        waits.push(millis)
        now += millis
        return Effect.yieldNow
      })
  }
  return { clock, waits }
}

export interface Given {
  readonly server: Server.Server
  readonly waits: ReadonlyArray<number>
  readonly policy: Policy["Service"]
  readonly adapters: OpenAiPolicy.Adapters["Service"]
  readonly draw: (options?: Partial<SampleOptions>, requests?: ReadonlyArray<SampleRequest>) => Effect.Effect<
    ReadonlyArray<ReadonlyArray<Completion>>,
    PolicyError
  >
  /** What was logged. */
  readonly log: ReadonlyArray<string>
}

export const ask = (text: string, key = text): SampleRequest => ({ prompt: { images: [], text }, key })

/** @param more options that name the server's address */
export const against = <A, E>(
  options: Partial<OpenAiPolicy.Options>,
  test: (given: Given) => Effect.Effect<A, E>,
  more: (server: Server.Server) => Partial<OpenAiPolicy.Options> = () => ({})
) =>
  Effect.scoped(Effect.gen(function*() {
    const server = yield* Server.start
    const { clock, waits } = recording()
    const log: Array<string> = []
    const logger = Logger.layer([Logger.make(({ message }) => {
      log.push(String(message))
    })])
    const layer = OpenAiPolicy.layer({
      baseUrl: server.baseUrl,
      model: "vl",
      apiKey: Redacted.make(KEY),
      seed: 3,
      ...options,
      ...more(server)
    })
    const context = yield* Layer.build(Layer.provide(layer, NodeHttpClient.layerUndici))
    return yield* Effect.gen(function*() {
      const policy = yield* Policy
      const adapters = yield* OpenAiPolicy.Adapters
      const draw: Given["draw"] = (sampling, requests = [ask("Why is this joy?")]) =>
        Effect.scoped(
          Effect.flatMap(
            policy.session,
            (session) => session.sample(requests, { count: 1, maxTokens: 20, ...sampling })
          )
        )
      return yield* test({ server, waits, policy, adapters, draw, log })
    }).pipe(Effect.provide(context), Effect.provide(logger), Effect.provideService(Clock.Clock, clock))
  }))

export const remote = (error: PolicyError): RemoteError => {
  assert.instanceOf(error.cause, RemoteError)
  return error.cause
}
