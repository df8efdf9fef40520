/** Sessions that are kept: by their graph, so many at most, and as good as new ones. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { InferenceSession } from "onnxruntime-node"
import * as HostTensor from "../../../src/kernels/runtime/HostTensor.ts"
import * as KeptSessions from "../../../src/kernels/runtime/KeptSessions.ts"
import type { SessionOptions } from "../../../src/kernels/runtime/Protocol.ts"
import * as Runtime from "../../../src/kernels/runtime/Runtime.ts"
import * as Tiny from "./tinyModel.ts"

const over = (data: Float32Array): HostTensor.HostTensor => ({ dtype: "float32", dims: [4], data })
const vector = (...values: ReadonlyArray<number>) => over(Float32Array.from(values))

describe("sessions that nobody uses", () => {
  it("are found by their graph and all that they were made with; those that hold weights by nothing", () => {
    const [add, product] = [Tiny.add(), Tiny.matMuls(4, 1)]
    assert.strictEqual(KeptSessions.keyOf(add, {}), KeptSessions.keyOf(add.slice(), { bound: {}, outputs: {} }))
    assert.notStrictEqual(KeptSessions.keyOf(add, {}), KeptSessions.keyOf(product, {}))
    const others: ReadonlyArray<SessionOptions> = [
      {},
      { optimization: "disabled" },
      { prepack: false },
      { onHost: ["node"] },
      { onHost: ["node", "other"] },
      { resident: { sum: "a" } },
      { resident: { sum: "a", other: "b" } }
    ]
    assert.strictEqual(new Set(others.map((options) => KeptSessions.keyOf(add, options))).size, others.length)
    const plain: SessionOptions = { optimization: "all", prepack: true, onHost: [], resident: {} }
    assert.strictEqual(KeptSessions.keyOf(add, {}), KeptSessions.keyOf(add, plain))
    assert.strictEqual(
      KeptSessions.keyOf(add, { resident: { sum: "a" } }),
      KeptSessions.keyOf(add, { resident: { sum: "b" } })
    )
    assert.isUndefined(KeptSessions.keyOf(add, { externalData: [] }))
    assert.isUndefined(KeptSessions.keyOf(add, { modelFolder: "." }))
  })

  it("are taken once, the last that came first; those beyond the most are released", async () => {
    const kept = KeptSessions.make(2)
    const sessions = await Promise.all([0, 1, 2].map(() => InferenceSession.create(Tiny.add())))
    for (const session of sessions) await kept.keep("add", session)
    await kept.keep(undefined, await InferenceSession.create(Tiny.add()))
    assert.isUndefined(kept.take("product"))
    assert.isUndefined(kept.take(undefined))
    assert.strictEqual(kept.take("add"), sessions[2])
    assert.strictEqual(kept.take("add"), sessions[1])
    assert.isUndefined(kept.take("add"))
    await kept.keep("add", sessions[1]!)
    await kept.release()
    assert.isUndefined(kept.take("add"))
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
