/** Sessions that are kept: by their graph, so many at most, and as good as new ones. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { InferenceSession } from "onnxruntime-node"
import * as HostTensor from "../../../src/kernels/runtime/HostTensor.ts"
import * as Idle from "../../../src/kernels/runtime/Idle.ts"
import * as Runtime from "../../../src/kernels/runtime/Runtime.ts"
import * as Tiny from "./tinyModel.ts"

const over = (data: Float32Array): HostTensor.HostTensor => ({ dtype: "float32", dims: [4], data })
const vector = (...values: ReadonlyArray<number>) => over(Float32Array.from(values))

describe("sessions that nobody uses", () => {
  it("are found by their graph and how it was to be made faster; those that hold weights by nothing", () => {
    const [add, product] = [Tiny.add(), Tiny.matMuls(4, 1)]
    assert.strictEqual(Idle.keyOf(add, {}), Idle.keyOf(add.slice(), { bound: {}, outputs: {} }))
    assert.notStrictEqual(Idle.keyOf(add, {}), Idle.keyOf(product, {}))
    assert.notStrictEqual(Idle.keyOf(add, {}), Idle.keyOf(add, { optimization: "disabled" }))
    assert.isUndefined(Idle.keyOf(add, { externalData: [] }))
    assert.isUndefined(Idle.keyOf(add, { modelFolder: "." }))
  })

  it("are taken once, the last that came first; those beyond the most are released", async () => {
    const idle = Idle.make(2)
    const sessions = await Promise.all([0, 1, 2].map(() => InferenceSession.create(Tiny.add())))
    for (const session of sessions) await idle.keep("add", session)
    await idle.keep(undefined, await InferenceSession.create(Tiny.add()))
    assert.isUndefined(idle.take("product"))
    assert.isUndefined(idle.take(undefined))
    assert.strictEqual(idle.take("add"), sessions[2])
    assert.strictEqual(idle.take("add"), sessions[1])
    assert.isUndefined(idle.take("add"))
    await idle.keep("add", sessions[1]!)
    await idle.release()
    assert.isUndefined(idle.take("add"))
    await sessions[2]!.release()
  })

  it.effect("have nothing of whoever had them before: neither what was bound nor where results went", () =>
    Effect.gen(function*() {
      const runtime = yield* Runtime.Runtime
      const sum = over(HostTensor.shared.float32(4))
      yield* Effect.scoped(Effect.gen(function*() {
        const first = yield* runtime.open(0, Tiny.add(), { bound: { b: vector(1, 1, 1, 1) }, outputs: { sum } })
        yield* first.run({ a: vector(1, 2, 3, 4) }, [])
        assert.deepStrictEqual([...sum.data], [2, 3, 4, 5])
      }))
      const again = yield* runtime.open(0, Tiny.add())
      const missing = yield* Effect.flip(again.run({ a: vector(1, 2, 3, 4) }, ["sum"]))
      assert.match(missing.message, /input "b" is missing/)
      const result = yield* again.run({ a: vector(1, 2, 3, 4), b: vector(9, 9, 9, 9) }, ["sum"])
      assert.deepStrictEqual([...result["sum"]!.data], [10, 11, 12, 13])
      assert.deepStrictEqual([...sum.data], [2, 3, 4, 5])
      // One that is in use is nobody else's.
      const beside = yield* runtime.open(0, Tiny.add(), { bound: { b: vector(5, 5, 5, 5) } })
      assert.deepStrictEqual([...(yield* beside.run({ a: vector(1, 1, 1, 1) }, ["sum"]))["sum"]!.data], [6, 6, 6, 6])
      assert.match((yield* Effect.flip(again.run({ a: vector(1, 2, 3, 4) }, ["sum"]))).message, /"b" is missing/)
    }).pipe(Effect.scoped, Effect.provide(Runtime.layer({ workers: 1, keep: 4 }))))
})
