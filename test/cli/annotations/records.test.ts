/** Records of a file that was cut off anywhere. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as Records from "../../../src/cli/annotations/Records.ts"

const recordsOf = (bytes: Uint8Array, quoted: boolean) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const file = yield* fs.makeTempFileScoped()
    yield* fs.writeFile(file, bytes)
    const found: Array<string> = []
    const end = yield* Records.visit(file, { quoted }, (text) => Effect.sync(() => found.push(text)))
    return { found, end }
  })

describe("records", () => {
  it.effect("are whole ones, wherever the file was cut off", () =>
    Effect.gen(function*() {
      const records = ["a,\"1\r\n2, \"\"3\"\"\"\r\n", "ä,b\r\n", "\"\",\r\n"]
      const bytes = Buffer.from(records.join(""))
      const ends = records.map((_, i) => Buffer.byteLength(records.slice(0, i + 1).join("")))
      for (let cut = 0; cut <= bytes.length; cut++) {
        const { end, found } = yield* recordsOf(bytes.subarray(0, cut), true)
        const whole = ends.filter((at) => at <= cut)
        assert.deepStrictEqual([found, end], [records.slice(0, whole.length), whole.at(-1) ?? 0])
      }
      const lines = yield* recordsOf(Buffer.from("{\"a\":\"\n{\"b\n{"), false)
      assert.deepStrictEqual(lines, { found: ["{\"a\":\"\n", "{\"b\n"], end: 11 })
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("are put together from the pieces that a large file is read in", () =>
    Effect.gen(function*() {
      const records = Array.from({ length: 3000 }, (_, i) => `${i},${"x".repeat(i % 97)}\r\n`)
      const { end, found } = yield* recordsOf(Buffer.from(`${records.join("")}half`), true)
      assert.deepStrictEqual(found, records)
      assert.strictEqual(end, records.join("").length)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("of a file that is not there are none", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Records.visit("/nowhere/at/all", { quoted: false }, () => Effect.void), 0)
    }).pipe(Effect.provide(NodeServices.layer)))
})
