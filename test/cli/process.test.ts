/** The words of a command line, before they are parsed. */
import { assert, describe, it } from "@effect/vitest"
import { joined } from "../../src/cli/process.ts"

describe("the words of a command line", () => {
  it("have a negative time as the value of the flag before it", () => {
    const cases: ReadonlyArray<readonly [string, string]> = [
      ["train --budget -1m", "train --budget=-1m"],
      ["train --budget=5m -1m", "train --budget=5m -1m"],
      ["train --seed -1", "train --seed -1"],
      ["annotate -1a.png --out -2b", "annotate -1a.png --out=-2b"],
      ["annotate -- --out -2b", "annotate -- --out -2b"]
    ]
    for (const [words, expected] of cases) assert.deepStrictEqual(joined(words.split(" ")), expected.split(" "))
  })

  it("may be as many as a shell makes of a folder", () => {
    const words = Array.from({ length: 80_000 }, (_, i) => `photos/${i}.jpg`)
    assert.deepStrictEqual(joined(words), words)
  })
})
