/** Names on a command line that are no pictures. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Stdio, Stream } from "effect"
import { find } from "../../../src/cli/annotations/Pictures.ts"

const listed = (...pieces: ReadonlyArray<string>) =>
  find(["-"], { recursive: false }).pipe(
    Effect.provide([
      NodeServices.layer,
      Stdio.layerTest({ stdin: Stream.fromIterable(pieces.map((text) => Buffer.from(text))) })
    ])
  )

describe("pictures", () => {
  it.effect("on standard input are a line each, or end in zeros, wherever the pieces are cut", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* listed("\ufeffé.p", "ng\r\n\nb", ".png")).names, ["é.png", "b.png"])
      assert.deepStrictEqual((yield* listed("a\n.png\0b", ".png\0")).names, ["a\n.png", "b.png"])
    }))

  it.effect("on standard input that are no names of files are refused before they are held", () =>
    Effect.gen(function*() {
      const long = yield* Effect.flip(listed("a.png\n", "x".repeat(40_000)))
      assert.match(long.message, /standard input: name 2 has 40000 characters: this is no list of files/)
      const piece = "x".repeat(2 ** 20)
      let read = 0
      const endless = Stream.map(Stream.rechunk(Stream.range(1, 600), 1), () => {
        read++
        return Buffer.from(piece)
      })
      const much = yield* Effect.flip(
        find(["-"], { recursive: false }).pipe(
          Effect.provide([NodeServices.layer, Stdio.layerTest({ stdin: endless })])
        )
      )
      assert.match(much.message, /standard input: more than 67108864 bytes of names: name their folder/)
      assert.isBelow(read, 100)
    }))

  it.effect("on the command line that are not there at all are refused, those of a list have their rows", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const [file, link] = [`${folder}/a.png`, `${folder}/link.png`]
      yield* fs.writeFileString(file, "")
      yield* fs.symlink(`${folder}/gone.png`, link)
      // What has the name is a row with its fault.
      assert.deepStrictEqual((yield* find([file, link], { recursive: false })).names, [file, link])
      const refused = (...names: ReadonlyArray<string>) =>
        Effect.map(Effect.flip(find(names, { recursive: false })), ({ message }) => message)
      assert.strictEqual(
        yield* refused(file, "nosuch", `${file}/b.png`, "no such.png"),
        `nosuch: no such file or folder, nor "${file}/b.png", "no such.png": check the name; nothing was annotated`
      )
      assert.match(yield* refused("https://example.com/a.png"), /a\.png: .*this is an address: download it first$/)
      assert.deepStrictEqual((yield* listed("nosuch\n")).names, ["nosuch"])
    })).pipe(Effect.provide(NodeServices.layer)))

  it.effect("at an address are to be downloaded, and have their rows", () =>
    Effect.gen(function*() {
      const found = yield* listed("https://example.com/a.png\nb.png\n")
      assert.deepStrictEqual(found.names, ["https://example.com/a.png", "b.png"])
      assert.match(found.notes.join(), /https:\/\/example\.com\/a\.png is an address: download it first/)
    }))
})
