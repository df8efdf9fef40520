/** What numbers per label are, told by their sums: one rule for JSON rows and for tables. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as JsonForms from "../../../src/data/layouts/JsonForms.ts"
import * as Tables from "../../../src/data/layouts/Tables.ts"
import { folder, live } from "../folders.ts"
import { lines, opened } from "./open.ts"

const pictures = { "1.png": [2, 2], "2.png": [2, 2], "3.png": [2, 2] } as const

/** Rows of [sun, rain], what they are read as, and how many of them are left. */
const cases: ReadonlyArray<readonly [rows: ReadonlyArray<readonly [number, number]>, said: string, usable: number]> = [
  [[[0.7, 0.3], [1, 0], [0.5, 0.5]], "shares: rows sum to 1", 3],
  [[[0.7, 0.3], [1, 0], [0.9, 0.5]], "shares: rows sum to 1", 2],
  [[[1, 0], [0, 1], [1, 0]], "shares: rows sum to 1", 3],
  [[[70, 30], [99, 0], [50, 50]], "percentages: rows sum to 99 to 100, read as shares", 3],
  [[[70, 30], [60, 40], [50, 60]], "percentages: rows sum to 100, read as shares", 2],
  [[[70, 30], [7, 3], [5, 6]], "votes: rows sum to 10 to 100, read as shares", 3],
  [[[1, 0], [0, 1], [1, 1]], "votes: rows sum to 1 to 2, read as shares", 3]
]

describe("numbers per label", () => {
  for (const [rows, said, usable] of cases) {
    it.effect(`${JSON.stringify(rows)}: ${said}`, () =>
      live(Effect.gen(function*() {
        const json = rows.map(([sun, rain], i) => ({ image: `${i + 1}.png`, label: { sun, rain } }))
        const csv = rows.map(([sun, rain], i) => `${i + 1}.png,${sun},${rain}`)
        const found = [
          yield* opened(JsonForms.layout, yield* folder({ ...pictures, "data.jsonl": lines(...json) })),
          yield* opened(Tables.layout, yield* folder({ ...pictures, "x.csv": lines("image,sun,rain", ...csv) }))
        ]
        for (const { error, notes, train } of found) {
          assert.strictEqual(error, "")
          assert.include(notes, said)
          assert.strictEqual(train.truths.length, usable)
        }
        assert.deepStrictEqual(found[0]?.train.truths, found[1]?.train.truths, "the same shares")
      })))
  }
})
