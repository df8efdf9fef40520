/** Names on a command line that are no pictures. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stdio, Stream } from "effect"
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

  it.effect("at an address are to be downloaded, and have their rows", () =>
    Effect.gen(function*() {
      const found = yield* find(["https://example.com/a.png", "b.png"], { recursive: false })
      assert.deepStrictEqual(found.names, ["https://example.com/a.png", "b.png"])
      assert.match(found.notes.join(), /https:\/\/example\.com\/a\.png is an address: download it first/)
    }).pipe(Effect.provide(NodeServices.layer)))
})
