import { assert, describe, it } from "@effect/vitest"
import { tableOf } from "../../../src/kernels/image/weightTables.ts"

describe("tables of weights", () => {
  it("are kept as long as they are asked for, whatever is asked for besides", () => {
    const used = tableOf(100, 50, true)
    const unused = tableOf(100, 51, true)
    for (let to = 1; to <= 40; to++) {
      assert.notStrictEqual(tableOf(90, to, false), used)
      assert.strictEqual(tableOf(100, 50, true), used)
    }
    assert.notStrictEqual(tableOf(100, 51, true), unused)
    assert.deepStrictEqual(tableOf(100, 51, true), unused)
    assert.notStrictEqual(tableOf(100, 50, false), used)
  })

  it("of great pictures are made each time", () => {
    assert.notStrictEqual(tableOf(65_000, 2000, true), tableOf(65_000, 2000, true))
  })
})
