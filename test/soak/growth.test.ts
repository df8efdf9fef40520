import { assert, describe, it } from "@effect/vitest"
import { growth } from "./growth.ts"

const samples = (of: (done: number) => number) =>
  Array.from({ length: 100 }, (_, i) => ({ done: i + 1, mebibytes: of(i + 1) }))

describe("growth", () => {
  it("is none of what fills while it warms up, nor of what goes up and down", () => {
    assert.strictEqual(growth(samples((done) => Math.min(500, 100 + 20 * done))), 0)
    assert.isBelow(Math.abs(growth(samples((done) => 500 + (done % 2) * 100))), 1e-9)
  })

  it("tells a leak, and what gets less", () => {
    // A MiB each: from about 531 in the first quarter behind the warm-up to 591 in the last.
    assert.closeTo(growth(samples((done) => 500 + done)), 590.5 / 530.5 - 1, 1e-9)
    assert.isBelow(growth(samples((done) => 500 - done)), 0)
    assert.isNaN(growth([]))
  })
})
