import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Draw from "../../../src/evaluation/imageSwap/Draw.ts"
import { Image } from "../../../src/kernels/image/index.ts"

const sample = (id: string) => ({ image: Image.rendered(id, () => assert.fail("no picture is looked at")), truth: 0 })
const samples = (count: number) => Stream.fromIterable(Array.from({ length: count }, (_, i) => sample(`${i}.png`)))
const idsOf = (drawn: ReadonlyArray<Draw.Drawn<number>>) => drawn.map(({ sample: { image } }) => image.id)

describe("pictures that reasonings are held against", () => {
  it("are dealt into groups near eight, each once", () => {
    for (let count = 0; count <= 200; count++) {
      const all = Array.from({ length: count }, (_, i) => i)
      const groups = Draw.groups(all)
      assert.deepStrictEqual(groups.flat(), all)
      const sizes = groups.map(({ length }) => length)
      assert.isAtMost(Math.max(...sizes) - Math.min(...sizes), 1)
      assert.isAtMost(Math.max(...sizes), 11)
      if (count >= 12) assert.isAtLeast(Math.min(...sizes), 6)
      if (count % 8 === 0 && count > 0) assert.isTrue(sizes.every((size) => size === 8))
    }
  })

  it.effect("are drawn by their keys: the same again, others by another seed, whatever else there is", () =>
    Effect.gen(function*() {
      const of = (count: number, seed = 3) => Effect.map(Draw.drawn(samples(count), { count: 16, seed }), idsOf)
      const drawn = yield* of(100)
      assert.strictEqual(new Set(drawn).size, 16)
      assert.deepStrictEqual(yield* of(100), drawn)
      assert.notDeepEqual(yield* of(100, 4), drawn)
      // What is left of them in half of the data is still there, in the same order.
      const half = drawn.filter((id) => Number(id.slice(0, -4)) < 50)
      assert.isAbove(half.length, 3)
      assert.deepStrictEqual((yield* of(50)).filter((id) => half.includes(id)), half)
    }))

  it.effect("stand at their place in the data, one sample of a picture that is asked about twice", () =>
    Effect.gen(function*() {
      const data = Stream.fromIterable(["a", "b", "a", "c", "b"].map(sample))
      const drawn = yield* Draw.drawn(data, { count: Infinity, seed: 0 })
      assert.deepStrictEqual(
        Object.fromEntries(drawn.map(({ at, sample }) => [sample.image.id, at])),
        { a: 0, b: 1, c: 3 }
      )
    }))
})
