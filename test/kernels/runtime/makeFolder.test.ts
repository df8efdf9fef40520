import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { makeFolder, possible } from "../../../src/kernels/runtime/makeFolder.ts"
import * as SystemFault from "../../../src/kernels/runtime/SystemFault.ts"

const live = Effect.provide(NodeServices.layer)
const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
const why = (made: Effect.Effect<void, Parameters<typeof SystemFault.words>[0], never>) =>
  Effect.map(Effect.flip(made), (error) => SystemFault.words(error))

describe("makeFolder", () => {
  it.effect("makes a folder and those around it, and minds none that is there", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "a", "b", "c")
      yield* Effect.all([makeFolder(path), makeFolder(path), makeFolder(join(path, "d"))], { concurrency: 3 })
      yield* makeFolder(path)
      assert.isTrue(statSync(join(path, "d")).isDirectory())
    }).pipe(Effect.scoped, live))

  it.effect("says what is in the way", () =>
    Effect.gen(function*() {
      const at = yield* folder
      writeFileSync(join(at, "file"), "")
      symlinkSync(join(at, "nowhere"), join(at, "link"))
      const said = (path: string) => why(makeFolder(path).pipe(live))
      assert.strictEqual(yield* said(join(at, "file")), "something of that name is there already")
      assert.strictEqual(yield* said(join(at, "file", "a")), "a part of the path is a file, expected a folder")
      assert.strictEqual(yield* said(join(at, "link")), "something of that name is there already")
      assert.strictEqual(yield* said(join(at, "a".repeat(300))), "the name is too long for the file system")
    }).pipe(Effect.scoped, live))

  it.effect.skipIf(process.platform !== "linux")(
    "ends where the system makes no folders",
    () =>
      Effect.gen(function*() {
        for (const path of ["/proc/nope", "/proc/nope/run", "/proc/self/nope/run"]) {
          for (const made of [makeFolder(path), possible(path)]) {
            assert.match(yield* why(made.pipe(live)), /^nothing can be made there|^permission denied/, path)
          }
        }
      }),
    5000
  )

  it.effect("is tried without a trace", () =>
    Effect.gen(function*() {
      const at = yield* folder
      yield* possible(join(at, "a", "b"))
      yield* possible(at)
      assert.deepStrictEqual(readdirSync(at), [])
      writeFileSync(join(at, "file"), "")
      assert.strictEqual(
        yield* why(possible(join(at, "file", "a")).pipe(live)),
        "a part of the path is a file, expected a folder"
      )
    }).pipe(Effect.scoped, live))

  it("is what all of src makes folders by: Node's recursive mkdir may never end", () => {
    const own = join("kernels", "runtime", "makeFolder.ts")
    const src = new URL("../../../src/", import.meta.url).pathname
    assert.isTrue(existsSync(join(src, own)))
    const others = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ts") && name !== own &&
      /makeDirectory\(|mkdir(Sync)?\(/.test(readFileSync(join(src, name), "utf8"))
    )
    assert.deepStrictEqual(others, [])
  })
})
