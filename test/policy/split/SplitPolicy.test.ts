/** A policy that draws at a server that speaks as vLLM does and learns here, on the embedded checkpoint both. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, FileSystem, Layer, Logger } from "effect"
import { OnnxPolicy, type Policy, Policy as Contract, type Rollout } from "../../../src/policy/index.ts"
import * as Policies from "../../../src/policy/layers.ts"
import * as Server from "../openai/server.ts"
import * as Vllm from "../openai/vllm.ts"
import * as Backend from "../tinker/backend.ts"
import { directory, recorded, reinforce } from "../tinker/engines.ts"
import * as Tinker from "../tinker/server.ts"
import { sharing } from "../workers.ts"

const update = { learningRate: 3e-3, weightDecay: 0, clipNorm: 1 }

const built = <E>(layer: Layer.Layer<Policy, E>) =>
  Effect.map(Layer.build(layer), (context) => Context.get(context, Contract))

const runtime = sharing()(1)
const vllmHere = Vllm.startOn(runtime)

const onnx = (options: Partial<OnnxPolicy.Options>) =>
  OnnxPolicy.layer({ model: directory, seed: 0, ...options }).pipe(
    Layer.provide(Layer.merge(runtime, NodeServices.layer))
  )

const trainer = () => onnx({ lora: { rank: 4 } })

const sampler = ({ server }: Vllm.Vllm) =>
  Policies.openai({ baseUrl: server.baseUrl, model: "vl", apiKey: "", extra: { return_token_ids: true } })

const failure = <A, E extends { readonly message: string }>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), ({ message }) => message)

const told = (log: Array<string>) => Logger.layer([Logger.make(({ message }) => void log.push(String(message)))])

describe("Policy.split", () => {
  it.live("learns what one policy would: weights are 1 where both hold the same model", () =>
    Effect.gen(function*() {
      const vllm = yield* vllmHere
      const split = yield* built(Policies.split({ sampler: sampler(vllm), trainer: trainer() }))
      const alone = yield* built(trainer())
      // Some with factors of their own: they are kept beside those of the correction.
      const rollouts = (yield* recorded(split)).map((rollout, i) =>
        i % 2 === 0
          ? rollout
          : { ...rollout, importance: Float32Array.from(rollout.completion.tokens, (_, k) => k % 3) }
      )
      yield* split.beginStage
      yield* alone.beginStage
      const here = yield* alone.update(reinforce(rollouts), update)
      const { correction, ...there } = yield* split.update(reinforce(rollouts), update)
      assert.strictEqual(correction?.dropped, 0)
      assert.approximately(correction?.importance ?? NaN, 1, 1e-4)
      assert.isBelow(correction?.gap ?? NaN, 1e-4)
      for (const figure of ["loss", "gradNorm", "tokens", "version"] as const) {
        assert.approximately(there[figure]!, here[figure]!, 1e-4 * Math.max(1, Math.abs(here[figure]!)), figure)
      }
      assert.deepInclude(split.identity, { engine: "split", staleness: 1, truncation: 2 })
    }).pipe(Effect.scoped), 120_000)

  it.live(
    "takes every version to the servers, lets the one before go, and finds a grown gap without",
    () =>
      Effect.gen(function*() {
        const vllm = yield* vllmHere
        const fs = yield* FileSystem.FileSystem
        const directory = yield* fs.makeTempDirectoryScoped()
        const split = yield* built(
          Policies.split({ sampler: sampler(vllm), trainer: trainer(), adapters: { directory } })
        )
        const still = yield* built(Policies.split({ sampler: sampler(vllm), trainer: trainer(), staleness: 9 }))
        const gaps: Array<readonly [pushed: number, still: number]> = []
        for (let step = 0; step < 3; step++) {
          const [a, b] = yield* Effect.forEach(
            [split, still],
            (policy) => Effect.flatMap(recorded(policy), (rollouts) => policy.update(reinforce(rollouts), update))
          )
          gaps.push([a?.correction?.gap ?? NaN, b?.correction?.gap ?? NaN])
          assert.strictEqual(a?.correction?.dropped, 0)
          assert.deepStrictEqual(vllm.adapters().length, Math.min(step, 1))
          assert.deepStrictEqual(yield* fs.readDirectory(directory), vllm.adapters())
        }
        assert.isTrue(gaps.every(([pushed]) => pushed < 1e-4), JSON.stringify(gaps))
        assert.isTrue(gaps.slice(1).every(([, still]) => still > 1e-3), JSON.stringify(gaps))
        assert.isTrue(vllm.server.requests.some(({ body }) => body.model?.startsWith("rise-")))
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    300_000
  )

  it.live("leaves out what is older than k updates, counts it, and says when nothing is left", () => {
    const log: Array<string> = []
    return Effect.gen(function*() {
      const vllm = yield* vllmHere
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const split = yield* built(
        Policies.split({ sampler: sampler(vllm), trainer: trainer(), adapters: { directory }, staleness: 1 })
      )
      const batches: Array<ReadonlyArray<Rollout>> = []
      for (let step = 0; step < 3; step++) {
        batches.push((yield* recorded(split)).slice(0, 6))
        const all = batches.flat()
        const { correction, tokens } = yield* split.update(reinforce(all), update)
        // Batches of ages 2, 1 and 0: two are learned from.
        assert.strictEqual(correction?.dropped, Math.max(0, all.length - 12))
        assert.strictEqual(
          tokens,
          all.slice(-12).reduce((n, { completion }) => n + completion.tokens.length, 0)
        )
      }
      const snapshot = yield* split.snapshot
      yield* split.revert(snapshot)
      const none = yield* split.update(reinforce(batches.flat()), update)
      assert.deepStrictEqual([none.correction?.dropped, none.tokens, none.loss], [18, 0, 0])
      assert.match(log.join("\n"), /all 18 rollouts of an update are left out: too old/)

      const still = yield* built(Policies.split({ sampler: sampler(vllm), trainer: trainer(), staleness: 0 }))
      const first = yield* recorded(still)
      yield* still.update(reinforce(first), update)
      assert.match(
        yield* failure(still.update(reinforce(first), update)),
        /all 12 rollouts are 1 updates old, more than staleness, 0, .* give adapters: \{ directory \}/
      )
      assert.match(
        yield* failure(still.update(reinforce(batches[0] ?? []), update)),
        /rollout 0 was not drawn in a session of this policy/
      )
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(NodeServices.layer, told(log))))
  }, 300_000)

  it.live("learns at an engine what servers draw, and can what that engine can", () =>
    Effect.gen(function*() {
      const vllm = yield* vllmHere
      const engine = yield* Tinker.start(yield* Backend.open, {})
      const split = yield* built(Policies.split({
        sampler: sampler(vllm),
        trainer: Policies.tinker({ baseUrl: engine.baseUrl, model: "embedded", tokenizer: directory, rank: 0 })
      }))
      const rollouts = yield* recorded(split)
      const { correction, version } = yield* split.update(reinforce(rollouts), update)
      assert.isBelow(correction?.gap ?? NaN, 1e-3)
      assert.deepStrictEqual([correction?.dropped, version], [0, 1])
      assert.match(split.unable?.grammar ?? "", /a grammar cannot be sent to an engine/)
    }).pipe(Effect.scoped), 120_000)

  it.live(
    "weighs what is an update old by min(π/μ, C), as worked out by hand; every second version is pushed",
    () =>
      Effect.gen(function*() {
        const vllm = yield* vllmHere
        const fs = yield* FileSystem.FileSystem
        const directory = yield* fs.makeTempDirectoryScoped()
        const alone = yield* built(trainer())
        const bound = 1.02
        const split = yield* built(Policies.split({
          sampler: sampler(vllm),
          trainer: Layer.succeed(Contract, alone),
          staleness: 1,
          truncation: bound
        }))
        yield* split.update(reinforce(yield* recorded(split)), update)

        const rollouts = yield* recorded(split)
        const scored = yield* Effect.scoped(
          Effect.flatMap(
            alone.session,
            ({ logprobs }) => logprobs(rollouts.map(({ completion: { tokens }, prompt }) => ({ prompt, tokens })))
          )
        )
        let [sum, cut, gap, tokens] = [0, 0, 0, 0]
        const byHand = rollouts.map((rollout, i): Rollout => {
          const logprobs = scored[i]!
          const importance = rollout.completion.logprobs.map((mu, k) => {
            const ratio = Math.exp(logprobs[k]! - mu)
            const weight = ratio > bound ? bound : ratio
            sum += weight
            cut += Number(ratio > bound)
            gap += Math.abs(logprobs[k]! - mu)
            tokens++
            return weight
          })
          return { ...rollout, importance, completion: { ...rollout.completion, logprobs } }
        })
        assert.isAbove(cut, 0)
        assert.isBelow(cut, tokens)

        const begun = yield* alone.snapshot
        // Fresh moments on both sides.
        yield* alone.revert(begun)
        const { correction, ...there } = yield* split.update(reinforce(rollouts), update)
        yield* alone.revert(begun)
        const here = yield* alone.update(reinforce(byHand), update)
        yield* alone.revert(begun)
        const plain = yield* alone.update(reinforce(rollouts), update)
        assert.approximately(there.loss, here.loss, 1e-6)
        assert.approximately(there.gradNorm!, here.gradNorm!, 1e-5)
        assert.isAbove(Math.abs(plain.gradNorm! - here.gradNorm!), 1e-4)
        assert.strictEqual(correction?.dropped, 0)
        assert.approximately(correction?.importance ?? NaN, sum / tokens, 1e-6)
        assert.approximately(correction?.truncated ?? NaN, cut / tokens, 1e-9)
        assert.approximately(correction?.gap ?? NaN, gap / tokens, 1e-6)

        const every = yield* built(
          Policies.split({ sampler: sampler(vllm), trainer: trainer(), adapters: { directory, every: 2 } })
        )
        const gaps: Array<number> = []
        for (let step = 0; step < 4; step++) {
          const { correction } = yield* every.update(reinforce((yield* recorded(every)).slice(0, 6)), update)
          gaps.push(correction?.gap ?? NaN)
          assert.deepStrictEqual([correction?.dropped, vllm.adapters().length], [0, step < 2 ? 0 : 1])
        }
        const [first, second, third, fourth] = gaps
        assert.isBelow(Math.max(first!, third!), 1e-4)
        assert.isAbove(Math.min(second!, fourth!), 1e-3)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    300_000
  )

  it.live(
    "takes what an engine has learned to the servers, version by version, and leaves nothing behind",
    () =>
      Effect.gen(function*() {
        const vllm = yield* vllmHere
        const fs = yield* FileSystem.FileSystem
        const adapters = yield* fs.makeTempDirectoryScoped()
        const engine = yield* Tinker.start(yield* Backend.openWith({ rank: 4 }), {})
        yield* Effect.scoped(Effect.gen(function*() {
          const split = yield* built(Policies.split({
            sampler: sampler(vllm),
            trainer: Policies.tinker({ baseUrl: engine.baseUrl, model: "embedded", tokenizer: directory, rank: 4 }),
            adapters: { directory: adapters }
          }))
          const old: Array<ReadonlyArray<Rollout>> = []
          for (let step = 0; step < 3; step++) {
            old.push((yield* recorded(split)).slice(0, 6))
            const asked = vllm.server.requests.at(-1)?.body.model
            assert.strictEqual(asked, step === 0 ? "vl" : vllm.adapters()[0])
            const { correction } = yield* split.update(reinforce(old.flat()), update)
            // What was drawn two updates ago is left out; the newest came from the very weights that score it.
            assert.strictEqual(correction?.dropped, step === 2 ? 6 : 0)
            if (step === 0) assert.isBelow(correction?.gap ?? NaN, 1e-4)
            assert.deepStrictEqual(yield* fs.readDirectory(adapters), vllm.adapters())
          }
          const fresh = yield* split.update(reinforce(yield* recorded(split)), update)
          assert.isBelow(fresh.correction?.gap ?? NaN, 1e-4)
          const names = new Set(vllm.server.requests.flatMap(({ body }) => body.lora_name ?? []))
          assert.strictEqual(names.size, 3)
        }))
        assert.deepStrictEqual([vllm.adapters(), yield* fs.readDirectory(adapters)], [[], []])
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    300_000
  )

  it.live("refuses what cannot work, with what to change", () =>
    Effect.gen(function*() {
      const vllm = yield* vllmHere
      const mute = Policies.openai({ baseUrl: vllm.server.baseUrl, model: "vl", apiKey: "" })
      const local = onnx({ trainable: "none" })
      const unable = yield* built(Policies.split({ sampler: mute, trainer: trainer() }))
      const drawn = yield* recorded(unable)
      assert.match(
        yield* failure(unable.update(reinforce(drawn), update)),
        /does not tell token ids .* return_token_ids/
      )
      const fixed = yield* vllmHere
      const { answer } = fixed.server
      fixed.server.answer = (response, received) =>
        received.path.endsWith("/load_lora_adapter")
          ? Server.send(404, { detail: "Not Found" })(response, received)
          : answer(response, received)
      const adapters = { directory: yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped() }
      const pushed = yield* built(Policies.split({ sampler: sampler(fixed), trainer: trainer(), adapters }))
      const first = yield* recorded(pushed)
      yield* pushed.beginStage
      assert.match(
        yield* failure(Effect.andThen(pushed.update(reinforce(first), update), recorded(pushed))),
        /takes no adapters while it runs: start vLLM with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True/
      )
      for (
        const [options, expected] of [
          [{ adapters: { directory: "x", every: 3 } }, /adapters.every is 3, expected at most 2 \(staleness \+ 1\)/],
          [{ staleness: -1 }, /staleness is -1, expected a whole number from 0/],
          [{ truncation: 0 }, /truncation is 0, expected a number above 0/],
          [{ stalenes: 1 }, /stalenes is 1, expected no setting of this name/],
          [
            { sampler: local, adapters: { directory: "x" } },
            /the sampler takes no adapters: use Policy.openai of a vLLM/
          ],
          [{ trainer: mute, adapters: { directory: "x" } }, /the trainer writes no adapters: use Policy.onnx/]
        ] as const
      ) {
        const made = built(Policies.split({ sampler: mute, trainer: local, ...options } as never))
        assert.match(yield* failure(made as Effect.Effect<never, { readonly message: string }, never>), expected)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 120_000)
})
