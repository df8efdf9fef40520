import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Schema, Stream } from "effect"
import * as Records from "../../src/cli/annotations/Records.ts"
import * as Lines from "../../src/dsl/Lines.ts"
import { readers } from "../../src/dsl/Reading.ts"
import * as Spool from "../../src/dsl/Spool.ts"
import { lines } from "../../src/studies/artefacts.ts"

const bytes = (...pieces: ReadonlyArray<string>) => Stream.fromIterable(pieces.map((text) => Buffer.from(text)))

describe("Lines", () => {
  it.effect("numbers lines across pieces and drops a byte order mark", () =>
    Effect.gen(function*() {
      const lines = yield* Stream.runCollect(Lines.read(String)(bytes("\ufeffa\nb", "c\r\n\nd")))
      assert.deepStrictEqual(lines.map(({ number, text }) => [number, text]), [[1, "a"], [2, "bc"], [3, ""], [4, "d"]])
    }))

  it.effect("refuses a line beyond the cap by its number, before it is held", () =>
    Effect.gen(function*() {
      const within = yield* Stream.runCollect(Lines.read(String, 4)(bytes("abcd\nab", "cd\n")))
      assert.strictEqual(within.length, 2)
      let read = 0
      const endless = Stream.map(Stream.range(0, 1_000_000), () => {
        read++
        return Buffer.from("xx")
      })
      const error = yield* Effect.flip(
        Stream.runDrain(Lines.read(String, 4)(Stream.concat(bytes("ab\ncd\n"), endless)))
      )
      assert.match(error, /^line 3 has more than 4 bytes, at most 4 are read/)
      assert.isBelow(read, 10_000)
    }))

  it.effect("records keep their ends of line, and one that was cut off is told", () =>
    Effect.gen(function*() {
      const text = "\"a\n\"\"b\"\r\né\n\n\"c"
      const all = Buffer.from(text)
      for (let at = 0; at <= all.length; at++) {
        const pieces = Stream.make(all.subarray(0, at), all.subarray(at))
        const found = yield* Stream.runCollect(Lines.records(String, { quoted: true })(pieces))
        assert.deepStrictEqual(found, [
          { number: 1, text: "\"a\n\"\"b\"\r\n", end: 9, whole: true },
          { number: 2, text: "é\n", end: 12, whole: true },
          { number: 3, text: "\n", end: 13, whole: true },
          { number: 4, text: "\"c", end: 15, whole: false }
        ])
      }
    }))

  it.effect("a record within quotes that do not end is refused, too", () =>
    Effect.gen(function*() {
      const long = bytes("\"", ...Array.from({ length: 100 }, () => "a\n"))
      const error = yield* Effect.flip(Stream.runDrain(Lines.records(String, { most: 9, quoted: true })(long)))
      assert.match(error, /^line 1 has more than 9 bytes/)
    }))

  it.effect("a file without line ends is an error of every reader of lines, not held in memory", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const file = `${folder}/a.jsonl`
      yield* Effect.scoped(Effect.flatMap(fs.open(file, { flag: "w" }), (open) => open.truncate(600 * 2 ** 20)))
      const before = process.resourceUsage().maxRSS
      const errors = { unreadable: String, tooLong: (reason: string) => reason }
      const error = yield* Effect.flip(Stream.runDrain(Lines.ofFile(file, errors)))
      assert.match(error, /line 1 has more than 67108864 bytes/)
      const none = () => Effect.void
      const others = [
        Stream.runDrain((yield* readers(folder)).lines("a.jsonl")),
        Spool.read(file),
        Records.visit(file, { quoted: false }, none),
        Records.visit(file, { quoted: true }, none),
        Stream.runDrain(lines(file, Schema.Json))
      ]
      for (const other of others) {
        const error = yield* Effect.flip(other)
        assert.strictEqual(error._tag, "RunFileError")
        assert.match(error.message, /a\.jsonl: line 1 has more than \d+ bytes/)
      }
      assert.isBelow((process.resourceUsage().maxRSS - before) / 1024, 600)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
