import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import * as Dataset from "../../src/dsl/Dataset.ts"
import * as Quarantine from "../../src/dsl/Quarantine.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import { Keyed } from "../../src/kernels/math/index.ts"

const Size = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 }))
const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e9 }))
const runs = { arbitrary: { runs: 300 } }

const samples = (n: number, name = (i: number) => `${i}.png`) =>
  Array.from({ length: n }, (_, i) => ({ image: Image.file(name(i)), truth: i % 3 }))
const ids = <E, R>(data: Dataset.Dataset<number, E, R>) =>
  Effect.map(Stream.runCollect(data), (all) => all.map(({ image }) => image.id))

describe("Dataset", () => {
  it.effect("limits to the first samples", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* ids(Dataset.fromIterable(samples(5)).pipe(Dataset.limit(2))), ["0.png", "1.png"])
    }))

  it.effect.prop(
    "draws n of each class, the same ones in any order of the data",
    [Size, Seed, Size],
    ([n, seed, per]) =>
      Effect.gen(function*() {
        const all = samples(n)
        const classOf = String
        const drawn = yield* Stream.runCollect(Dataset.fromIterable(all).pipe(Dataset.shots(per, { classOf, seed })))
        for (const truth of [0, 1, 2]) {
          const available = all.filter((sample) => sample.truth === truth).length
          assert.strictEqual(drawn.filter((sample) => sample.truth === truth).length, Math.min(per, available))
        }
        // In the data's order, without repetition.
        const positions = drawn.map((sample) => all.indexOf(sample))
        assert.deepStrictEqual(positions, [...new Set(positions)].sort((a, b) => a - b))
        const shuffled = Dataset.fromIterable(Keyed.stream(seed, "order").shuffle(all))
        const again = yield* ids(shuffled.pipe(Dataset.shots(per, { classOf, seed })))
        assert.deepStrictEqual(again.toSorted(), drawn.map(({ image }) => image.id).toSorted())
      }),
    runs
  )

  it.effect.prop("splits exactly, without overlap, the same in any order of the data", [
    Size,
    Seed,
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 }))
  ], ([n, seed, percent]) =>
    Effect.gen(function*() {
      const all = samples(n)
      const share = percent / 100
      const { train, validation } = Dataset.fromIterable(all).pipe(Dataset.split({ share, seed }))
      const [kept, held] = [yield* ids(train), yield* ids(validation)]
      assert.deepStrictEqual([...kept, ...held].toSorted(), all.map(({ image }) => image.id).toSorted())
      const open = share > 0 && share < 1 && n > 1
      assert.strictEqual(
        held.length,
        open ? Math.min(n - 1, Math.max(1, Math.round(share * n))) : Math.round(share * n)
      )
      const shuffled = Dataset.fromIterable(Keyed.stream(seed, "order").shuffle(all))
      assert.deepStrictEqual(
        (yield* ids(Dataset.split({ share, seed })(shuffled).validation)).toSorted(),
        held.toSorted()
      )
    }), runs)

  it.effect("other seeds hold out other samples; one image stays on one side", () =>
    Effect.gen(function*() {
      const data = Dataset.fromIterable(samples(60))
      const held = (seed: number) => ids(Dataset.split({ share: 0.5, seed })(data).validation)
      assert.notDeepEqual(yield* held(1), yield* held(2))
      const doubled = Dataset.fromIterable(samples(60, (i) => `${i >> 1}.png`))
      const { train, validation } = Dataset.split({ share: 0.3, seed: 1 })(doubled)
      const kept = new Set(yield* ids(train))
      assert.isTrue((yield* ids(validation)).every((id) => !kept.has(id)))
      const refused = (read: Dataset.Dataset<unknown, Dataset.DataError>) =>
        Effect.map(Effect.flip(Stream.runDrain(read)), ({ message }) => message)
      for (const share of [1.5, NaN, -1]) {
        const { train, validation } = Dataset.split({ share, seed: 0 })(data)
        const says = `Dataset.split: share is ${share}, expected a number in [0, 1]`
        assert.deepStrictEqual([yield* refused(train), yield* refused(validation)], [says, says])
      }
      for (const count of [NaN, -1, 2.5]) {
        const says = `count is ${count}, expected a whole number from 0, or Infinity`
        assert.strictEqual(yield* refused(data.pipe(Dataset.limit(count))), `Dataset.limit: ${says}`)
        const shots = data.pipe(Dataset.shots(count, { classOf: String, seed: 0 }))
        assert.strictEqual(yield* refused(shots), `Dataset.shots: ${says}`)
      }
    }))

  it.effect("of the samples of one image, the first are drawn", () =>
    Effect.gen(function*() {
      const all = Array.from({ length: 9 }, (_, truth) => ({ image: Image.file("a.png"), truth }))
      const drawn = yield* Stream.runCollect(
        Dataset.fromIterable(all).pipe(Dataset.shots(3, { classOf: () => "one", seed: 0 }))
      )
      assert.deepStrictEqual(drawn.map(({ truth }) => truth), [0, 1, 2])
    }))

  it.effect("fails where there must be something", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Stream.runDrain(Dataset.fromIterable(samples(0)).pipe(Dataset.nonEmpty("faces/train.csv")))
      )
      assert.strictEqual(error.message, "faces/train.csv: no samples")
      assert.strictEqual((yield* ids(Dataset.fromIterable(samples(2)).pipe(Dataset.nonEmpty("x")))).length, 2)
    }))

  it.live("sets aside images that a check refuses, keeping the order of the rest", () =>
    Effect.gen(function*() {
      const quarantine = yield* Quarantine.collect
      const check = (image: Image.Image) =>
        image.id === "1.png"
          ? Effect.fail({ message: "truncated" })
          : Effect.delay(Effect.void, image.id === "0.png" ? 20 : 0)
      const kept = yield* ids(Dataset.fromIterable(samples(4)).pipe(Dataset.verified("faces", check))).pipe(
        Effect.provideService(Quarantine.Quarantine, quarantine)
      )
      assert.deepStrictEqual(kept, ["0.png", "2.png", "3.png"])
      assert.deepStrictEqual((yield* quarantine.rows).map((row) => ({ ...row })), [
        { source: "faces", row: 2, unit: "picture", reason: "unreadable-image", detail: "1.png: truncated" }
      ])
    }))
  it.effect("fails where no picture can be read, with their number and the first reason", () =>
    Effect.gen(function*() {
      const check = () => Effect.fail({ message: "truncated" })
      const error = yield* Effect.flip(
        Stream.runDrain(Dataset.fromIterable(samples(3)).pipe(Dataset.verified("faces", check)))
      )
      assert.match(
        error.message,
        /^faces: none of its 3 pictures can be read: unreadable-image 3\. First, unreadable-image: 0\.png: truncated/
      )
    }))
})
