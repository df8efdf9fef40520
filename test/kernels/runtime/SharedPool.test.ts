import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SharedPool } from "../../../src/kernels/runtime/index.ts"

const bufferOf = ({ buffer }: { readonly buffer: ArrayBufferLike }) => buffer

describe("a pool of shared memory", () => {
  it.effect("lends the same memory again, zeroed, and never to two at once", () =>
    Effect.gen(function*() {
      const pool = SharedPool.make(1 << 20)
      const first = yield* pool.lend((memory) =>
        Effect.sync(() => {
          const [a, b] = [memory.float32(1000).fill(7), memory.float32(1000).fill(8)]
          assert.notStrictEqual(bufferOf(a), bufferOf(b))
          return [bufferOf(a), bufferOf(b)]
        })
      )
      yield* pool.lend((outer) =>
        Effect.gen(function*() {
          const held = outer.float32(900)
          assert.include(first, bufferOf(held))
          assert.deepStrictEqual([held.length, held.every((value) => value === 0)], [900, true])
          const empty = outer.emptyFloat32(950)
          assert.include(first, bufferOf(empty))
          assert.deepStrictEqual([empty.length, empty.every((value) => value === 7 || value === 8)], [950, true])
          yield* pool.lend((inner) =>
            Effect.sync(() => assert.notStrictEqual(bufferOf(inner.int64(500)), bufferOf(held)))
          )
        })
      )
    }))

  it.effect("gets it back from work that fails, and keeps no more than its limit", () =>
    Effect.gen(function*() {
      const pool = SharedPool.make(8192)
      const taken: Array<ArrayBufferLike> = []
      const work = (bytes: number) =>
        pool.lend((memory) => Effect.suspend(() => Effect.fail(taken.push(bufferOf(memory.uint8(bytes))))))
      yield* Effect.flip(work(4000))
      yield* Effect.flip(work(4096))
      assert.strictEqual(taken[1], taken[0])
      // More than the pool keeps: it is let go, and so is what lay there before it.
      yield* Effect.flip(work(20_000))
      yield* Effect.flip(work(20_000))
      assert.notStrictEqual(taken[3], taken[2])
      yield* Effect.flip(work(4000))
      assert.notStrictEqual(taken[4], taken[0])
    }))
})
