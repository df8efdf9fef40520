/** The policy at an engine that misbehaves, forgets, speaks the old way, or takes no pictures. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, FileSystem, Layer, Logger, Path } from "effect"
import { Objective, type Policy, type Rollout, TinkerPolicy } from "../../../src/policy/index.ts"
import * as Policies from "../../../src/policy/layers.ts"
import {
  adaptingEngines,
  directory,
  Engines,
  policyAt,
  recorded,
  reinforce,
  remote,
  supervise,
  update
} from "./engines.ts"
import * as Server from "./server.ts"

const told = (log: Array<string>) => Logger.layer([Logger.make(({ message }) => void log.push(String(message)))])

/** Steps that end with what the weights have become: a loss at the last of them. */
const steps = (policy: Policy["Service"], rollouts: ReadonlyArray<Rollout>, count: number) =>
  Effect.map(
    Effect.forEach(Array.from({ length: count }), () => policy.update(supervise(rollouts), update)),
    (stats) => stats.at(-1)?.loss ?? NaN
  )

const scores = (policy: Policy["Service"], rollouts: ReadonlyArray<Rollout>) =>
  Effect.scoped(
    Effect.flatMap(policy.session, (session) =>
      session.logprobs(rollouts.map(({ completion: { tokens }, prompt }) => ({ prompt, tokens }))))
  )

const near = (a: ReadonlyArray<Float32Array>, b: ReadonlyArray<Float32Array>, tolerance: number) =>
  a.forEach((values, i) => values.forEach((value, k) => assert.approximately(value, b[i]![k]!, tolerance)))

describe("Policy.tinker", () => {
  layer(adaptingEngines, { timeout: 300_000, excludeTestServices: true })((it) => {
    it.effect(
      "draws with log-probabilities that it scores alike, under seeds that are keys",
      () =>
        Effect.gen(function*() {
          const { connection, engine, policy } = yield* remote({ apiKey: "secret-of-the-engine" })
          const rollouts = yield* recorded(policy)
          near(yield* scores(policy, rollouts), rollouts.map(({ completion }) => completion.logprobs), 1e-4)
          assert.deepStrictEqual(
            (yield* recorded(policy)).map(({ completion }) => completion.text),
            rollouts.map(({ completion }) => completion.text)
          )
          assert.isTrue(rollouts.every(({ completion: { text } }) => !text.includes("<|")))
          assert.deepStrictEqual(connection, {
            models: ["embedded"],
            normaliser: "sum over the tokens of a sequence, sum over sequences",
            pictures: true,
            losses: ["cross_entropy", "ppo"],
            request: { data: 1024, bytes: 5_000_000 }
          })
          assert.deepStrictEqual([...engine.keys], ["secret-of-the-engine"])
        }).pipe(Effect.scoped),
      300_000
    )

    it.effect(
      "says the same in JSON to servers that know no protobuf, and measures what they divide by",
      () =>
        Effect.gen(function*() {
          const plain = yield* remote()
          const rollouts = yield* recorded(plain.policy)
          const old = yield* remote({}, { spelling: "json", mean: "sequence", limit: { data: 2, bytes: 1e6 } })
          assert.strictEqual(
            old.connection.normaliser,
            "mean over the tokens of a sequence, mean over the sequences of an update"
          )
          assert.strictEqual(old.connection.request.data, 2)
          near(yield* scores(old.policy, rollouts), yield* scores(plain.policy, rollouts), 1e-5)
          for (const objective of [supervise(rollouts), reinforce(rollouts)]) {
            const a = yield* plain.policy.update(objective, update)
            const b = yield* old.policy.update(objective, update)
            assert.approximately(a.loss, b.loss, 1e-5)
            assert.approximately(a.gradNorm!, b.gradNorm!, 1e-4)
          }
        }).pipe(Effect.scoped),
      300_000
    )

    it.effect("is not moved by servers in trouble: every request is the same request", () =>
      Effect.gen(function*() {
        const calm = yield* remote()
        const rollouts = yield* recorded(calm.policy)
        const expected = yield* steps(calm.policy, rollouts, 3)
        const { engine, policy } = yield* remote()
        engine.faults.push(
          { path: "forward_backward", times: 1, done: true, answer: Server.cut },
          { path: "forward_backward", times: 1, answer: Server.status(503) },
          { path: "optim_step", times: 1, done: true, answer: Server.status(500) },
          { path: "optim_step", times: 2, answer: Server.status(429) },
          { path: "retrieve_future", times: 2, answer: Server.status(408) },
          { path: "retrieve_future", times: 1, answer: Server.cut },
          { path: "retrieve_future", times: 9, answer: Server.status(200, { type: "try_again" }) },
          { path: "retrieve_future", times: 1, answer: Server.status(410) }
        )
        assert.approximately(yield* steps(policy, rollouts, 3), expected, 1e-6)
        assert.isTrue(engine.faults.every(({ times }) => times === 0))
        assert.isAtLeast(engine.repeated, 2)
      }).pipe(Effect.scoped), 120_000)

    it.effect(
      "opens a lost session again and leads the model through what it had learned",
      () =>
        Effect.gen(function*() {
          const calm = yield* remote()
          const rollouts = yield* recorded(calm.policy)
          const expected = yield* steps(calm.policy, rollouts, 6)
          const log: Array<string> = []
          // Two updates are kept: the third is behind a saved state.
          const { engine, policy } = yield* remote({ kept: 2 })
          yield* steps(policy, rollouts, 3)
          engine.forget()
          yield* Effect.provide(steps(policy, rollouts, 2), told(log))
          engine.forget()
          const drawn = yield* recorded(policy)
          assert.strictEqual(drawn.length, rollouts.length)
          assert.approximately(yield* steps(policy, rollouts, 1), expected, 1e-6)
          assert.match(
            log.join("\n"),
            /the engine has lost the session; it is opened again from tinker:\/\/\S+ and led/
          )
        }).pipe(Effect.scoped),
      300_000
    )

    it.effect(
      "begins with nothing that an update which was cut off left in the engine's slots",
      () =>
        Effect.gen(function*() {
          const calm = yield* remote()
          const rollouts = yield* recorded(calm.policy)
          const expected = yield* steps(calm.policy, rollouts, 3)
          for (
            const [served, options] of [
              [{ slots: true }, {}],
              [{ slots: true, strict: true }, { probe: false }]
            ] as const
          ) {
            const engine = yield* Server.start(yield* Engines, served)
            /** A client that goes between a pass and its step. */
            yield* Effect.scoped(Effect.gen(function*() {
              const { policy } = yield* policyAt(engine.baseUrl, { probe: false })
              // The place is swept when the model is made; the step is what does not come.
              yield* recorded(policy)
              engine.faults.push({ path: "optim_step", times: 1, answer: Server.status(400) })
              yield* Effect.flip(policy.update(reinforce(rollouts), update))
            }))
            const { connection, policy } = yield* policyAt(engine.baseUrl, options)
            if (!("probe" in options)) {
              assert.strictEqual(connection.normaliser, "sum over the tokens of a sequence, sum over sequences")
            }
            yield* steps(policy, rollouts, 1)
            // One of its own is cut off, and taken back.
            const passes = engine.trainedBy.length
            engine.faults.push({ path: "optim_step", times: 1, answer: Server.status(400) })
            yield* Effect.flip(policy.update(reinforce(rollouts), update))
            assert.isAbove(engine.trainedBy.length, passes)
            assert.approximately(yield* steps(policy, rollouts, 2), expected, 1e-6)
          }
        }).pipe(Effect.scoped),
      300_000
    )

    it.effect("asks for no second model where the engine forgets what goes", () =>
      Effect.gen(function*() {
        for (const [served, models] of [[{}, 1], [{ slots: true }, 2]] as const) {
          const { engine, policy } = yield* remote({}, served)
          const made = () => engine.requests.filter((path) => path === "create_model").length
          const before = made()
          yield* recorded(policy)
          assert.strictEqual(made() - before, models)
        }
      }).pipe(Effect.scoped), 120_000)

    it.effect("finds out once what the engine does, however often its layer is built", () =>
      Effect.gen(function*() {
        const engine = yield* Server.start(yield* Engines)
        const layer = Policies.tinker({ baseUrl: engine.baseUrl, model: "embedded", tokenizer: directory, rank: 0 })
        const built = Effect.scoped(Effect.gen(function*() {
          const before = engine.requests.length
          const context = yield* Layer.build(Layer.fresh(layer))
          const passes = engine.requests.slice(before).filter((path) => path === "forward_backward").length
          return { passes, ...Context.get(context, TinkerPolicy.Connection) }
        }))
        const { passes, ...found } = yield* built
        assert.isAbove(passes, 5)
        assert.deepStrictEqual(yield* built, { passes: 0, ...found })
      }).pipe(Effect.scoped), 120_000)

    it.effect("comes back from a checkpoint in another process, and from a snapshot", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const { join } = yield* Path.Path
        const at = yield* fs.makeTempDirectoryScoped()
        const { engine, policy } = yield* remote({ reference: "stage" })
        const rollouts = yield* recorded(policy)
        yield* policy.beginStage
        const kept = yield* policy.snapshot
        const before = yield* scores(policy, rollouts)
        yield* steps(policy, rollouts, 2)
        yield* policy.checkpoint(join(at, "a"))
        const held = reinforce(rollouts, { kl: 0.1 })
        const gone = yield* policy.update(held, update)
        const { policy: other } = yield* policyAt(engine.baseUrl, { reference: "stage", probe: false })
        yield* other.restore(join(at, "a"))
        const again = yield* other.update(held, update)
        assert.approximately(again.loss, gone.loss, 1e-6)
        assert.approximately(again.kl, gone.kl, 1e-6)
        near(yield* scores(other, rollouts), yield* scores(policy, rollouts), 1e-6)
        yield* policy.revert(kept)
        near(yield* scores(policy, rollouts), before, 1e-6)
        yield* policy.save(join(at, "model"))
        assert.sameMembers(yield* fs.readDirectory(join(at, "model")), [
          "adapter_config.json",
          "adapter_model.safetensors",
          "engine.json"
        ])
        // Where the engine has the same weights.
        yield* policy.restore(join(at, "model"))
        near(yield* scores(policy, rollouts), before, 1e-6)
        const { policy: ranked } = yield* policyAt(engine.baseUrl, { rank: 4, probe: false })
        const refused = yield* Effect.flip(ranked.restore(join(at, "model")))
        assert.match(refused.message, /engine\.json is of an adapter of rank 0, this policy's has 4/)
        assert.sameMembers(yield* fs.readDirectory(at), ["a", "model"])
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 120_000)

    it.effect("refuses an engine that drops pictures, and one that is not there", () =>
      Effect.gen(function*() {
        const blind = yield* Effect.flip(remote({}, { blind: true }))
        assert.match(
          blind.message,
          /does not take pictures: for a picture of 16 visual tokens in a sequence of 31 .* of 15 tokens, expected 31/
        )
        const failing = (path: string, code: number, detail: string, times = 99) =>
          Effect.flip(remote({}, { faults: [{ path, times, answer: Server.status(code, { detail }) }] }))
        // What fails without a picture, too, is none of the picture's.
        const rank = yield* failing("create_model", 400, "LoRA rank 32 must be between 1 and 8")
        assert.match(rank.message, /rank 32 must be between 1 and 8.*: --lora 8 \(rank in a script\)$/)
        const key = yield* failing("forward_backward", 401, "who are you?")
        assert.match(key.message, /who are you.*set TINKER_API_KEY/)
        const full = yield* failing("forward_backward", 400, "no room")
        assert.match(full.message, /no room/)
        for (const { message } of [rank, key, full]) assert.notInclude(message, "pictures")
        const refused = yield* failing("forward_backward", 400, "no pictures here", 1)
        assert.match(refused.message, /does not take pictures: .* it answered ".*no pictures here/)
        const other = yield* Effect.flip(remote({ model: "Qwen/Qwen3-VL-8B" }))
        assert.match(other.message, /does not serve "Qwen\/Qwen3-VL-8B"; it serves embedded$/)
        const away = yield* Effect.flip(policyAt("http://127.0.0.1:9", { attempts: 2 }))
        assert.match(away.message, /^policy load: http:\/\/127.0.0.1:9\S+: the connection failed: .*after 2 attempts/)
        const crowded = yield* Server.start(yield* Engines)
        crowded.faults.push({
          path: "create_model",
          times: 9,
          answer: Server.status(400, { detail: "Maximum number of LoRA adapters (4) reached" })
        })
        assert.match(
          (yield* Effect.flip(policyAt(crowded.baseUrl))).message,
          /wait until another run ends; those of clients that were killed go after five minutes.*\(4\) reached/
        )
        const log: Array<string> = []
        const silent = yield* Effect.provide(remote({}, { silent: true }), told(log))
        assert.strictEqual(silent.connection.normaliser, undefined)
        assert.match(log.join("\n"), /tells no gradient norm: what it divides losses by could not be measured/)
        // What nobody told is not 0.
        assert.notProperty(yield* silent.policy.update(supervise(yield* recorded(silent.policy)), update), "gradNorm")
      }).pipe(Effect.scoped), 120_000)

    it.effect("refuses what no engine can do, with the setting to change", () =>
      Effect.gen(function*() {
        const { policy } = yield* remote({ probe: false })
        const rollouts = yield* recorded(policy)
        const grammar = { allowed: new Uint8Array(0), next: new Int32Array(0), states: 0, vocabulary: 0, id: "g" }
        const [first] = rollouts
        const given: ReadonlyArray<readonly [Objective, RegExp]> = [
          [reinforce(rollouts, { kl: 0.05 }), /kl is 0\.05, and there is no reference to hold on to: set kl to 0, or/],
          [
            reinforce(rollouts, {
              format: {
                weight: 1,
                texts: [{ prompt: first!.prompt, tokens: first!.completion.tokens, grammar } as never]
              }
            }),
            /a format loss needs the probabilities of all tokens, which no engine tells: set format to 0/
          ],
          [
            reinforce(rollouts, { entropy: 0.01 }),
            /an entropy bonus needs the probabilities of all tokens, which no engine tells: set entropy to 0/
          ],
          [
            reinforce(
              rollouts.map((rollout) => ({ ...rollout, completion: { ...rollout.completion, finish: "length" } })),
              { maskTruncated: true }
            ),
            /every rollout was cut off, and maskTruncated leaves those out/
          ],
          [
            reinforce(rollouts.map((rollout) => ({ ...rollout, temperature: 0.7 }))),
            /drawn at temperature 0\.7; engines score at 1/
          ],
          [
            Objective.Supervised({
              examples: [{
                prompt: first!.prompt,
                target: [{ text: "joy", weight: 1 }],
                auxiliary: [{ tokens: Int32Array.of(1), weight: 1 }]
              }]
            }),
            /auxiliary losses at inner layers do not exist at an engine: leave auxiliary out/
          ],
          [Objective.Supervised({ examples: [] }), /the batch is empty/]
        ]
        for (const [objective, expected] of given) {
          assert.match((yield* Effect.flip(policy.update(objective, update))).message, expected)
        }
        const masked = yield* Effect.flip(
          Effect.scoped(Effect.flatMap(policy.session, (session) =>
            session.sample([{ prompt: first!.prompt, key: "a" }], {
              count: 1,
              maxTokens: 4,
              grammar: grammar as never
            })))
        )
        assert.match(masked.message, /a grammar cannot be sent to an engine: use grammar "off"/)
      }).pipe(Effect.scoped), 120_000)

    it.effect("refuses options that mean nothing, by name", () =>
      Effect.gen(function*() {
        for (
          const [options, expected] of [
            [{ baseUrl: "localhost" }, /baseUrl is "localhost", expected an address/],
            [{ baseUrl: "http://u:p@localhost" }, /baseUrl holds a user or a password/],
            [{ apiKey: "a b" }, /apiKey holds white space or a character beyond ASCII at position 1/],
            [{ rank: -1 }, /rank is -1, expected a whole number from 0/],
            [{ concurency: 8 }, /concurency is 8, expected no setting of this name/],
            [{ patience: "soon" }, /patience is "soon", expected a duration/],
            [{ tokenizer: "/nowhere" }, /nowhere/]
          ] as const
        ) {
          const error = yield* Effect.flip(policyAt("http://127.0.0.1:9", { attempts: 1, ...options } as never))
          assert.match(error.message, expected)
        }
      }).pipe(Effect.scoped))
  })
})
