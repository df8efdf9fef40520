import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { type Instances, Subset } from "../../src/data/index.ts"
import * as Dataset from "../../src/dsl/Dataset.ts"
import type { Sample } from "../../src/dsl/Task.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import { Keyed } from "../../src/kernels/math/index.ts"

const labels = ["a", "b", "c", "d"]
const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e9 }))

/** Pictures with one to three kinds of things; "d" is rare. */
const pictures = (seed: number, count: number): Array<Sample<Instances>> => {
  const draw = Keyed.stream(seed, "pictures")
  return Array.from({ length: count }, (_, i) => ({
    image: Image.file(`${i}.jpg`),
    truth: {
      width: 10,
      height: 10,
      instances: Array.from(
        { length: 1 + draw.int(3) },
        () => ({
          box: [0, 0, 5, 5] as const,
          label: draw.next() < 0.05 ? "d" : draw.pick(["a", "b", "c"]),
          ...draw.next() < 0.1 ? { crowd: true } : {}
        })
      )
    }
  }))
}
const ids = <E, R>(data: Dataset.Dataset<unknown, E, R>) =>
  Effect.map(Stream.runCollect(data), (samples) => samples.map(({ image }) => image.id))

describe("Subset", () => {
  it.effect.prop(
    "draws each class its number, each picture once, the same in any order of the data",
    [Seed],
    ([seed]) =>
      Effect.gen(function*() {
        const all = pictures(seed, 300)
        const subset = Subset.cocoSub({ labels, seed })(Dataset.fromIterable(all))
        const [train, test] = [yield* ids(subset.train), yield* ids(subset.test)]
        assert.strictEqual(new Set([...train, ...test]).size, train.length + test.length)
        const counts = yield* subset.counts
        for (const label of ["a", "b", "c"]) assert.deepStrictEqual(counts.get(label), { train: 25, test: 10 })
        assert.strictEqual(train.length, [...counts.values()].reduce((sum, side) => sum + side.train, 0))
        assert.strictEqual(test.length, [...counts.values()].reduce((sum, side) => sum + side.test, 0))
        // What a class was drawn for is in the picture.
        const holding = (name: string, side: ReadonlyArray<string>) =>
          all.filter(({ image, truth }) => side.includes(image.id) && Subset.classesOfInstances(truth).includes(name))
            .length
        for (const label of labels) {
          assert.isAtLeast(holding(label, train), counts.get(label)!.train)
          assert.isAtLeast(holding(label, test), counts.get(label)!.test)
        }
        const shuffled = Subset.cocoSub({ labels, seed })(
          Dataset.fromIterable(Keyed.stream(seed, "order").shuffle(all))
        )
        assert.deepStrictEqual((yield* ids(shuffled.train)).sort(), train.toSorted())
        assert.deepStrictEqual((yield* ids(shuffled.test)).sort(), test.toSorted())
      }),
    { arbitrary: { runs: 40 } }
  )

  it.effect("another seed draws others; a smaller training side keeps the test side", () =>
    Effect.gen(function*() {
      const data = Dataset.fromIterable(pictures(1, 400))
      const drawn = (options: { readonly seed: number; readonly train?: number }) =>
        Subset.draw<Instances>({ labels: ["a", "b"], classesOf: Subset.classesOfInstances, ...options })(data)
      const test = yield* ids(drawn({ seed: 0 }).test)
      assert.notDeepEqual(yield* ids(drawn({ seed: 1 }).test), test)
      assert.deepStrictEqual(yield* ids(drawn({ seed: 0, train: 0 }).train), [])
      assert.strictEqual(test.length, 20)
    }))

  it.effect("ImageNet-Sub has 20 classes of 25 and 10", () =>
    Effect.gen(function*() {
      assert.strictEqual(Subset.imagenetLabels.length, 20)
      const data = Dataset.fromIterable(
        Array.from(
          { length: 20 * 40 },
          (_, i) => ({
            image: Image.file(`${i}.jpg`),
            truth: Subset.imagenetLabels.map((_, k) => k === i % 20 ? 1 : 0)
          })
        )
      )
      const subset = Subset.imagenetSub({ seed: 0 })(data)
      assert.strictEqual((yield* ids(subset.train)).length, 500)
      assert.strictEqual((yield* ids(subset.test)).length, 200)
      assert.isTrue([...(yield* subset.counts).values()].every(({ test, train }) => train === 25 && test === 10))
    }))

  it.effect("few-shot draws per class, or in all", () =>
    Effect.gen(function*() {
      const data = Dataset.fromIterable(pictures(2, 100))
      const classOf = ({ instances }: Instances) => instances[0]?.label ?? ""
      const four = yield* Stream.runCollect(data.pipe(Dataset.shots(4, { classOf, seed: 3 })))
      assert.isTrue([...Map.groupBy(four, ({ truth }) => classOf(truth)).values()].every((group) => group.length <= 4))
      assert.strictEqual((yield* ids(data.pipe(Dataset.shots(16, { classOf: () => "", seed: 3 })))).length, 16)
    }))
})
