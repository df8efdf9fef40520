import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { join } from "node:path"
import { filesOf } from "../../../src/cli/annotations/Output.ts"
import * as Overwritten from "../../../src/cli/annotations/Overwritten.ts"
import { onTerminal } from "../../../src/cli/annotations/Sink.ts"

describe("outputs that are inputs", () => {
  it.effect("are refused by whatever name, and others are not", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const picture = join(folder, "2.png")
      yield* fs.writeFileString(picture, "a picture")
      yield* fs.writeFileString(join(folder, "out.meta.json"), "{}")
      yield* fs.symlink(picture, join(folder, "link"))
      yield* fs.link(picture, join(folder, "hard"))
      const refusal = (out: string, input = picture) =>
        Effect.map(
          Effect.flip(Overwritten.refuse("--out", filesOf(join(folder, out)), [input])),
          ({ message }) => message
        )
      for (const out of ["2.png", "link", "hard", "../" + folder.split("/").at(-1) + "/2.png"]) {
        const message = yield* refusal(out)
        assert.include(message, picture)
        assert.match(message, /would be lost/)
      }
      // What is written beside it counts as well.
      yield* refusal("out", join(folder, "out.meta.json"))
      yield* Overwritten.refuse("--out", filesOf(join(folder, "rows.jsonl")), [picture])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})

describe("rows on a terminal", () => {
  it("are one line each, without the mark of an end of line", () => {
    assert.strictEqual(onTerminal("a,b\r\n"), "a,b\n")
    assert.strictEqual(onTerminal("\"x\ny\u001b[2J\",1\r\n"), "\"x\\u000ay\\u001b[2J\",1\n")
  })
})
