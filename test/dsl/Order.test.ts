/** Steps in orders that the types refuse: a script that Node runs without a compiler is refused before any work. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Stream } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { method, Run } from "../../src/dsl/Run.ts"
import type { Policy } from "../../src/policy/Policy.ts"
import * as Stub from "./StubPolicy.ts"

const live = Layer.mergeAll(
  Stub.layer({ seed: 1 }),
  Run.layerMemory({ seed: 1 }),
  Layer.succeed(Progress, silent)
).pipe(Layer.provideMerge(Stub.Trace.layer), Layer.provideMerge(NodeServices.layer))

/** Every step between the first and the last, without its types. */
const steps = {
  warmUp: () => Rise.warmUp({ steps: 1 }),
  generate: () => Rise.generate(),
  reconstruct: () => Rise.reconstruct(),
  validate: () => Rise.validate(),
  reinforce: () => Rise.reinforce({ steps: 1 }),
  best: () => Rise.best(),
  recall: () => Rise.recall("RISE"),
  filter: () => Rise.filter({ tau: 0 }),
  answers: () => Rise.answers(),
  sft: () => Rise.sft({ steps: 1 }),
  rft: () => Rise.rft({ steps: 1 })
}
type Name = keyof typeof steps
type Failing = Effect.Effect<void, Rise.Misplaced, Policy | Run>
interface Ended {
  readonly sound: Failing
  readonly ready: Failing
  readonly items: Stream.Stream<unknown, Rise.Misplaced, Policy | Run>
}

/** The shortest way to each stage that a step leads to. */
const ways: Readonly<Record<"make" | Name, ReadonlyArray<Name>>> = {
  make: [],
  warmUp: ["warmUp"],
  generate: ["generate"],
  reconstruct: ["generate", "reconstruct"],
  validate: ["generate", "reconstruct", "validate"],
  reinforce: ["generate", "reconstruct", "validate", "reinforce"],
  best: ["generate", "reconstruct", "validate", "best"],
  recall: ["recall"],
  filter: ["recall", "filter"],
  answers: ["answers"],
  sft: ["answers", "sft"],
  rft: ["rft"]
}

/** What may stand right before a step, as the paper and its baselines have it. */
const before: Readonly<Record<Name | "run", ReadonlyArray<keyof typeof ways>>> = {
  warmUp: ["make"],
  generate: ["make", "warmUp"],
  reconstruct: ["generate"],
  validate: ["reconstruct"],
  reinforce: ["validate"],
  best: ["validate", "reinforce"],
  recall: ["make", "warmUp"],
  filter: ["best", "recall"],
  answers: ["make", "warmUp"],
  sft: ["best", "recall", "filter", "answers"],
  rft: ["make", "warmUp", "sft"],
  run: ["warmUp", "reinforce", "best", "recall", "filter", "sft", "rft"]
}

const start = (read: () => void) =>
  Rise.make(Stub.Mood, Stream.tap(Stub.data(4), () => Effect.sync(read)), { validation: 0 })

const through = (names: ReadonlyArray<Name>, from: unknown) =>
  names.reduce((self, name) => (steps[name]() as (self: unknown) => unknown)(self), from) as Ended

const run = (out: string, self: unknown) => (Rise.run({ out }) as (self: unknown) => Failing)(self)

describe("order", () => {
  for (const name of [...Object.keys(steps) as Array<Name>, "run" as const]) {
    it.effect(`of ${name}`, () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        for (const last of Object.keys(ways) as Array<keyof typeof ways>) {
          let read = 0
          const self = through(ways[last], start(() => read++))
          if (before[name].includes(last)) {
            yield* through(name === "run" ? [] : [name], self).sound
            continue
          }
          const out = `${yield* fs.makeTempDirectoryScoped()}/run`
          const attempts: ReadonlyArray<Failing> = name === "run"
            ? [run(out, self), (Rise.train as (self: unknown) => Failing)(self)]
            : [
              through([name], self).sound,
              through([name], self).ready,
              Stream.runDrain(through([name], self).items),
              run(out, through([name], self))
            ]
          for (const attempt of attempts) {
            const error = yield* attempt.pipe(method("mine"), Effect.flip)
            assert.deepInclude(error, {
              _tag: "Misplaced",
              stage: error.stage.includes("/") ? `mine/${name}` : name,
              after: `Rise.${last}()`,
              expected: before[name]
            })
          }
          assert.strictEqual(read, 0)
          assert.isFalse(yield* fs.exists(out))
        }
      }).pipe(Effect.scoped, Effect.provide(live)))
  }

  it.effect("names the first mistake, what is missing and the whole order", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(through(["generate", "validate", "best", "rft"], start(() => {})).ready)
      assert.strictEqual(
        error.message,
        "validate needs Rise.reconstruct() right before it, and stands behind Rise.generate(). The paper's order: " +
          "make, warmUp, generate, reconstruct, validate, reinforce, best, filter, sft, rft, run"
      )
    }).pipe(Effect.provide(live)))

  it.effect("takes a step that was not called, and what is no pipeline, for what they are", () =>
    Effect.gen(function*() {
      for (const [given, after] of [[Rise.generate, /not called/], [Stub.data(4), /no pipeline/]] as const) {
        for (const name of Object.keys(steps) as Array<Name>) {
          const error = yield* Effect.flip(through([name, "rft"], given).ready)
          assert.match(error.after, after)
        }
        const error = yield* Effect.flip(run("never", given))
        assert.match(error.after, after)
      }
    }).pipe(Effect.provide(live)))
})
