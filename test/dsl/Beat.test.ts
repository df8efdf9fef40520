/** Silence is broken, and only silence. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Event } from "../../src/dsl/Progress.ts"
import { beating } from "../../src/dsl/progress/Beat.ts"

describe("a beat", () => {
  it.effect("repeats the last of a stage that is silent for two seconds, and nothing of one that has ended", () =>
    Effect.scoped(Effect.gen(function*() {
      const told: Array<string> = []
      const { beat, view } = beating({
        report: (event) => Effect.sync(() => void told.push(event._tag === "Step" ? `step ${event.step}` : event._tag))
      })
      yield* Effect.forkScoped(beat)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(told, [])
      yield* view.report(Event.Started({ stage: "sft", total: 9, unit: "steps" }))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(told.splice(0), ["Started"])
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(told.splice(0), ["step 0"])
      yield* view.report(Event.Step({ stage: "sft", step: 4, tokens: 1, figures: {} }))
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(told.splice(0), ["step 4", "step 4", "step 4"])
      yield* view.report(Event.Finished({ stage: "sft", note: "" }))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(told, ["Finished"])
    })))
})
