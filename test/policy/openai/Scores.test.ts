/** Given tokens scored at a server that speaks as vLLM does, and what is not believed of it. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import * as Image from "../../../src/kernels/image/Image.ts"
import { OpenAiPolicy, Policy, type PolicyError, type Rollout } from "../../../src/policy/index.ts"
import * as Policies from "../../../src/policy/layers.ts"
import * as Backend from "../tinker/backend.ts"
import { policyAt, recorded, reinforce, update } from "../tinker/engines.ts"
import * as Tinker from "../tinker/server.ts"
import { against } from "./against.ts"
import * as Server from "./server.ts"
import * as Vllm from "./vllm.ts"

const layerAt = (server: Server.Server) =>
  OpenAiPolicy.layer({ baseUrl: server.baseUrl, model: "vl", seed: 0 }).pipe(Layer.provide(NodeHttpClient.layerUndici))

const drawing = (source: Image.Source) => {
  if (source._tag !== "Rendered") throw new Error(`a scene is drawn, this is ${source._tag}`)
  return source.render
}

const scoresOf = (policy: Policy["Service"], rollouts: ReadonlyArray<Rollout>) =>
  Effect.scoped(
    Effect.flatMap(policy.session, ({ logprobs }) =>
      logprobs(rollouts.map(({ completion: { tokens }, prompt }) => ({ prompt, tokens }))))
  )

const apart = (a: ReadonlyArray<Float32Array>, b: ReadonlyArray<Float32Array>) =>
  Math.max(...a.map((own, i) => Math.max(...own.map((value, k) => Math.abs(value - (b[i]?.[k] ?? NaN))))))

/** A server, the policy that asks it, and the local one that it is held to. */
const bothSides = Effect.gen(function*() {
  const vllm = yield* Vllm.start
  const far = Context.get(yield* Layer.build(layerAt(vllm.server)), Policy)
  const near = Context.get(
    yield* Layer.build(Policies.onnx({ model: "embedded", workers: 1, trainable: "none" })),
    Policy
  )
  return { vllm, far, near }
})

describe("tokens scored at a server", () => {
  it.live("are given the local policy's log-probabilities, with pictures and without", () =>
    Effect.gen(function*() {
      const { far, near, vllm } = yield* bothSides
      const rollouts = yield* recorded(near)
      assert.isBelow(apart(yield* scoresOf(far, rollouts), yield* scoresOf(near, rollouts)), 1e-4)
      const asked = vllm.server.requests.map(({ path }) => path)
      // One request for each text, one for each prompt, and one that finds out what stands for a picture.
      assert.strictEqual(asked.filter((path) => path === "/inference/v1/generate").length, rollouts.length + 1)
      assert.isAtMost(asked.filter((path) => path === "/tokenize").length, rollouts.length)

      vllm.ids = (ids) => [...ids.slice(0, -1), 5]
      const error = yield* Effect.flip(scoresOf(far, rollouts.slice(0, 1)))
      assert.match(
        error.message,
        /scored other tokens than it was sent for item 0: \d+, expected \d+ \(prompt_token_ids\)/
      )
    }).pipe(Effect.scoped), 120_000)

  it.live("are of the pictures that are asked about, whatever these are called", () =>
    Effect.gen(function*() {
      const { far, near } = yield* bothSides
      const seen = (yield* recorded(near)).filter(({ prompt }) => prompt.images.length > 0)
      const [one, other] = [seen[0], seen.at(-1)]
      if (one === undefined || other === undefined) return assert.fail("no rollouts")
      const named = ({ prompt, ...rest }: Rollout): Rollout => ({
        ...rest,
        prompt: { ...prompt, images: prompt.images.map(({ source }) => Image.rendered("1.png", drawing(source))) }
      })
      // One after the other: the second finds what is remembered of the first.
      for (const rollout of [named(one), { ...named(other), completion: one.completion }]) {
        assert.isBelow(apart(yield* scoresOf(far, [rollout]), yield* scoresOf(near, [rollout])), 1e-4)
      }
    }).pipe(Effect.scoped), 120_000)

  it.live("are the reference that a policy at an engine is held to", () =>
    Effect.gen(function*() {
      const vllm = yield* Vllm.start
      const backend = yield* Backend.open
      const figures: Array<ReadonlyArray<number>> = []
      let rollouts: ReadonlyArray<Rollout> | undefined
      for (const reference of ["stage", layerAt(vllm.server)] as const) {
        const engine = yield* Tinker.start(backend, {})
        const { policy } = yield* policyAt(engine.baseUrl, { reference, probe: false })
        const drawn = rollouts ??= yield* recorded(policy)
        yield* policy.beginStage
        yield* policy.update(reinforce(drawn, { kl: 0.5 }), update)
        const { kl, loss } = yield* policy.update(reinforce(drawn, { kl: 0.5 }), update)
        figures.push([kl, loss])
      }
      const [held = [], second = []] = figures
      assert.isAbove(held[0] ?? 0, 1e-5)
      held.forEach((value, i) => assert.approximately(second[i] ?? NaN, value, 1e-4))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 120_000)

  it.effect("are refused where the server cannot score, and before it is asked for what none can", () =>
    against({}, ({ policy, server }) =>
      Effect.gen(function*() {
        const prompt = { images: [], text: "Why?" }
        const refused = (item: object) =>
          Effect.map(
            Effect.flip(
              Effect.scoped(
                Effect.flatMap(
                  policy.session,
                  ({ logprobs }) => logprobs([{ prompt, tokens: Int32Array.of(1, 2), ...item }])
                )
              )
            ),
            ({ message, operation }: PolicyError) => {
              assert.strictEqual(operation, "logprobs")
              return message
            }
          )
        assert.match(yield* refused({ temperature: 0.7 }), /item 0: temperature is 0\.7, expected 1/)
        assert.match(yield* refused({ tokens: new Int32Array(0) }), /item 0: there are no tokens/)
        assert.match(yield* refused({ tokens: Int32Array.of(4, -1) }), /item 0: token 1 is -1, expected an id from 0/)
        assert.match(yield* refused({ grammar: {} }), /item 0: a server scores without grammars/)
        assert.strictEqual(server.requests.length, 0)

        server.answer = Server.send(404, { detail: "Not Found" })
        assert.match(
          yield* refused({}),
          /cannot score given tokens \(\/tokenize: status 404\): vLLM does.*Policy\.onnx/
        )
        server.next.push(Server.send(200, { tokens: [4, 5] }))
        server.answer = Server.send(403, { error: { message: "Scale-out endpoints are disabled.", code: 403 } })
        assert.match(
          yield* refused({}),
          /\/inference\/v1\/generate: status 403\): vLLM does, started with --enable-scale-out/
        )
        server.answer = Server.send(200, { prompt_token_ids: [4, 5, 1, 2], prompt_logprobs: [null, null, null, null] })
        assert.match(yield* refused({}), /the log-probability of token 0 of item 0 is NaN/)
      })))
})
