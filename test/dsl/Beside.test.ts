/** Samples beside the rows that were written of them: nothing is paired with another picture, nothing is dropped. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { beside } from "../../src/dsl/stages/Beside.ts"
import * as Stub from "./StubPolicy.ts"

const names = (count: number) => Stub.data(count).pipe(Stream.map(({ image }) => ({ image: image.id })))
const paired = (samples: number, rows: ReturnType<typeof names>) =>
  Stream.runCollect(beside(Stub.data(samples), rows, "rows.jsonl"))

describe("rows beside their samples", () => {
  it.effect("are paired in order", () =>
    Effect.gen(function*() {
      const pairs = yield* paired(5, names(5))
      assert.deepStrictEqual(pairs.map(([sample, row]) => [sample.image.id, row.image]), [
        ["joy-0", "joy-0"],
        ["anger-1", "anger-1"],
        ["fear-2", "fear-2"],
        ["joy-3", "joy-3"],
        ["anger-4", "anger-4"]
      ])
      assert.deepStrictEqual(yield* paired(0, names(0)), [])
    }))

  it.effect("are an error that names both sides where one is of another picture, or is missing on either side", () =>
    Effect.gen(function*() {
      for (
        const [samples, rows, said] of [
          [3, Stream.drop(names(4), 1), "has anger-1 where the data set has joy-0"],
          [3, names(2), "has no more where the data set has fear-2"],
          [2, names(3), "has fear-2 where the data set has no more"],
          [1, Stream.empty, "has no more where the data set has joy-0"]
        ] as const
      ) {
        const error = yield* Effect.flip(paired(samples, rows))
        assert.strictEqual(error.message.includes(said) && error.path === "rows.jsonl", true, error.message)
      }
    }))
})
