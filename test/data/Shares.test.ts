import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { extent } from "../../src/data/Segmentation.ts"
import * as Shares from "../../src/data/Shares.ts"

describe("a number in a cell", () => {
  it("is a decimal number, perhaps with an exponent or a sign of percent", () => {
    const cells = [["1.", 1], [" .5 ", 0.5], ["-1.5e3", -1500], ["5 %", 5], ["+50.%", 50]] as const
    for (const [cell, amount] of cells) assert.strictEqual(Shares.amountOf(cell), amount, cell)
    for (const cell of ["", ".", "1..2", "1.2.3", "1e", "0x1", "1%%", "1 2", "NaN", "1e999"]) {
      assert.isUndefined(Shares.amountOf(cell), cell)
    }
  })

  it("is told in time that grows with its length, not with the square of it", () => {
    // So many digits took minutes: each of them may be the last before the point.
    const cell = `${"214748".repeat(50_000)}!`
    const before = process.cpuUsage()
    assert.isUndefined(Shares.amountOf(cell))
    assert.isTrue(Result.isFailure(extent([[cell, cell, cell, cell, cell, cell]])))
    const { system, user } = process.cpuUsage(before)
    assert.isBelow((user + system) / 1000, 1000)
  })
})
