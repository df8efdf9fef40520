/** Folders as they are found: hidden files, other files, folders in folders, links in a circle. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Image from "../../../src/kernels/image/Image.ts"
import * as Listing from "../../../src/kernels/image/Listing.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => {
    const root = mkdtempSync(join(tmpdir(), "rise-"))
    mkdirSync(join(root, "b/deep"), { recursive: true })
    mkdirSync(join(root, ".git"))
    const png = Buffer.from("89504e470d0a1a0a", "hex")
    for (const name of ["b.PNG", "a.jpg", "10.webp", "9.heic", "b/z.png", "b/deep/y.tif"]) {
      writeFileSync(join(root, name), "damaged")
    }
    writeFileSync(join(root, "without-ending"), png)
    writeFileSync(join(root, ".DS_Store"), "")
    writeFileSync(join(root, "notes.txt"), "sun")
    writeFileSync(join(root, "b/empty"), "")
    symlinkSync(root, join(root, "b/loop"))
    symlinkSync(join(root, "gone"), join(root, "c.png"))
    return root
  }),
  (root) => Effect.sync(() => rmSync(root, { recursive: true }))
)

describe("listing", () => {
  it.effect("has pictures by name, and counts what it leaves out", () =>
    Effect.gen(function*() {
      const root = yield* folder
      const { leftOut, names } = yield* Listing.list(root, false)
      const here = ["10.webp", "9.heic", "a.jpg", "b.PNG", "c.png", "without-ending"]
      assert.deepStrictEqual(names, here.map((name) => join(root, name)))
      assert.deepStrictEqual(leftOut, { hidden: 2, others: ["notes.txt"], folders: 1, unread: [] })
      const deep = yield* Listing.list(root, true)
      assert.deepStrictEqual(deep.names, [...here, "b/z.png", "b/deep/y.tif"].map((name) => join(root, name)))
      assert.deepStrictEqual(deep.leftOut, { hidden: 2, others: ["notes.txt", "empty"], folders: 0, unread: [] })
      assert.deepStrictEqual(Listing.notes("x", deep), [
        "x: left out 2 hidden files, 2 files without a picture (notes.txt, …)"
      ])
    }))

  it.effect("names folders inside that cannot be listed, and goes on without them", ({ skip }) => {
    skip(process.getuid?.() === 0, "root may list every folder")
    return Effect.gen(function*() {
      const root = yield* folder
      const closed = join(root, "b/deep")
      yield* Effect.acquireRelease(
        Effect.sync(() => chmodSync(closed, 0)),
        () => Effect.sync(() => chmodSync(closed, 0o755))
      )
      const listing = yield* Listing.list(root, true)
      assert.include(listing.names, join(root, "b/z.png"))
      assert.match(Listing.notes("x", listing).join("\n"), /b\/deep: the folder cannot be listed: .*EACCES/)
    })
  })

  it.effect("is a stream of images", () =>
    Effect.gen(function*() {
      const root = yield* folder
      const images = yield* Stream.runCollect(Image.folder(join(root, "b"), { recursive: true }))
      assert.deepStrictEqual(images.slice(0, 1), [Image.file(join(root, "b/z.png"))])
      const error = yield* Effect.flip(Stream.runCollect(Image.folder(join(root, "nowhere"))))
      assert.match(error.message, /nowhere: the folder cannot be listed: no such file or directory/)
    }))
})
