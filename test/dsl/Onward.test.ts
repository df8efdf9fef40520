/** A second run under one policy does not train on from the first without a word. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Policy, PolicyError } from "../../src/policy/Policy.ts"
import { bytes } from "./folders.ts"
import * as Stub from "./StubPolicy.ts"

const live = () =>
  Layer.mergeAll(Stub.layer({ seed: 1 }), Layer.succeed(Progress, silent)).pipe(Layer.provideMerge(Stub.Trace.layer))

const answers = (steps = 4) =>
  Rise.make(Stub.Mood, Stub.data(8)).pipe(Rise.answers(), Rise.sft({ steps, batchSize: 4, learningRate: 2 }))
const chains = Rise.make(Stub.Mood, Stub.data(8)).pipe(
  Rise.generate({ candidates: 2 }),
  Rise.reconstruct(),
  Rise.validate(),
  Rise.best()
)

const inFolder = <A, E, R>(use: (folder: string) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.flatMap(fs.makeTempDirectoryScoped(), use)).pipe(
    Effect.scoped,
    Effect.provide(NodeServices.layer)
  )

const weightsOf = (out: string) =>
  Effect.map(bytes(out), (files) => {
    const weights = Object.entries(files).filter(([name]) =>
      /^(model|checkpoints)\/.*\.(json|bin|safetensors)$/.test(name) && !name.endsWith("ledger.json")
    )
    assert.isAbove(weights.length, 0)
    return weights
  })

const recordOf = (out: string) =>
  Effect.map(
    Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(`${out}/run.json`)),
    (text) => JSON.parse(text)
  )

describe("a run under a policy that an earlier one has trained", () => {
  it.effect("is refused before it has a folder, and begins from the base under a policy of its own", () =>
    inFolder((folder) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const [first, second] = [`${folder}/first`, `${folder}/second`]
        const both = Effect.andThen(answers().pipe(Rise.run({ out: first })), answers().pipe(Rise.run({ out: second })))
        const error = yield* Effect.flip(Effect.provide(both, live()))
        assert.include(error.message, `trained by the run in ${first}`)
        assert.include(error.message, `after: "${first}"`)
        assert.isFalse(yield* fs.exists(second))
        yield* answers().pipe(Rise.run({ out: second }), Effect.provide(live()))
        assert.deepStrictEqual(yield* weightsOf(second), yield* weightsOf(first))
      })
    ))

  it.effect("trains on where it says so, which run.json records", () =>
    inFolder((folder) =>
      Effect.gen(function*() {
        const [first, second] = [`${folder}/first`, `${folder}/second`]
        const after = (after: string) => answers().pipe(Rise.run({ out: second, after }))
        yield* Effect.provide(Effect.andThen(answers().pipe(Rise.run({ out: first })), after(first)), live())
        assert.strictEqual((yield* recordOf(second)).identity.after, first)
        const none = yield* Effect.flip(
          Effect.provide(answers().pipe(Rise.run({ out: `${folder}/x`, after: first })), live())
        )
        assert.include(none.message, "no run of this program has trained this policy")
      })
    ))

  it.effect("goes on where its folder has weights of its own, and chains alone train nothing", () =>
    inFolder((folder) =>
      Effect.gen(function*() {
        const out = `${folder}/run`
        const again = answers().pipe(Rise.run({ out, resume: true }))
        const whole = Effect.all([
          chains.pipe(Rise.run({ out: `${folder}/chains` })),
          again,
          again,
          chains.pipe(Rise.run({ out: `${folder}/more` }))
        ])
        yield* Effect.provide(whole, live())
      })
    ))

  it.effect("is not refused where the earlier one ended before it trained", () =>
    inFolder((folder) =>
      Effect.gen(function*() {
        const none = Rise.make(Stub.Mood, Stub.data(0)).pipe(Rise.answers(), Rise.sft({ steps: 4, batchSize: 4 }))
        const ended = Effect.flip(none.pipe(Rise.run({ out: `${folder}/none` })))
        const [first, second] = [`${folder}/first`, `${folder}/second`]
        yield* answers().pipe(Rise.run({ out: first }), Effect.provide(live()))
        yield* Effect.provide(Effect.andThen(ended, answers().pipe(Rise.run({ out: second }))), live())
        assert.deepStrictEqual(yield* weightsOf(second), yield* weightsOf(first))
      })
    ))

  it.effect("is refused under the weights that an earlier one has brought back from its folder", () =>
    inFolder((folder) =>
      Effect.gen(function*() {
        const [first, second] = [`${folder}/first`, `${folder}/second`]
        const resumed = answers().pipe(Rise.run({ out: first, resume: true }))
        yield* Effect.provide(resumed, live())
        const error = yield* Effect.flip(
          Effect.provide(Effect.andThen(resumed, answers().pipe(Rise.run({ out: second }))), live())
        )
        assert.include(error.message, `trained by the run in ${first}`)
      })
    ))

  it.effect("is refused after an attempt that has trained and kept nothing", () =>
    inFolder((folder) =>
      Effect.gen(function*() {
        const out = `${folder}/run`
        let updates = 0
        const failing = Layer.effect(
          Policy,
          Effect.map(Policy, (policy): Policy["Service"] => ({
            ...policy,
            update: (...asked) =>
              ++updates === 3
                ? Effect.fail(new PolicyError({ operation: "update", reason: "away" }))
                : policy.update(...asked)
          }))
        ).pipe(Layer.provideMerge(live()))
        const again = answers().pipe(Rise.run({ out, resume: true }))
        // Written, and cut off before the ledger spoke of it: it is removed by whoever opens the run.
        const half = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeDirectory(`${out}/checkpoints/sft.step-2`))
        const error = yield* Effect.flip(
          Effect.provide(Effect.flip(again).pipe(Effect.andThen(half), Effect.andThen(again)), failing)
        )
        assert.include(String(error), "kept no weights")
      })
    ))
})
