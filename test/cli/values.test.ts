/** Values of flags. */
import { assert, describe, it } from "@effect/vitest"
import { secondsIn } from "../../src/cli/values.ts"

describe("a time", () => {
  it("is hours, minutes and seconds, each of which may be left out", () => {
    const cases: ReadonlyArray<readonly [string, number]> = [
      ["90s", 90],
      ["10m", 600],
      ["1.5h", 5400],
      ["1h30m", 5400],
      ["6m03s", 363],
      [" 1h0m10s ", 3610],
      ["", 0],
      ["10", 0],
      ["30m1h", 0],
      ["-1m", 0],
      ["1h30", 0]
    ]
    for (const [text, seconds] of cases) assert.strictEqual(secondsIn(text), seconds, text)
  })
})
