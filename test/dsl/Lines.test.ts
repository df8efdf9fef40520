import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import * as Lines from "../../src/dsl/Lines.ts"

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

  it.effect("a file without line ends is an error, not held in memory", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* fs.makeTempDirectoryScoped()}/a.jsonl`
      yield* Effect.scoped(Effect.flatMap(fs.open(file, { flag: "w" }), (open) => open.truncate(600 * 2 ** 20)))
      const before = process.resourceUsage().maxRSS
      const errors = { unreadable: String, tooLong: (reason: string) => reason }
      const error = yield* Effect.flip(Stream.runDrain(Lines.ofFile(file, errors)))
      assert.match(error, /line 1 has more than 67108864 bytes/)
      assert.isBelow((process.resourceUsage().maxRSS - before) / 1024, 600)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
