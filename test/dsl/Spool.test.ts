import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, PlatformError } from "effect"
import * as Spool from "../../src/dsl/Spool.ts"

const full = PlatformError.systemError({
  _tag: "WriteZero",
  module: "FileSystem",
  method: "writeAll",
  description: "no space left on device"
})

/** A file system on which the second write gets half its bytes onto the disk. */
const filling = Effect.map(FileSystem.FileSystem, (fs) => {
  let writes = 0
  return FileSystem.FileSystem.of({
    ...fs,
    open: (path, options) =>
      Effect.map(fs.open(path, options), (file): FileSystem.File =>
        Object.assign(Object.create(file), {
          writeAll: (bytes: Uint8Array) =>
            ++writes === 2
              ? Effect.andThen(file.writeAll(bytes.subarray(0, bytes.length / 2)), Effect.fail(full))
              : file.writeAll(bytes)
        }))
  })
})

describe("Spool", () => {
  it.effect("a write that fails leaves whole rows, and nothing follows half a line", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/answers${Spool.extension}`
      yield* Effect.scoped(Effect.gen(function*() {
        const spool = yield* Effect.provideService(Spool.open(path), FileSystem.FileSystem, yield* filling)
        yield* spool.keep([{ at: 0 }, { at: 1 }])
        assert.match((yield* Effect.flip(spool.keep([{ at: 2 }]))).message, /no space left/)
        // Others were under way: they end too, and do not spoil what is there.
        assert.match((yield* Effect.flip(spool.keep([{ at: 3 }]))).message, /no space left/)
      }))
      assert.deepStrictEqual((yield* Spool.open(path)).rows, [{ at: 0 }, { at: 1 }])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
  it.effect("drops a last line that was cut off, so that rows can follow", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/answers${Spool.extension}`
      yield* Effect.scoped(Effect.flatMap(Spool.open(path), (spool) => spool.keep([{ at: "é" }])))
      yield* fs.writeFileString(path, "{\"check\":\"01\",\"row\":{\"at\":", { flag: "a" })
      const rows = yield* Effect.scoped(Effect.gen(function*() {
        const spool = yield* Spool.open(path)
        yield* spool.keep([{ at: 1 }])
        return spool.rows
      }))
      assert.deepStrictEqual(rows, [{ at: "é" }])
      assert.deepStrictEqual((yield* Spool.open(path)).rows, [{ at: "é" }, { at: 1 }])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("names the line that is not what was written", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/answers${Spool.extension}`
      yield* Effect.scoped(
        Effect.flatMap(Spool.open(path), (spool) => spool.keep([{ at: 10 }, { at: 11 }, { at: 12 }]))
      )
      const text = yield* fs.readFileString(path)
      for (const odd of [text.replace("{\"at\":11}", "{\"at\":13}"), text.replace(/\n.*\n/, "\nno\n")]) {
        yield* fs.writeFileString(path, odd)
        const error = yield* Effect.flip(Spool.open(path))
        assert.strictEqual(error._tag, "RunFileError")
        assert.include(error.message, path)
        assert.include(error.message, "line 2 is damaged: remove the file")
        assert.strictEqual(yield* fs.readFileString(path), odd, "it is left as it is")
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
