/** An engine that answers what cannot be, refuses, or stalls: a typed error that names it, or the same in the end. */
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Policy, Rollout } from "../../../src/policy/index.ts"
import { adaptingEngines, Engines, policyAt, recorded, remote, supervise, update } from "./engines.ts"
import * as Messages from "./messages.ts"
import * as Server from "./server.ts"

const failure = <A, E extends { readonly message: string }>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), ({ message }) => message)

const prompt = { images: [], text: "What is felt?" }

const score = (policy: Policy["Service"]) =>
  Effect.scoped(
    Effect.flatMap(policy.session, ({ logprobs }) => logprobs([{ prompt, tokens: Int32Array.of(5, 6, 7) }]))
  )

const draw = (policy: Policy["Service"]) =>
  Effect.scoped(
    Effect.flatMap(policy.session, ({ sample }) => sample([{ prompt, key: "a" }], { count: 2, maxTokens: 4 }))
  )

const floats = (...values: ReadonlyArray<number>) => Float32Array.from(values)

const passed = (...rows: ReadonlyArray<Float32Array>) => Server.sent(Messages.passed(rows, {}))

const text = (tokens: ReadonlyArray<number>, logprobs: ReadonlyArray<number>, stop: "stop" | "length" = "length") => ({
  stop,
  tokens: Int32Array.from(tokens),
  logprobs: floats(...logprobs)
})

const drawn = (...texts: ReadonlyArray<ReturnType<typeof text>>) => Server.sent(Messages.sampled(texts))

const good = text([5, 6], [-1, -1])

const last = (policy: Policy["Service"], rollouts: ReadonlyArray<Rollout>, count: number) =>
  Effect.map(
    Effect.forEach(Array.from({ length: count }), () => policy.update(supervise(rollouts), update)),
    (stats) => stats.at(-1)?.loss ?? NaN
  )

describe("Policy.tinker", () => {
  layer(adaptingEngines, { timeout: 300_000, excludeTestServices: true })((it) => {
    it.effect("takes no log-probabilities at their word", () =>
      Effect.gen(function*() {
        const { engine, policy } = yield* remote({ probe: false, maxResponseBytes: 100_000 })
        const [own = new Float32Array(0)] = yield* score(policy)
        assert.strictEqual(own.length, 3)
        const whole = Messages.passed([new Float32Array(64)], {})
        // What the sequence has of tokens, the answers have: only what is in them is wrong.
        const sequence = (value: number) => {
          const { length } = engine.passed.at(-1)![0]!
          return new Float32Array(length).fill(-1).fill(value, length - 2)
        }
        for (
          const [answer, expected] of [
            [passed(sequence(NaN)), /log-probability of token 1 of sequence 0 is NaN/],
            [passed(sequence(-Infinity)), /log-probability of token 1 of sequence 0 is -Infinity/],
            [
              passed(sequence(0.7)),
              /of token 1 of sequence 0 is 0\.69\d+, expected at most 0: .* tells no probabilities/
            ],
            [passed(), /log-probabilities of 0 sequences, expected those of 1/],
            [passed(sequence(-1), sequence(-1)), /log-probabilities of 2 sequences, expected those of 1/],
            [passed(floats(-1, -1)), /told log-probabilities of 2 tokens of sequence 0, expected \d+/],
            [Server.sent(whole.subarray(0, whole.length - 100)), /the answer cannot be read: [ -~]+$/],
            [Server.sent(Uint8Array.of(0x12, 0xff, 0xff, 0xff, 0xff, 0x7f)), /cannot be read|of 0 sequences/],
            [Server.sent(new Uint8Array(200_000)), /the answer is larger than 100000 bytes \(maxResponseBytes\)/],
            [
              Server.sent(Buffer.from("<html>"), { "content-type": "text/html" }),
              /the answer is not JSON: \(a page of HTML\)/
            ],
            [
              Server.status(200, { error: "out of memory", category: "server" }),
              /forward_backward failed: .*out of memory/
            ],
            [Server.status(400, { detail: "no such loss" }), /forward_backward failed: .*no such loss/],
            [Server.status(418), /the server answered 418/]
          ] as const
        ) {
          engine.faults.push({ path: "retrieve_future", times: 1, answer })
          assert.match(yield* failure(score(policy)), expected)
        }
        engine.faults.push({ path: "forward_backward", times: 1, answer: Server.status(409, { detail: "reused" }) })
        assert.match(yield* failure(score(policy)), /the server answered 409: .*reused/)
        engine.faults.push({ path: "forward_backward", times: 1, answer: Server.status(200, {}) })
        assert.match(yield* failure(score(policy)), /the answer holds no request_id/)
        assert.isTrue(engine.faults.every(({ times }) => times === 0))
        assert.deepStrictEqual(yield* score(policy), [own])
      }).pipe(Effect.scoped), 120_000)

    it.effect("gives signs of life as long as it lives, and tells nobody its key", () =>
      Effect.gen(function*() {
        const apiKey = "secret-of-the-engine"
        const engine = yield* Server.start(yield* Engines)
        yield* Effect.scoped(Effect.gen(function*() {
          const { policy } = yield* policyAt(engine.baseUrl, { probe: false, heartbeat: "20 millis", apiKey })
          yield* score(policy)
          for (
            const answer of [
              Server.status(400, { detail: `no such key: ${apiKey}` }),
              Server.status(200, { loss_fn_outputs: [{ logprobs: apiKey }] }),
              Server.status(200, { loss_fn_outputs: apiKey })
            ]
          ) {
            engine.faults.push({ path: "retrieve_future", times: 1, answer })
            const message = yield* failure(score(policy))
            assert.match(message, /<redacted>/)
            assert.notInclude(message, apiKey)
          }
          while (engine.heartbeats < 3) yield* Effect.sleep("10 millis")
          assert.strictEqual(engine.models.size, 1)
        }))
        const { heartbeats } = engine
        yield* Effect.sleep("200 millis")
        assert.strictEqual(engine.heartbeats, heartbeats)
        assert.strictEqual(engine.models.size, 0)
      }).pipe(Effect.scoped), 60_000)

    it.effect("takes no texts at their word", () =>
      Effect.gen(function*() {
        const { engine, policy } = yield* remote({ probe: false })
        yield* draw(policy)
        for (
          const [answer, expected] of [
            [drawn(good), /drew 1 texts for "a", expected 2/],
            [drawn(good, good, good), /drew 3 texts for "a", expected 2/],
            [drawn(good, text([1, 2, 3, 4, 5], [-1, -1, -1, -1, -1])), /drew 5 tokens for "a", expected at most 4/],
            [drawn(good, text([1, 2], [-1])), /told 1 log-probabilities of the 2 tokens drawn for "a"/],
            [drawn(good, text([1, 2], [-1, NaN])), /log-probability 1 of a text for "a" is NaN, expected at most 0/],
            [drawn(good, text([1, 2], [3, -1])), /log-probability 0 of a text for "a" is 3, expected at most 0/],
            [drawn(good, text([1, -2], [-1, -1])), /token 1 of a text for "a" is -2, expected an id below/],
            [drawn(good, text([2 ** 31 - 1], [-1])), /token 0 of a text for "a" is 2147483647, expected an id below/],
            [Server.status(200, { sequences: [{ stop_reason: "stop", tokens: [2 ** 40] }] }), /tokens/],
            [Server.status(200, { sequences: [{ stop_reason: "bored", tokens: [] }] }), /stop_reason/]
          ] as const
        ) {
          engine.faults.push({ path: "retrieve_future", times: 1, answer })
          assert.match(yield* failure(draw(policy)), expected)
        }
        // Rounding of a probability of 1 is none.
        engine.faults.push({ path: "retrieve_future", times: 1, answer: drawn(good, text([1, 2], [1e-6, -1])) })
        assert.strictEqual((yield* draw(policy))[0]?.[1]?.tokens.length, 2)
      }).pipe(Effect.scoped), 120_000)

    it.effect("waits as long as it was told to, and no longer", () =>
      Effect.gen(function*() {
        const { engine, policy } = yield* remote({ probe: false, attempts: 2, patience: "20 seconds" })
        yield* score(policy)
        // Polls that end without a result are no attempts.
        engine.faults.push({ path: "retrieve_future", times: 9, answer: Server.status(408) })
        assert.strictEqual((yield* score(policy)).length, 1)
        engine.faults.push({ path: "forward_backward", times: 2, answer: Server.status(408) })
        assert.match(yield* failure(score(policy)), /the server answered 408 \(after 2 attempts\)/)
        engine.faults.push({
          path: "forward_backward",
          times: 1,
          answer: (response) => {
            response.writeHead(429, { "retry-after": "1000000" })
            response.end("{}")
          }
        })
        assert.match(
          yield* failure(score(policy)),
          /answered 429 and asks to wait 10000\d\d s, longer than 20s \(patience\)/
        )
        yield* Effect.forEach(
          [[200, { type: "try_again" }], [408, {}], [410, {}]] as const,
          Effect.fnUntraced(function*([code, body]) {
            const stalling = yield* remote({ probe: false, patience: "2 seconds" })
            stalling.engine.faults.push({ path: "retrieve_future", times: 1e9, answer: Server.status(code, body) })
            assert.match(yield* failure(score(stalling.policy)), /no result within 2s \(patience\)/)
          }),
          { concurrency: 3, discard: true }
        )
      }).pipe(Effect.scoped), 120_000)

    it.effect("gives up a model that is lost again and again", () =>
      Effect.gen(function*() {
        const { engine, policy } = yield* remote()
        const probed = engine.requests.filter((path) => path === "create_model").length
        yield* score(policy)
        engine.faults.push({ path: "forward_backward", times: 1e9, answer: Server.status(404) })
        assert.match(yield* failure(score(policy)), /forward_backward: the server answered 404/)
        assert.strictEqual(engine.requests.filter((path) => path === "create_model").length - probed, 4)
      }).pipe(Effect.scoped), 120_000)

    it.effect(
      "is as it was after an update that failed on the way, gradients at the engine included",
      () =>
        Effect.gen(function*() {
          const calm = yield* remote({}, { limit: { data: 2, bytes: 1e6 } })
          const rollouts = yield* recorded(calm.policy)
          const expected = yield* last(calm.policy, rollouts, 3)
          for (const losses of [undefined, ["importance_sampling"]]) {
            const { engine, policy } = yield* remote({}, {
              limit: { data: 2, bytes: 1e6 },
              ...(losses !== undefined && { losses })
            })
            yield* last(policy, rollouts, 1)
            // Three requests an update: the last one accumulates no more, or tells nonsense of what it did.
            const polls = engine.requests.filter((path) => path === "retrieve_future").length
            engine.faultAt = {
              path: "retrieve_future",
              count: polls + (losses === undefined ? 3 : 6),
              answer: losses === undefined
                ? passed(...engine.passed.at(-1)!.map((row) => new Float32Array(row.length).fill(NaN)))
                : Server.status(400, { detail: "out of memory" })
            }
            const message = yield* failure(policy.update(supervise(rollouts), update))
            assert.match(message, losses === undefined ? /is NaN: the weights are ruined/ : /out of memory/)
            assert.strictEqual(engine.faultAt, undefined)
            assert.approximately(yield* last(policy, rollouts, 2), expected, 1e-6)
          }
        }).pipe(Effect.scoped),
      300_000
    )
  })
})
