/** Scripts that the types would not let through, and Node runs: see `Process.test.ts`. */
import { Effect, Layer } from "effect"
import { Progress, silent } from "../../../src/dsl/Progress.ts"
import * as Rise from "../../../src/dsl/Rise.ts"
import * as Stub from "../StubPolicy.ts"

const [, , mode = "", out = ""] = process.argv

const policy = Layer.merge(
  Stub.layer({ seed: 1 }).pipe(Layer.provide(Stub.Trace.layer)),
  Layer.succeed(Progress, silent)
)
const pipeline = Rise.make(Stub.Mood, Stub.data(4)).pipe(Rise.answers(), Rise.sft({ steps: 1 }))
/** What stands where the types want something else. */
const stray = (value: unknown) => value as never

const begun = (task: unknown, data: unknown) =>
  Rise.make(stray(task), stray(data)).pipe(Rise.rft({ steps: 1 }), Rise.run({ out }), Effect.provide(policy))

const programs: Readonly<Record<string, () => unknown>> = {
  unrun: () => pipeline.pipe(stray(Effect.provide(policy))),
  bare: () => pipeline,
  loop: () => Rise.make(Stub.Mood, Stub.data(4)).pipe(Rise.generate()),
  yielded: () =>
    Effect.gen(function*() {
      // @ts-expect-error a pipeline is no effect
      yield* pipeline
    }).pipe(Effect.provide(policy)),
  step: () => Rise.run({ out }),
  steps: () => Effect.provide(policy)(stray(Rise.run({ out }))),
  nothing: () => undefined,
  array: () => begun(Stub.Mood, [{ image: "a.png", truth: "sad" }]),
  effect: () => begun(Stub.Mood, Effect.succeed(Stub.data(4))),
  taskless: () => begun({ name: "mood" }, Stub.data(4)),
  optionless: () => pipeline.pipe(Rise.run(stray(undefined)), Effect.provide(policy)),
  sound: () => Effect.provide(Effect.void, policy)
}

Rise.runMain(stray(programs[mode]?.()))
