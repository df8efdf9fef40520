/** What tells pictures apart: their sources, whatever they are called. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as Image from "../../src/kernels/image/Image.ts"
import { none } from "../../src/kernels/image/Variation.ts"
import { pictureKey } from "../../src/policy/PictureKey.ts"

const grey = (value: number) => () => ({ width: 1, height: 1, data: new Uint8Array(3).fill(value) })
const bytesOf = (...values: ReadonlyArray<number>) => Image.encoded("x", Uint8Array.from(values))
const same = (a: Image.Image, b: Image.Image) => pictureKey(a) === pictureKey(b)

describe("a picture's key", () => {
  it.effect("is the file's, not the name's", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const [first, second] = [`${folder}/1.png`, `${folder}/2.png`]
      yield* fs.writeFileString(first, "one")
      yield* fs.writeFileString(second, "one")
      assert.isFalse(same(Image.file(first, "1.png"), Image.file(second, "1.png")))
      assert.isTrue(same(Image.file(first, "1.png"), Image.file(first, "train/1.png")))
      // A link is the same file by its number, which network file systems give to one file after the other.
      yield* fs.link(first, `${folder}/3.png`)
      assert.isFalse(same(Image.file(first, "1.png"), Image.file(`${folder}/3.png`, "1.png")))
      const before = pictureKey(Image.file(first))
      yield* fs.writeFileString(first, "another")
      assert.notStrictEqual(pictureKey(Image.file(first)), before)
      yield* fs.remove(first)
      yield* fs.remove(second)
      assert.isFalse(same(Image.file(first, "1.png"), Image.file(second, "1.png")))
    })).pipe(Effect.provide(NodeServices.layer)))

  it("is that of bytes, of what draws, or of an id that tells them", () => {
    assert.isTrue(same(bytesOf(1, 2), bytesOf(1, 2)))
    assert.isFalse(same(bytesOf(1, 2), bytesOf(2, 1)))
    const draw = grey(1)
    assert.isTrue(same(Image.rendered("x", draw), Image.rendered("y", draw)))
    assert.isFalse(same(Image.rendered("x", grey(1)), Image.rendered("x", grey(2))))
    assert.isFalse(same(Image.fitted("x", grey(1)()), Image.fitted("x", grey(2)())))
    const told = (id: string) => Image.rendered(id, grey(1), { isToldById: true })
    assert.isTrue(same(told("scene:0/1"), told("scene:0/1")))
    assert.isFalse(same(told("scene:0/1"), told("scene:0/2")))
  })

  it("of a changed one is of its own and of what was changed", () => {
    const [a, b] = [bytesOf(1), bytesOf(2)]
    const mirrored = { ...none, mirrored: true }
    assert.isTrue(same(Image.varied("x~1", a, mirrored), Image.varied("x~1", a, mirrored)))
    assert.isFalse(same(Image.varied("x~1", a, mirrored), Image.varied("x~1", b, mirrored)))
    assert.isFalse(same(Image.varied("x~1", a, mirrored), Image.varied("x~2", a, mirrored)))
    assert.isFalse(same(Image.varied("x~1", a, mirrored), a))
  })
})
