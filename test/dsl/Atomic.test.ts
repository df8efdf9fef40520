/** Files that are whole, also where several fibers write one at once. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { join } from "node:path"
import * as Atomic from "../../src/dsl/Atomic.ts"
import { temporary } from "./folders.ts"

layer(NodeServices.layer)("Atomic", (it) => {
  it.effect("lets many write one file at once: it is one of their texts, and nothing else is left", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* temporary
      const file = join(folder, "now.json")
      const texts = Array.from({ length: 40 }, (_, i) => `${i} `.repeat(5000))
      yield* Effect.forEach(texts, (text) => Atomic.writeText(file, text), { concurrency: "unbounded", discard: true })
      assert.include(texts, yield* fs.readFileString(file))
      assert.deepStrictEqual(yield* fs.readDirectory(folder), ["now.json"])
    }))
})
