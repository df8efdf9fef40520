import { assert, describe, it } from "@effect/vitest"
import { didYouMean, near } from "../../../src/kernels/text/near.ts"

describe("near", () => {
  it("is the nearest names, at most a third of the letters away, by a letter more, less, other or swapped", () => {
    assert.deepStrictEqual(near("acuracy", ["accuracy", "JSD", "valid"]), ["accuracy"])
    assert.deepStrictEqual(near("setps", ["steps", "select", "stop"]), ["steps"])
    assert.deepStrictEqual(near("STF", ["sft", "rft"]), ["sft"])
    assert.deepStrictEqual(near("modle", ["model", "models", "mode"]), ["model", "mode"])
    assert.deepStrictEqual(near("weights", ["steps", "tau"]), [])
  })

  it("is nothing of an empty name or a long text", () => {
    assert.deepStrictEqual(near("", ["a"]), [])
    assert.deepStrictEqual(near("a".repeat(1e6), ["a".repeat(1e6)]), [])
  })

  it("asks for what was meant, and quotes what is no word", () => {
    assert.strictEqual(didYouMean("colr", ["color", "cold"]), ": did you mean color or cold?")
    assert.strictEqual(didYouMean("my cas", ["my cat"]), ": did you mean \"my cat\"?")
    assert.strictEqual(didYouMean("x", ["steps"]), "")
  })
})
