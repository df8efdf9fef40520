import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Result } from "effect"
import { symlinkSync } from "node:fs"
import * as Folder from "../../src/data/Folder.ts"
import { bomb, folder, live, png } from "./folders.ts"

describe("Folder", () => {
  it.effect("gives pictures inside, with their size, and refuses everything else by its reason", () =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const elsewhere = yield* folder({ "secret.png": [4, 4] })
      const root = yield* folder({
        "a.png": [12, 5],
        "sub/b.png": [3, 4],
        "empty.png": "",
        "text.png": "no picture",
        "bomb.png": yield* bomb,
        "large.png": new Uint8Array(5000)
      })
      yield* fs.symlink(`${elsewhere}/secret.png`, `${root}/out.png`)
      yield* fs.symlink(elsewhere, `${root}/outdir`)
      yield* fs.symlink(`${root}/a.png`, `${root}/in.png`)
      symlinkSync("loop.png", `${root}/loop.png`)
      const { picture, root: resolved } = yield* Folder.open(root, "pictures", { maxBytes: 4000 })
      assert.strictEqual(resolved, root)
      const reason = (name: string) =>
        Effect.map(
          Effect.result(picture(name)),
          (found) =>
            Result.isFailure(found)
              ? found.failure.reason
              : `${found.success.image.id} ${found.success.width} × ${found.success.height}`
        )
      for (
        const [name, expected] of [
          ["a.png", "a.png 12 × 5"],
          ["./sub/../a.png", "a.png 12 × 5"],
          ["sub/b.png", "sub/b.png 3 × 4"],
          ["in.png", "in.png 12 × 5"],
          ["", "no-image"],
          [".", "outside-folder"],
          ["..", "outside-folder"],
          [`${root}/a.png`, "a.png 12 × 5"],
          ["/etc/passwd", "outside-folder"],
          ["../secret.png", "outside-folder"],
          [`sub/../../${elsewhere.split("/").at(-1)}/secret.png`, "outside-folder"],
          ["a.png\0.txt", "outside-folder"],
          ["out.png", "outside-folder"],
          ["outdir/secret.png", "outside-folder"],
          ["loop.png", "unreadable-file"],
          ["sub", "unreadable-file"],
          ["a.png/b.png", "unreadable-file"],
          ["none.png", "missing-file"],
          ["empty.png", "unreadable-image"],
          ["text.png", "unreadable-image"],
          ["large.png", "file-too-large"],
          ["bomb.png", "too-many-pixels"]
        ] as const
      ) assert.strictEqual(yield* reason(name), expected, JSON.stringify(name))
    })))

  it.effect("says of an empty file that it is one", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({ "empty.png": "", "text.png": "no picture" })
      const { picture } = yield* Folder.open(root, "pictures")
      const detail = (name: string) => Effect.map(Effect.flip(picture(name)), ({ detail }) => detail)
      assert.strictEqual(yield* detail("empty.png"), "empty.png: the file is empty")
      assert.match(yield* detail("text.png"), /^text\.png: not an image/)
    })))

  it.effect("holds pictures in memory to the same limits", () =>
    live(Effect.gen(function*() {
      const reason = (bytes: Uint8Array, limits: Folder.Limits = {}) =>
        Effect.map(Effect.result(Folder.encoded("x", bytes, limits)), (found) =>
          Result.isFailure(found) ? found.failure.reason : "ok")
      const bytes = yield* png(20, 10)
      assert.strictEqual(yield* reason(bytes), "ok")
      assert.strictEqual(yield* reason(bytes, { maxPixels: 199 }), "too-many-pixels")
      assert.strictEqual(yield* reason(bytes, { maxBytes: 20 }), "file-too-large")
      assert.strictEqual(yield* reason(new Uint8Array(0)), "no-image")
      assert.strictEqual(yield* reason(yield* bomb), "too-many-pixels")
    })))

  it.effect("says what it expected of a folder", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({ "a.png": [1, 1] })
      assert.strictEqual(
        (yield* Effect.flip(Folder.open(`${root}/none`, "pictures"))).message,
        `${root}/none: no such folder, expected pictures`
      )
      assert.strictEqual(
        (yield* Effect.flip(Folder.open(`${root}/a.png`, "pictures"))).message,
        `${root}/a.png: not a folder, expected pictures`
      )
    })))
})
