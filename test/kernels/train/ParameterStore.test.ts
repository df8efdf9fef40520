import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ParameterStore from "../../../src/kernels/train/ParameterStore.ts"
import { fingerprint } from "./fingerprint.ts"

const specs: ReadonlyArray<ParameterStore.Spec> = [
  { name: "base", shape: [5], trainable: false },
  { name: "w", shape: [3, 7] },
  { name: "scale", shape: [7], decay: false },
  { name: "bias", shape: [2], decay: false },
  { name: "v", shape: [16] }
]

describe("ParameterStore", () => {
  it.effect("places trainable slices first, each on 64 bytes, without overlap", () =>
    Effect.gen(function*() {
      const store = yield* ParameterStore.make(specs)
      const places = [...store.slices.values()].map(({ length, name, offset }) => [name, offset, length])
      assert.deepStrictEqual(places, [["w", 0, 21], ["scale", 32, 7], ["bias", 48, 2], ["v", 64, 16], ["base", 80, 5]])
      assert.deepInclude(store, { trainableLength: 80, trainableCount: 46 })
      assert.strictEqual(store.data.length, 96)
      assert.instanceOf(store.data.buffer, SharedArrayBuffer)
    }))

  it.effect("says how much it would need where that cannot be had", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ParameterStore.make([{ name: "w", shape: [2 ** 25, 2 ** 25] }]))
      assert.strictEqual(error.message, "parameter store: needs 4194304.0 GiB, which cannot be had")
    }))

  it.effect("names live slices as tensors over its own and over gradient buffers", () =>
    Effect.gen(function*() {
      const store = yield* ParameterStore.make(specs)
      yield* ParameterStore.set(store, "bias", Float32Array.of(3, 4))
      const { base, bias, w } = ParameterStore.tensors(store)
      assert.deepStrictEqual([bias!.dtype, bias!.dims, ...bias!.data], ["float32", [2], 3, 4])
      assert.deepStrictEqual([w!.dims, base!.dims], [[3, 7], [5]])
      const live = yield* ParameterStore.view(store, "bias")
      live[1] = 9
      assert.deepStrictEqual([bias!.data[1], store.data[49]], [9, 9])
      const gradients = ParameterStore.tensors(store, ParameterStore.trainableBuffer(store))
      assert.deepStrictEqual(Object.keys(gradients), ["w", "scale", "bias", "v"])
    }))

  it.effect("joins neighbouring ranges of the same kind", () =>
    Effect.gen(function*() {
      const store = yield* ParameterStore.make(specs)
      assert.deepStrictEqual(ParameterStore.trainableRanges(store), [
        { begin: 0, end: 21, decay: true },
        { begin: 32, end: 50, decay: false },
        { begin: 64, end: 80, decay: true }
      ])
    }))

  it.effect("takes snapshots back and tells models apart", () =>
    Effect.gen(function*() {
      const store = yield* ParameterStore.make(specs)
      const empty = fingerprint(store)
      const snapshot = Float32Array.from(store.data)
      yield* ParameterStore.set(store, "base", Float32Array.of(0, 0, 0, 0, 1e-30))
      const changed = fingerprint(store)
      assert.notStrictEqual(changed, empty)
      yield* ParameterStore.copyFrom(store, snapshot)
      assert.strictEqual(fingerprint(store), empty)
      const reshaped = yield* ParameterStore.make(specs.map((s) => s.name === "w" ? { ...s, shape: [7, 3] } : s))
      assert.notStrictEqual(fingerprint(reshaped), empty)
    }))

  it.effect("names what is wrong", () =>
    Effect.gen(function*() {
      const store = yield* ParameterStore.make(specs)
      const cases: ReadonlyArray<readonly [Effect.Effect<unknown, ParameterStore.ParameterError>, string]> = [
        [ParameterStore.make([...specs, { name: "w", shape: [1] }]), "parameter w: is named twice"],
        [
          ParameterStore.make([{ name: "w", shape: [2, 0] }]),
          "parameter w: shape [2,0] is not a list of positive sizes"
        ],
        [ParameterStore.view(store, "q"), "parameter q: is not one of the 5 in the store"],
        [ParameterStore.set(store, "w", new Float32Array(20)), "parameter w: has 21 values, got 20"],
        [ParameterStore.copyFrom(store, new Float32Array(80)), "parameter store: has 96 values, got 80"]
      ]
      for (const [effect, message] of cases) assert.strictEqual((yield* Effect.flip(effect)).message, message)
    }))
})
