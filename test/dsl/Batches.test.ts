import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Batches from "../../src/dsl/stages/Batches.ts"

/** The numbers below `count`, and how often they were read from the start. */
const counted = (count: number) => {
  const source = { reads: 0 }
  return { source, items: Stream.suspend(() => (source.reads++, Stream.range(0, count - 1))) }
}
const options = { stage: "RISE/sft", seed: 1, key: "stage", size: 4, what: "numbers" }
const take = <E>(batches: Stream.Stream<ReadonlyArray<number>, E>, count: number) =>
  Effect.map(Stream.runCollect(Stream.take(batches, count)), (taken) => taken.flat())

describe("Batches", () => {
  it.effect("holds every element once an epoch, in another order each time", () =>
    Effect.gen(function*() {
      const drawn = yield* take(Batches.endless(counted(10).items, options), 5)
      const epochs = [drawn.slice(0, 10), drawn.slice(10)]
      for (const epoch of epochs) {
        assert.deepStrictEqual(epoch.toSorted((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
      }
      assert.notDeepEqual(epochs[0], epochs[1])
    }))

  it.effect("reads what fits a window once, and the rest anew for every epoch", () =>
    Effect.gen(function*() {
      const fits = counted(10)
      const held = yield* take(Batches.endless(fits.items, { ...options, window: 10 }), 25)
      assert.strictEqual(fits.source.reads, 1)
      // One element more than the window: two windows an epoch.
      const exceeds = counted(10)
      const reread = yield* take(Batches.endless(exceeds.items, { ...options, window: 9 }), 25)
      assert.strictEqual(exceeds.source.reads, 10)
      for (let epoch = 0; epoch < 10; epoch++) {
        assert.strictEqual(reread[epoch * 10 + 9], 9)
        assert.strictEqual(new Set(held.slice(epoch * 10, epoch * 10 + 10)).size, 10)
      }
    }))

  it.effect("is the same whenever it is run, whatever was taken before", () =>
    Effect.gen(function*() {
      const { items, source } = counted(10)
      const batches = Batches.endless(items, options)
      const cut = yield* take(batches, 1)
      const [once, twice] = [yield* take(batches, 9), yield* take(batches, 9)]
      assert.deepStrictEqual(once, twice)
      assert.deepStrictEqual(cut, once.slice(0, 4))
      assert.strictEqual(source.reads, 3)
    }))

  it.effect("fails on nothing, and says what is missing", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Stream.runDrain(Batches.endless(Stream.empty, options)))
      assert.strictEqual(error._tag, "NothingToTrainOn")
      assert.include(error.message, "RISE/sft: there are no numbers")
    }))
})
