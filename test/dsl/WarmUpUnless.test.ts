/** `warmUp({ unless })`: left out where the base answers and rebuilds in the format, and nowhere else. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Progress } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import * as Stub from "./StubPolicy.ts"

/** Writes one think-answer of every picture, and rebuilds one text from every reasoning. */
const warmed = Effect.fnUntraced(function*(rebuilt: string) {
  const said: Array<string> = []
  const report = Layer.succeed(Progress, {
    report: (event) => Effect.sync(() => event._tag === "Finished" ? said.push(event.note) : 0)
  })
  const updates = yield* Effect.gen(function*() {
    yield* Rise.make(Stub.Mood, Stub.data(20)).pipe(Rise.warmUp({ share: 1, steps: 2, unless: 0.8 }), Rise.train)
    return (yield* Stub.Trace).updates.length
  }).pipe(
    Effect.provide(Layer.provideMerge(
      Stub.layer({ seed: 0, bias: { [Stub.thinkAnswers[0]!]: 20, [rebuilt]: 20 } }),
      Layer.mergeAll(Stub.Trace.layer, Run.layerMemory({ seed: 0 }), report, NodeServices.layer)
    ))
  )
  return { said, updates }
})

describe("a warm-up that may be left out", () => {
  it.effect("is left out where answers are read and rebuilt, which is said", () =>
    Effect.gen(function*() {
      const { said, updates } = yield* warmed("joy")
      assert.strictEqual(updates, 0)
      assert.deepStrictEqual(said, ["left out: the base answers and rebuilds 16 of 16 in the format already"])
    }))

  it.effect("is done where nothing can be rebuilt from a reasoning, however well the model answers", () =>
    Effect.gen(function*() {
      const { updates } = yield* warmed("potato")
      assert.strictEqual(updates, 2)
    }))
})
