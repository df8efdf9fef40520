import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Result, Schema, Stream } from "effect"
import * as Quarantine from "../../src/dsl/Quarantine.ts"
import { sift } from "../../src/dsl/Sift.ts"
import { logs } from "./logs.ts"

const row = (n: number, reason = "sum") =>
  new Quarantine.Row({ source: "train.csv", row: n, reason, detail: `row ${n}` })

describe("Quarantine", () => {
  it.effect("counts each row once, by reason", () =>
    Effect.gen(function*() {
      const quarantine = yield* Quarantine.collect
      yield* Effect.forEach([row(2), row(3, "missing-file"), row(2), row(4)], Quarantine.add, { concurrency: 4 }).pipe(
        Effect.provideService(Quarantine.Quarantine, quarantine)
      )
      assert.deepStrictEqual(yield* quarantine.counts, { sum: 2, "missing-file": 1 })
      assert.strictEqual(yield* quarantine.total, 3)
      assert.deepStrictEqual((yield* quarantine.rows).map(({ row }) => row), [2, 3, 4])
    }))

  it.effect("keeps counting after it stops keeping rows", () =>
    Effect.gen(function*() {
      const quarantine = yield* Quarantine.collect
      yield* Effect.forEach(Array.from({ length: Quarantine.kept + 5 }, (_, i) => row(i)), quarantine.add)
      assert.strictEqual(yield* quarantine.total, Quarantine.kept + 5)
      assert.strictEqual((yield* quarantine.rows).length, Quarantine.kept)
    }))

  it.effect("writes NDJSON as rows come", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/quarantine.jsonl`
      const quarantine = yield* Quarantine.file(path)
      yield* Effect.forEach([row(2), row(7, "line\nbreak"), row(2)], quarantine.add)
      const lines = (yield* fs.readFileString(path)).trimEnd().split("\n")
      const rows = lines.map((line) => Schema.decodeUnknownSync(Schema.fromJsonString(Quarantine.Row))(line))
      assert.deepStrictEqual(rows, [row(2), row(7, "line\nbreak")])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("a file that cannot be written is an error, not silence", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Quarantine.file("/nowhere/quarantine.jsonl"))
      assert.match(error.message, /^\/nowhere\/quarantine.jsonl: cannot write the quarantine/)
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("holds the rows of a run until its folder is there, then moves them and tells of each source once", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/quarantine.jsonl`
      yield* fs.writeFileString(path, "of a run before\n")
      const data = sift({ source: "train.csv" })(Stream.make(
        ...[1, 2, 3, 4, 5].map((n) => ({
          row: n,
          read: n === 2 ? Result.succeed([n]) : Result.fail({ reason: "sum", detail: `row ${n}` })
        }))
      ))
      const around = yield* Quarantine.collect
      const { lines } = yield* logs(
        Effect.scoped(Effect.gen(function*() {
          const quarantine = yield* Quarantine.forRun
          yield* Effect.gen(function*() {
            yield* Stream.runDrain(data)
            assert.strictEqual(yield* fs.readFileString(path), "of a run before\n")
            yield* quarantine.settle(path)
            yield* Effect.forEach([1, 2, 3], () => Stream.runDrain(data))
            // Of no pass, and after the others were told of.
            yield* Effect.forEach([
              row(7),
              new Quarantine.Row({ source: "my own", row: 1, reason: "odd", detail: "one" })
            ], Quarantine.add)
          }).pipe(Effect.provideService(Quarantine.Quarantine, quarantine))
        })).pipe(Effect.provideService(Quarantine.Quarantine, around))
      )
      assert.deepStrictEqual(lines, [
        `train.csv: 4 of its 5 rows are set aside: sum 4\n  row 1: sum: row 1\n  row 3: sum: row 3\n  row 4: ` +
        `sum: row 4\n  …\n  All of them: ${path}`,
        `train.csv: 5 rows are set aside: sum 5\n  row 1: sum: row 1\n  row 3: sum: row 3\n  row 4: sum: row ` +
        `4\n  …\n  All of them: ${path}`,
        `my own: 1 row is set aside: odd 1\n  row 1: odd: one\n  All of them: ${path}`
      ])
      const kept = (yield* fs.readFileString(path)).trimEnd().split("\n").map((line) => JSON.parse(line).row)
      assert.deepStrictEqual(kept, [1, 3, 4, 5, 7, 1])
      assert.strictEqual(yield* around.total, 6)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("an error of a source that has nothing left names the file", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/quarantine.jsonl`
      const quarantine = yield* Quarantine.file(path)
      const data = sift({ source: "train.csv" })(
        Stream.make({ row: 2, read: Result.fail({ reason: "sum", detail: "0.5" }) })
      )
      const error = yield* Effect.flip(
        Stream.runDrain(data).pipe(Effect.provideService(Quarantine.Quarantine, quarantine))
      )
      assert.strictEqual(
        error.message,
        `train.csv: none of its 1 rows is usable: sum 1. First, row 2: sum: 0.5. All of them: ${path}`
      )
      assert.include(yield* fs.readFileString(path), "\"detail\":\"0.5\"")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("without a collector, the first rows of a source are logged, and that there are more", () =>
    Effect.gen(function*() {
      const { lines } = yield* logs(Effect.forEach([9, 9, 8, 9, 7, 6, 5, 9], (n) => Quarantine.add(row(n))))
      assert.deepStrictEqual(lines, [
        "quarantined train.csv row 9: sum: row 9",
        "quarantined train.csv row 8: sum: row 8",
        "quarantined train.csv row 7: sum: row 7",
        "more rows of train.csv are quarantined: Quarantine.collect counts, Quarantine.file writes them down"
      ])
    }))
})
