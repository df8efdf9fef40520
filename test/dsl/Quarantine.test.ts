import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Logger, Schema } from "effect"
import * as Quarantine from "../../src/dsl/Quarantine.ts"

const row = (n: number, reason = "sum") => new Quarantine.Row({ source: "train.csv", row: n, reason, detail: `row ${n}` })

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

  it.effect("without a collector, every row is logged", () =>
    Effect.gen(function*() {
      const logged: Array<string> = []
      const logger = Logger.make(({ message }) => {
        logged.push(String(message))
      })
      yield* Quarantine.add(row(9)).pipe(Effect.provide(Logger.layer([logger])))
      assert.deepStrictEqual(logged, ["quarantined train.csv row 9: sum: row 9"])
    }))
})
