import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Result, Stream } from "effect"
import { DataError } from "../../src/dsl/DataError.ts"
import * as Quarantine from "../../src/dsl/Quarantine.ts"
import { sift } from "../../src/dsl/Sift.ts"
import { logs } from "./logs.ts"

/** Even rows are good. */
const outcomes = (count: number, detail = (row: number) => `value ${row}`) =>
  Stream.map(Stream.range(1, count), (row) => ({
    row,
    read: row % 2 === 0
      ? Result.succeed([row])
      : Result.fail({ reason: row % 3 === 0 ? "third" : "odd", detail: detail(row) })
  }))

describe("Sift", () => {
  it.effect("passes on what is usable in order, and ends a pass with one warning that counts the rest", () =>
    Effect.gen(function*() {
      const { lines, result } = yield* logs(Stream.runCollect(sift({ source: "a.csv" })(outcomes(9))))
      assert.deepStrictEqual(Option.getOrThrow(Result.getSuccess(result)), [2, 4, 6, 8])
      assert.deepStrictEqual(lines, [
        "a.csv: 5 of its 9 rows are set aside: odd 3, third 2\n  row 1: odd: value 1\n  row 3: third: value 3\n " +
        " row 5: odd: value 5\n  …"
      ])
    }))

  it.effect("warns once of a source that is read again, and again where it has changed", () =>
    Effect.gen(function*() {
      const data = sift({ source: "b.csv" })(outcomes(4))
      const { lines } = yield* logs(Effect.andThen(Stream.runDrain(data), Stream.runDrain(data)))
      assert.deepStrictEqual(lines, [
        "b.csv: 2 of its 4 rows are set aside: odd 1, third 1\n  row 1: odd: value 1\n  row 3: third: value 3"
      ])
      const changed = yield* logs(Stream.runDrain(sift({ source: "b.csv" })(outcomes(2))))
      assert.deepStrictEqual(changed.lines, ["b.csv: 1 of its 2 rows is set aside: odd 1\n  row 1: odd: value 1"])
    }))

  it.effect("says so of a pass that is not read to its end", () =>
    Effect.gen(function*() {
      const data = sift({ source: "c.csv", unit: "picture" })(Stream.rechunk(outcomes(1000), 1))
      const { lines } = yield* logs(Stream.runDrain(Stream.take(data, 2)))
      assert.strictEqual(lines.length, 1)
      assert.match(
        lines[0]!,
        /^c\.csv: \d of the first \d pictures are set aside: odd 1, third 1\n {2}odd: value 1/
      )
      assert.deepStrictEqual(
        (yield* logs(Stream.runDrain(Stream.take(data, 200)))).lines,
        [],
        "the same again, further on"
      )
      assert.match((yield* logs(Stream.runDrain(data))).lines.join(), /500 of its 1000 pictures/)
    }))

  it.effect("prints few lines of many rows, whatever stands in them", () =>
    Effect.gen(function*() {
      const { lines } = yield* logs(
        Stream.runDrain(sift({ source: "d.csv" })(outcomes(20_000, () => `\u001b[2J\n${"x".repeat(9999)}`)))
      )
      assert.strictEqual(lines.length, 1)
      assert.strictEqual(lines[0]!.split("\n").length, 5)
      assert.isBelow(lines[0]!.length, 2000)
      assert.notInclude(lines[0]!, "\u001b")
    }))

  it.effect("fails where nothing is left: reasons counted, the first one whole, and no warning besides", () =>
    Effect.gen(function*() {
      const bad = (count: number) => Stream.filter(outcomes(count), ({ row }) => row % 2 === 1)
      const { lines, result } = yield* logs(Stream.runDrain(sift({ source: "e.csv" })(bad(9))))
      assert.deepStrictEqual(lines, [])
      const error = Option.getOrThrow(Result.getFailure(result))
      assert.instanceOf(error, DataError)
      assert.strictEqual(
        error.message,
        "e.csv: none of its 5 rows is usable: odd 3, third 2. First, row 1: odd: value 1"
      )
      const unusable = yield* Effect.flip(
        Stream.runDrain(sift({ source: "e.csv", unit: "picture", unusable: () => "no picture" })(bad(3)))
      )
      assert.strictEqual(unusable.message, "e.csv: no picture: odd 1, third 1. First, odd: value 1")
      const empty = yield* Effect.flip(Stream.runDrain(sift({ source: "e.csv", nothing: "no rows" })(Stream.empty)))
      assert.strictEqual(empty.message, "e.csv: no rows")
      assert.strictEqual(yield* Stream.runCount(sift({ source: "e.csv" })(Stream.empty)), 0)
    }))

  it.effect("counts the most frequent reason first, and says nothing of a source that lost no row", () =>
    Effect.gen(function*() {
      const { lines } = yield* logs(Stream.runDrain(sift({ source: "e.csv" })(Stream.drop(outcomes(8), 2))))
      assert.match(lines.join(), /^e\.csv: 3 of its 6 rows are set aside: odd 2, third 1\n/)
      const told: Array<string> = []
      const view: Quarantine.Shape = {
        add: () => Effect.void,
        passed: ({ source }) => Effect.sync(() => void told.push(source))
      }
      const good = Stream.filter(outcomes(9), ({ row }) => row % 2 === 0)
      yield* Effect.forEach([good, outcomes(3)], (rows, i) => Stream.runDrain(sift({ source: `${i}.csv` })(rows))).pipe(
        Effect.provideService(Quarantine.Quarantine, view)
      )
      assert.deepStrictEqual(told, ["1.csv"])
    }))

  it.effect("ends with the error of a row that is no row's fault", () =>
    Effect.gen(function*() {
      const failing = Stream.concat(
        outcomes(3),
        Stream.make({ row: 4, read: Result.fail(new DataError({ source: "disk", reason: "gone" })) })
      )
      const { lines, result } = yield* logs(Stream.runDrain(sift({ source: "f.csv" })(failing)))
      assert.strictEqual(Option.getOrThrow(Result.getFailure(result)).message, "disk: gone")
      assert.deepStrictEqual(lines, [])
    }))

  it.effect("reports each row to a collector, which tells nobody", () =>
    Effect.gen(function*() {
      const quarantine = yield* Quarantine.collect
      const data = sift({ source: "g.csv" })(outcomes(9))
      const { lines } = yield* logs(
        Effect.andThen(Stream.runDrain(data), Stream.runDrain(data)).pipe(
          Effect.provideService(Quarantine.Quarantine, quarantine)
        )
      )
      assert.deepStrictEqual(lines, [])
      assert.deepStrictEqual(yield* quarantine.counts, { odd: 3, third: 2 })
    }))
})
