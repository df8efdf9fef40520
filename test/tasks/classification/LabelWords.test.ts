import { assert, describe, it } from "@effect/vitest"
import { DataError } from "../../../src/dsl/DataError.ts"
import { Classification } from "../../../src/tasks/classification/index.ts"

describe("a label with control characters", () => {
  it("is quoted on one line where it is refused, and so is the name of a folder", () => {
    try {
      Classification.check("mood", ["a", "b\nerror: your key expired"])
      assert.fail("the label was taken")
    } catch (error) {
      assert.include(String(error), "\"b\\nerror: your key expired\"")
      assert.notInclude(String(error), "\nerror")
    }
    assert.strictEqual(new DataError({ source: "a\nb", reason: "c" }).message, "a\\u000ab: c")
  })
})
