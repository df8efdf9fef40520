import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Corruption } from "../../src/data/index.ts"
import type { Sample } from "../../src/dsl/Task.ts"
import * as Image from "../../src/kernels/image/Image.ts"

const sample = (i: number): Sample<string> => ({
  image: Image.rendered(`picture-${i}`, () => ({ width: 1, height: 1, data: new Uint8Array(3) })),
  truth: ["sun", "rain", "snow"][i % 3]!
})
const samples = Array.from({ length: 200 }, (_, i) => sample(i))
const differ = (own: string, other: string) => own !== other

const labels = <E>(data: Stream.Stream<Sample<string>, E>) =>
  Effect.map(Stream.runCollect(data), (rows) => new Map(rows.map(({ image, truth }) => [image.id, truth])))

describe("corrupt", () => {
  it.effect("replaces exactly the share by labels that differ, and nothing else", () =>
    Effect.gen(function*() {
      const before = yield* labels(Stream.fromIterable(samples))
      for (const share of [0, 0.1, 0.333, 1]) {
        const { data, ids } = yield* Corruption.corrupt({ share, seed: 3, differ })(Stream.fromIterable(samples))
        const after = yield* labels(data)
        assert.strictEqual(ids.size, Math.round(200 * share))
        for (const [id, label] of after) assert.strictEqual(label !== before.get(id), ids.has(id))
      }
    }))

  it.effect("replaces the answer to one question about a picture, and not to its others", () =>
    Effect.gen(function*() {
      const asked = samples.flatMap((one) => ["morning?", "evening?"].map((question) => ({ ...one, question })))
      const { data, ids } = yield* Corruption.corrupt({ share: 0.2, seed: 3, differ })(Stream.fromIterable(asked))
      assert.strictEqual(ids.size, 80)
      const after = yield* Stream.runCollect(data)
      const changed = after.filter(({ truth }, i) => truth !== asked[i]?.truth)
      assert.deepStrictEqual(
        changed.map(({ image, question }) => `${image.id}\n${question}`).toSorted(),
        [...ids].toSorted()
      )
    }))

  it.effect("does not depend on the order of the samples, but on the seed", () =>
    Effect.gen(function*() {
      const run = (rows: ReadonlyArray<Sample<string>>, seed: number) =>
        Effect.gen(function*() {
          const { data, ids } = yield* Corruption.corrupt({ share: 0.2, seed, differ })(Stream.fromIterable(rows))
          const after = yield* labels(data)
          return [...ids].sort().map((id) => `${id} ${after.get(id)}`)
        })
      const first = yield* run(samples, 1)
      assert.deepStrictEqual(yield* run(samples.toReversed(), 1), first)
      assert.notDeepEqual(yield* run(samples, 2), first)
      // Both other labels are given: the donor is drawn, not the next in line.
      assert.strictEqual(new Set(first.map((row) => row.split(" ")[1])).size, 3)
    }))

  it.effect("spares a sample from which no label differs", () =>
    Effect.gen(function*() {
      const same = samples.filter(({ truth }) => truth === "sun")
      const { data, ids } = yield* Corruption.corrupt({ share: 1, seed: 0, differ })(Stream.fromIterable(same))
      assert.strictEqual(ids.size, 0)
      assert.deepStrictEqual([...new Set((yield* labels(data)).values())], ["sun"])
      const wrong = Corruption.corrupt({ share: 1.5, seed: 0, differ })(Stream.fromIterable(same))
      assert.include((yield* Effect.flip(wrong)).message, "share is 1.5, expected a number in [0, 1]")
    }))
})
