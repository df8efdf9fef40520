/** A GRPO stage whose texts stop keeping the format, or earning anything, says so while it runs. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Collapse from "../../src/dsl/stages/Collapse.ts"

/** What is said of a run of steps, by the step. */
const said = (steps: ReadonlyArray<{ readonly valid: number; readonly reward: number }>) => {
  const watch = Collapse.watch()
  return steps.flatMap((figures, i) => {
    const text = watch(i + 1, figures)
    return text === undefined ? [] : [[i + 1, text] as const]
  })
}
const of = (count: number, valid: number, reward: number) => Array.from({ length: count }, () => ({ valid, reward }))

describe("a collapse", () => {
  it("is told once, at the step that makes it sure: of the format, which takes the reward along", () => {
    const told = said([...of(10, 0.9, 0.6), ...of(20, 0, 0)])
    assert.deepStrictEqual(told.map(([step]) => step), [15])
    assert.strictEqual(
      told[0]![1],
      "the policy collapses: the share of texts that can be read has fallen from 0.900 (5 steps up to step 5) to " +
        "0.000 (5 steps up to step 15); lower learningRate, raise kl, or pay for the format (`format` here)"
    )
  })

  it("of the reward alone is told as such", () => {
    const told = said([...of(6, 1, 0.5), ...of(6, 1, 0.01)])
    assert.deepStrictEqual(told.map(([step]) => step), [11])
    assert.match(told[0]![1], /the reward has fallen from 0\.500 .* to 0\.010 .*they can be read and are wrong$/)
  })

  it("is told again where it recovers in between", () => {
    const told = said([...of(6, 1, 0.5), ...of(6, 0, 0), ...of(6, 1, 0.5), ...of(6, 0, 0)])
    assert.deepStrictEqual(told.map(([step]) => step), [11, 23])
  })

  it("is none where nothing was there, or where less is left", () => {
    assert.deepStrictEqual(said(of(40, 0, 0)), [])
    assert.deepStrictEqual(said([...of(10, 0.08, 0.05), ...of(10, 0, 0)]), [])
    assert.deepStrictEqual(said([...of(10, 0.9, 0.6), ...of(4, 0, 0), ...of(10, 0.9, 0.6)]), [])
  })

  const Figure = Schema.Number.check(Schema.isBetween({ minimum: 0.2, maximum: 1 }))
  it.prop("is none of figures that stay above a twentieth of the best", [Schema.Array(Figure)], ([values]) => {
    assert.deepStrictEqual(said(values.map((value) => ({ valid: value, reward: value }))), [])
  })

  it("is told beside what another watch says of the same step", () => {
    const watch = Collapse.watch((step) => step % 11 === 0 ? "something else" : undefined)
    const told = [...of(6, 1, 0.5), ...of(6, 0, 0)].map((figures, i) => watch(i + 1, figures))
    assert.match(told[10] ?? "", /^the policy collapses: .*\. something else$/)
    assert.strictEqual(Collapse.watch(() => "alone")(1, { valid: 1, reward: 1 }), "alone")
  })
})
