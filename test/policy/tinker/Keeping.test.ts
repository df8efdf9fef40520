/** What is left of a run: an adapter merged into its base, or the address of weights that stay at the engine. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Logger, Path } from "effect"
import { Emotion6, Rise, Scenes } from "../../../src/index.ts"
import * as Beside from "../../../src/policy/Beside.ts"
import { Policy, TinkerPolicy } from "../../../src/policy/index.ts"
import * as Policies from "../../../src/policy/layers.ts"
import * as WeightsStay from "../../../src/policy/WeightsStay.ts"
import * as Backend from "./backend.ts"
import { directory, policyAt, recorded, supervise, update } from "./engines.ts"
import * as Server from "./server.ts"

const services = Effect.provide(NodeServices.layer)
const learning = Rise.make(Emotion6.task, Scenes.dataset({ split: "train", limit: 4 })).pipe(
  Rise.answers(),
  Rise.sft({ steps: 2, learningRate: 1e-3 })
)

describe("what an engine has learned", () => {
  it.live("is merged into a base that lies on this disk", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const { join } = yield* Path.Path
      const at = yield* fs.makeTempDirectoryScoped()
      const engine = yield* Server.start(yield* Backend.openWith({ rank: 4 }), {})
      const context = yield* Layer.build(
        Policies.tinker({
          baseUrl: engine.baseUrl,
          model: "embedded",
          tokenizer: directory,
          rank: 4,
          merge: true
        })
      )
      const learn = Effect.gen(function*() {
        const policy = yield* Policy
        const rollouts = yield* recorded(policy)
        for (let step = 0; step < 3; step++) {
          yield* policy.update(supervise(rollouts), { ...update, learningRate: 0.01 })
        }
        yield* policy.save(join(at, "model"))
        yield* Beside.put(policy, { "rise-task.json": "{}" })
        yield* (yield* TinkerPolicy.Adapters).save(join(at, "adapter"))
        assert.strictEqual(yield* fs.readFileString(join(at, "adapter", "rise-task.json")), "{}")
        return { rollouts, there: yield* scores(policy, rollouts) }
      })
      const scores = (policy: Policy["Service"], rollouts: Effect.Success<ReturnType<typeof recorded>>) =>
        Effect.scoped(
          Effect.flatMap(
            policy.session,
            (session) => session.logprobs(rollouts.map(({ completion: { tokens }, prompt }) => ({ prompt, tokens })))
          )
        )
      const { rollouts, there } = yield* Effect.provideContext(learn, context)
      assert.sameMembers(yield* fs.readDirectory(at), ["model", "adapter"])
      const here = (model: string, lora?: { readonly adapter: string }) =>
        Effect.scoped(
          Effect.flatMap(
            Layer.build(Policies.onnx({ model, workers: 1, trainable: "none", ...(lora && { lora }) })),
            (own) => Effect.flatMap(Effect.provideContext(Policy, own), (policy) => scores(policy, rollouts))
          )
        )
      const gap = (a: ReadonlyArray<Float32Array>) =>
        Math.max(
          ...a.flatMap((values, i) => Array.from(values, (value, k) => Math.abs(value - (there[i]?.[k] ?? NaN))))
        )
      assert.isBelow(gap(yield* here(join(at, "model"))), 1e-3)
      assert.isAbove(gap(yield* here(directory)), 0.01)
    }).pipe(Effect.scoped, services), 180_000)

  it.live(
    "cannot be merged where there is no base, or no adapter: said before anything is trained",
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const { join } = yield* Path.Path
        const bare = yield* fs.makeTempDirectoryScoped()
        for (const name of yield* fs.readDirectory(directory)) {
          if (!name.endsWith(".safetensors")) yield* fs.copy(join(directory, name), join(bare, name))
        }
        const engine = yield* Server.start(yield* Backend.openWith({ rank: 4 }), {})
        const refused = (options: Partial<TinkerPolicy.Options>) =>
          Effect.map(Effect.flip(policyAt(engine.baseUrl, { merge: true, ...options })), ({ message }) => message)
        assert.match(
          yield* refused({ rank: 4, tokenizer: bare }),
          /^policy load: merge needs the base model's weights, and \S+ holds none that can be read: .*leave merge out/
        )
        assert.match(yield* refused({ rank: 0 }), /merge is true and rank is 0: without an adapter/)
        assert.notInclude(engine.requests, "save_weights_for_sampler")
      }).pipe(Effect.scoped, services),
    300_000
  )

  it.live(
    "ends a run with the address of weights that stay there, from which it can be asked",
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const { join } = yield* Path.Path
        const at = yield* fs.makeTempDirectoryScoped()
        const out = join(at, "run")
        const engine = yield* Server.start(yield* Backend.open, { keeps: true })
        const { policy } = yield* policyAt(engine.baseUrl)
        const told: Array<string> = []
        yield* learning.pipe(
          Rise.run({ out }),
          Effect.provideService(Policy, policy),
          Effect.provide(Logger.layer([Logger.make(({ message }) => void told.push(String(message)))]))
        )
        assert.sameMembers(yield* fs.readDirectory(join(out, "model")), ["README.md", "engine.json", "rise-task.json"])
        assert.match(
          told.join("\n"),
          /no archive of tinker:\S+: its weights stay there\. \S+ holds its state's address/
        )
        const { policy: other } = yield* policyAt(engine.baseUrl, { probe: false })
        const rollouts = yield* recorded(policy)
        yield* other.restore(join(out, "model"))
        const texts = (drawn: typeof rollouts) => drawn.map(({ completion: { text } }) => text)
        assert.deepStrictEqual(texts(yield* recorded(other)), texts(rollouts))
        // A resume finds a run that has ended.
        const asked = engine.requests.length
        yield* learning.pipe(Rise.run({ out, resume: true }), Effect.provideService(Policy, policy))
        assert.isFalse(engine.requests.slice(asked).includes("optim_step"))
        const error = yield* Effect.flip(policy.save(join(at, "else")))
        assert.match(WeightsStay.of(error)?.path ?? "", /^tinker:/)
        assert.isFalse(yield* fs.exists(join(at, "else")))
      }).pipe(Effect.scoped, services),
    300_000
  )
})
