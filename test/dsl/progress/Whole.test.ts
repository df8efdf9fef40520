import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Progress from "../../../src/dsl/Progress.ts"
import * as Whole from "../../../src/dsl/progress/Whole.ts"

const { Event } = Progress
const stages = [
  { stage: "warm-up", counted: 10 },
  { stage: "sft", counted: 30 },
  { stage: "rft", counted: 60 }
]

describe("a whole run", () => {
  it("goes on at the pace of what is behind: counted seconds ahead times seconds a counted one took", () => {
    const whole = Whole.make()
    assert.isUndefined(whole.place("warm-up", 0, 0))
    whole.planned(stages, 0)
    whole.started("warm-up", 0)
    assert.deepStrictEqual(whole.place("warm-up", 0, 0), { at: 1, of: 3, left: undefined })
    // Half of the first stage took 10 s where 5 were counted: twice as slow, and 95 counted ones are left.
    assert.deepStrictEqual(whole.place("warm-up", 0.5, 10_000), { at: 1, of: 3, left: 190 })
    whole.finished("warm-up")
    whole.started("sft", 0)
    assert.deepStrictEqual(whole.place("sft", 1, 80_000), { at: 2, of: 3, left: 120 })
    assert.isUndefined(whole.place("another", 0.5, 90_000))
  })

  it("that is resumed learns its pace from what this process did", () => {
    const whole = Whole.make()
    whole.planned(stages, 0)
    whole.started("sft", 0.5)
    assert.deepStrictEqual(whole.place("sft", 0.5, 1000), { at: 2, of: 3, left: undefined })
    // 0.25 of 30 counted seconds in 15 s; 7.5 + 60 are ahead.
    assert.deepStrictEqual(whole.place("sft", 0.75, 15_000), { at: 2, of: 3, left: 135 })
  })

  it.effect("tells programs of a figure that is no number by its name: JSON would say null", () =>
    Effect.gen(function*() {
      const objects: Array<string> = []
      const view = Progress.jsonLines({ write: (text) => objects.push(text) })
      yield* view.report(
        Event.Step({ stage: "rft", step: 1, tokens: 0, figures: { kl: NaN, loss: 0.5, reward: -Infinity } })
      )
      assert.deepStrictEqual(JSON.parse(objects[0] ?? "").figures, { kl: "NaN", loss: 0.5, reward: "-Infinity" })
    }))

  it.effect("stands in the terminal's line and in the JSON", () =>
    Effect.gen(function*() {
      const [lines, objects]: [Array<string>, Array<string>] = [[], []]
      const views = [
        Progress.terminal({ write: (text) => lines.push(text) }),
        Progress.jsonLines({ write: (text) => objects.push(text) })
      ]
      const report = (event: Progress.Event) => Effect.forEach(views, (view) => view.report(event))
      yield* report(Event.Planned({ stages }))
      yield* report(Event.Started({ stage: "warm-up", total: 4, unit: "steps" }))
      yield* TestClock.adjust("4 seconds")
      yield* report(Event.Step({ stage: "warm-up", step: 2, tokens: 8, figures: { loss: 0.5 } }))
      yield* report(Event.Warned({ stage: "warm-up", text: "slow" }))
      yield* report(Event.Finished({ stage: "warm-up", note: "" }))
      assert.deepStrictEqual(lines, [
        `${"[1/3] warm-up".padEnd(30)}  2/4 steps  loss 0.500  2 tok/s  ETA 4s, whole run 1m16s\n`,
        "warning: warm-up: slow\n",
        `${"[1/3] warm-up".padEnd(30)}  done in 4s\n`
      ])
      assert.deepStrictEqual(objects.map((line) => JSON.parse(line)), [
        { event: "planned", stages: ["warm-up", "sft", "rft"] },
        { event: "started", stage: "warm-up", at: 1, of: 3, total: 4, unit: "steps", done: 0 },
        {
          event: "step",
          stage: "warm-up",
          at: 1,
          of: 3,
          secondsLeft: 76,
          step: 2,
          total: 4,
          tokens: 8,
          figures: { loss: 0.5 }
        },
        { event: "warned", stage: "warm-up", text: "slow" },
        { event: "finished", stage: "warm-up", at: 1, of: 3, secondsLeft: 36, note: "" }
      ])
      const some: Array<string> = []
      const only = Progress.warnings(Progress.terminal({ write: (text) => some.push(text) }))
      yield* only.report(Event.Started({ stage: "sft", total: 1, unit: "steps" }))
      yield* only.report(Event.Warned({ stage: "sft", text: "few" }))
      assert.deepStrictEqual(some, ["warning: sft: few\n"])
    }))
})
