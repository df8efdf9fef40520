/** What is said of a path, whatever is there. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option, PlatformError, Stream } from "effect"
import { Layouts } from "../../../src/data/index.ts"
import { collect, folder, live } from "../folders.ts"
import { classes } from "./open.ts"

const errorOf = (path: string) => Effect.map(Effect.flip(Layouts.find(path)), ({ message }) => message)

describe("find", () => {
  it("tries files that say what pictures show before the folders that they lie in", () => {
    assert.deepStrictEqual(Layouts.layouts.map(({ name }) => name), [
      "COCO",
      "Label Studio",
      "conversations",
      "Parquet of Hugging Face",
      "JSON rows",
      "table",
      "class folders"
    ])
  })

  it.effect("finds class folders, also below the only folder", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        "data/v1/sun/1.png": [2, 2],
        "data/v1/rain/1.png": [2, 2],
        "__MACOSX/data/x": "x"
      })
      const found = classes(yield* Layouts.find(root))
      assert.deepStrictEqual([found.layout, found.labels], ["class folders", ["rain", "sun"]])
      assert.deepStrictEqual(found.notes, [
        "read from the only folder in it, data/",
        "read from the only folder in it, v1/"
      ])
      assert.strictEqual((yield* collect(found.train)).samples.length, 2)
    })))

  it.effect("says why a JSON file beside pictures tells nothing", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        "1.png": [2, 2],
        "export.json": Buffer.from("\ufeff[{\"image\": \"1.png\", \"label\": \"sun\"}]", "utf16le")
      })
      assert.match(yield* errorOf(root), /export\.json: written in UTF-16, JSON is read in UTF-8: save it as that; exp/)
      const fs = yield* FileSystem.FileSystem
      const denied = PlatformError.systemError({ _tag: "PermissionDenied", module: "FileSystem", method: "open" })
      const locked = {
        ...fs,
        stream: (name: string, options?: Parameters<typeof fs.stream>[1]) =>
          name.endsWith(".json") ? Stream.fail(denied) : fs.stream(name, options)
      }
      const error = yield* Effect.provideService(errorOf(root), FileSystem.FileSystem, locked)
      assert.match(error, /export\.json: cannot be read: /)
    })))

  it.effect("says of everything else what it is and what to do", () =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const root = yield* folder({
        "loose/1.png": [2, 2],
        "loose/2.jpg": [2, 2],
        "mixed/1.png": [2, 2],
        "mixed/notes.txt": "x",
        "mixed/deep/more.txt": "x",
        "data.zip": "PK",
        "words.docx": "x"
      })
      yield* fs.makeDirectory(`${root}/empty/inside`, { recursive: true })
      assert.match(
        yield* errorOf(`${root}/gone`),
        /gone: no such file or folder, expected one of\n  COCO: [^]*\n  table: [^]*\n  class folders: sun\/1/
      )
      assert.match(yield* errorOf(`${root}/empty`), /only empty folders: put pictures in it, expected one of\n/)
      assert.match(yield* errorOf(`${root}/empty/inside`), /the folder is empty: put pictures in it/)
      assert.match(
        yield* errorOf(`${root}/loose`),
        /2 pictures and no labels: put each into a folder that is called by its label \(sun\/1\.png\), or write a table/
      )
      assert.match(yield* errorOf(`${root}/loose/1.png`), /one picture, no data set: name the folder/)
      assert.match(yield* errorOf(`${root}/data.zip`), /an archive: unpack it and name the folder/)
      assert.match(yield* errorOf(`${root}/words.docx`), /no layout that is read, expected one of/)
      assert.match(
        yield* errorOf(`${root}/mixed`),
        /no layout that is read: it holds "deep\/", "1\.png", "notes\.txt"; files in all: 2 \.txt, 1 \.png; expected/
      )
    })))

  it.effect("takes a table before the folders that its pictures lie in, unless it is none", () =>
    live(Effect.gen(function*() {
      const pictures = { "sun/1.png": [2, 2], "rain/1.png": [2, 2] } as const
      const both = yield* folder({ ...pictures, "labels.csv": "image,label\nsun/1.png,warm\nrain/1.png,cold\n" })
      const table = yield* Layouts.find(both)
      assert.deepStrictEqual([table.layout, table.labels], ["table", ["cold", "warm"]])
      assert.include(table.notes, "it could be read as class folders, too: read as table")
      const named = yield* folder({ ...pictures, "sizes.csv": "image,kilobytes\nsun/1.png,311.5\nrain/1.png,7.25\n" })
      const folders = yield* Layouts.find(named)
      assert.strictEqual(folders.layout, "class folders")
      assert.match(
        folders.notes.join(),
        /not read as table: .*sizes\.csv: which column holds the labels cannot be told/
      )
      const other = yield* folder({ ...pictures, "x.csv": "a,b\n1,2\n" })
      assert.deepStrictEqual((yield* Layouts.find(other)).notes, ["1 file is no picture: \"x.csv\""])
      assert.match(
        yield* errorOf(yield* folder({ "1.png": [2, 2], "x.csv": "a,b\n1,2\n" })),
        /files in all: 1 \.png, 1 \.csv; x\.csv has the columns "a", "b", none of which names pictures here; expected/
      )
    })))

  it.effect("passes hints on", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({ "sun/1.png": [2, 2], "rain/1.png": [2, 2] })
      assert.deepStrictEqual((yield* Layouts.find(root, { labels: Option.some(["sun", "rain"]) })).labels, [
        "sun",
        "rain"
      ])
      assert.match(
        (yield* Effect.flip(Layouts.find(root, { labels: Option.some(["fog"]) }))).reason,
        /none of the labels "fog" has a folder/
      )
    })))
})
