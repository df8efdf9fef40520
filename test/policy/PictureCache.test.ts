/** What is kept of pictures: those that were changed to be learned from put out none that come again. */
import { assert, describe, it } from "@effect/vitest"
import * as Image from "../../src/kernels/image/Image.ts"
import { none } from "../../src/kernels/image/Variation.ts"
import { PictureCache } from "../../src/policy/PictureCache.ts"

const plain = (id: string) =>
  Image.rendered(id, () => ({ width: 1, height: 1, data: new Uint8Array(3) }), { isToldById: true })
const changed = (id: string) => Image.varied(id, plain(id), { ...none, mirrored: true })

describe("PictureCache", () => {
  it("keeps pictures whatever number of changed ones come after them", () => {
    const cache = new PictureCache<string>(6, (value) => value.length)
    cache.set(plain("a"), "123")
    cache.set(plain("b"), "456")
    for (let step = 0; step < 100; step++) cache.set(changed(`a~${step}`), "789")
    assert.deepStrictEqual(["a", "b"].map((id) => cache.get(plain(id))), ["123", "456"])
    // The last of these is there for the rest of its step, within half of the limit.
    assert.deepStrictEqual([98, 99].map((step) => cache.get(changed(`a~${step}`))), [undefined, "789"])
    cache.clear()
    assert.deepStrictEqual([cache.get(plain("a")), cache.get(changed("a~99"))], [undefined, undefined])
  })

  it("drops the least recently used of pictures as they are", () => {
    const cache = new PictureCache<string>(6, (value) => value.length)
    for (const id of ["a", "b", "c"]) cache.set(plain(id), "123")
    assert.deepStrictEqual(["a", "b", "c"].map((id) => cache.get(plain(id))), [undefined, "123", "123"])
  })
})
