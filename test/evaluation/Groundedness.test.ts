import { assert, describe, it } from "@effect/vitest"
import { Groundedness } from "../../src/evaluation/index.ts"

describe("Groundedness", () => {
  it("counts precision and recall over samples", () => {
    const one = Groundedness.count(["crying", "snake"], ["crying", "balloon", "night"])
    assert.deepStrictEqual(one, { samples: 1, hits: 1, named: 2, present: 3 })
    const both = Groundedness.add(one, Groundedness.count([], ["joy"]))
    assert.strictEqual(Groundedness.precision(both), 0.5)
    assert.strictEqual(Groundedness.recall(both), 0.25)
    assert.strictEqual(Groundedness.precision(Groundedness.none), 1)
    assert.deepStrictEqual(Groundedness.figures(both), [
      { metric: "cue precision", value: 0.5, n: 2, items: 2 },
      { metric: "cue recall", value: 0.25, n: 2, items: 4 }
    ])
    assert.deepStrictEqual(Groundedness.figures(Groundedness.none), [])
  })

  it("has no figure of no cue: a text that names none is precise about nothing", () => {
    assert.deepStrictEqual(Groundedness.figures(Groundedness.count([], ["joy"])), [
      { metric: "cue recall", value: 0, n: 1, items: 1 }
    ])
    assert.deepStrictEqual(Groundedness.figures(Groundedness.count(["joy"], [])), [
      { metric: "cue precision", value: 0, n: 1, items: 1 }
    ])
  })
})
