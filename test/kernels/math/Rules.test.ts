import { assert, describe, it } from "@effect/vitest"
import { Rules } from "../../../src/kernels/math/index.ts"

/** A rule, how it is said, what it lets through and what it does not. */
const cases: ReadonlyArray<readonly [Rules.Rule, string, good: ReadonlyArray<unknown>, bad: ReadonlyArray<unknown>]> = [
  [Rules.finite, "a number", [0, -1, 1e300], []],
  [Rules.above(0), "a number above 0", [1e-300, 5], [0, -0, -1]],
  [Rules.atLeast(0), "a number from 0", [0, -0, 1e300], [-1e-300]],
  [Rules.share("[0, 1]"), "a number in [0, 1]", [0, 0.5, 1], [-1e-9, 1 + 1e-9]],
  [Rules.share("(0, 1]"), "a number in (0, 1]", [1e-9, 1], [0, 1.1]],
  [Rules.share("[0, 1)"), "a number in [0, 1)", [0, 0.99], [1, -1]],
  [Rules.whole(), "a whole number", [-3, 0, 7], [0.5, 2 ** 53]],
  [Rules.whole(1), "a whole number from 1", [1, 2 ** 53 - 1], [0, -1, 1.5, 2 ** 53]],
  [Rules.whole(2, 4), "a whole number from 2 to 4", [2, 4], [1, 5]],
  [Rules.whole(undefined, 4), "a whole number to 4", [-9, 4], [5]],
  [Rules.temperature(true), "0 (greedy) or a number from 0.00001 to 100", [0, 1e-5, 2, 100], [1e-6, -1, 101]],
  [
    Rules.temperature(false),
    "a number from 0.00001 to 100: a greedy choice has no likelihood to learn from",
    [1e-5, 1],
    [0, 1e-6, -1]
  ],
  [Rules.oneOf("mask", "off"), "\"mask\" or \"off\"", ["mask", "off"], ["on", "", 1]]
]

describe("rules", () => {
  for (const [rule, expected, good, bad] of cases) {
    it(expected, () => {
      assert.strictEqual(rule.expected, expected)
      for (const value of good) assert.isTrue(rule.holds(value), String(value))
      for (const value of [...bad, NaN, Infinity, -Infinity, "1", null, {}, [], true, 1n]) {
        assert.isFalse(rule.holds(value), String(value))
      }
    })
  }
  it("a limit can be switched off", () => {
    const rule = Rules.orNone(Rules.whole(1))
    assert.strictEqual(rule.expected, "a whole number from 1, or Infinity")
    assert.deepStrictEqual([1, Infinity, -Infinity, NaN, 0].map(rule.holds), [true, true, false, false, false])
  })
})

describe("a table", () => {
  const table: Rules.Table = {
    rate: Rules.above(0),
    "clip.low": Rules.required(Rules.share("[0, 1]")),
    "clip.high": Rules.atLeast(0),
    seed: Rules.required(Rules.whole())
  }
  const said = (settings: object) => {
    const broken = Rules.broken(table, settings)
    return broken === undefined ? undefined : Rules.say(broken)
  }
  it("passes what is left out, and asks for what must be there", () => {
    assert.isUndefined(said({ seed: 0 }))
    assert.isUndefined(said({ seed: 0, rate: undefined, clip: undefined }))
    assert.isUndefined(said({ seed: 0, clip: { low: 0.2 } }))
    assert.strictEqual(said({}), "seed is undefined, expected a whole number")
    assert.strictEqual(said({ seed: 0, clip: {} }), "clip.low is undefined, expected a number in [0, 1]")
    assert.strictEqual(said({ seed: 0, clip: 0.2 }), "clip.low is undefined, expected a number in [0, 1]")
  })
  it("names the first that breaks its rule, with its value", () => {
    assert.strictEqual(said({ seed: 0, rate: NaN }), "rate is NaN, expected a number above 0")
    assert.strictEqual(said({ seed: 0, rate: "1e-4" }), "rate is \"1e-4\", expected a number above 0")
    assert.strictEqual(said({ seed: 0, rate: null }), "rate is null, expected a number above 0")
    assert.strictEqual(
      said({ seed: 1.5, clip: { low: 0, high: -Infinity } }),
      "clip.high is -Infinity, expected a number from 0"
    )
  })
})
