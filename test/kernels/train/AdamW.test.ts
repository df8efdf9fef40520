import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import * as Keyed from "../../../src/kernels/math/Keyed.ts"
import { HostTensor, Runtime } from "../../../src/kernels/runtime/index.ts"
import * as AdamW from "../../../src/kernels/train/AdamW.ts"
import * as ParameterStore from "../../../src/kernels/train/ParameterStore.ts"
import fixture from "../../fixtures/adamw.json" with { type: "json" }
import { fingerprint } from "./fingerprint.ts"

const powers = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const normals = (key: string, out: Float32Array) => {
  const { normal } = Keyed.stream(1, key)
  for (let i = 0; i < out.length; i++) out[i] = normal()
  return out
}

/**
 * Errors are relative to each value, or to `scale` where that is larger: float32 sums that cancel keep absolute errors.
 */
const close = (
  found: ArrayLike<number>,
  expected: ReadonlyArray<number>,
  relative: number,
  label: string,
  scale = 1e-3
) => {
  assert.strictEqual(found.length, expected.length)
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(found[i]! - expected[i]!)
    assert.isAtMost(
      error,
      relative * Math.max(Math.abs(expected[i]!), scale),
      `${label}[${i}]: ${found[i]} for ${expected[i]}`
    )
  }
}

/** AdamW as the paper writes it: one scalar at a time, bias-corrected moments spelled out, all in float64. */
const reference = (
  initial: ReadonlyArray<number>,
  gradients: ReadonlyArray<ReadonlyArray<number>>,
  { beta1, beta2, decay, epsilon, rate }: { beta1: number; beta2: number; decay: number; epsilon: number; rate: number }
): Array<number> =>
  initial.map((start, i) => {
    let x = start
    let m = 0
    let v = 0
    gradients.forEach((step, t) => {
      const g = step[i]!
      x -= rate * decay * x
      m = beta1 * m + (1 - beta1) * g
      v = beta2 * v + (1 - beta2) * g * g
      const corrected = m / (1 - beta1 ** (t + 1))
      const spread = Math.sqrt(v / (1 - beta2 ** (t + 1)))
      x -= rate * corrected / (spread + epsilon)
    })
    return x
  })

layer(Runtime.layer({ workers: 2 }), { timeout: "30 seconds" })("AdamW", (it) => {
  it.effect("follows torch.optim.AdamW with clip_grad_norm_", () =>
    Effect.gen(function*() {
      const names = ["weight", "embedding", "bias"] as const
      const store = yield* ParameterStore.make(
        names.map((name) => ({ name, shape: fixture.shapes[name], decay: name !== "bias" }))
      )
      for (const name of names) yield* ParameterStore.set(store, name, Float32Array.from(fixture.initial[name]))
      const buffer = ParameterStore.trainableBuffer(store)
      const gradients = ParameterStore.tensors(store, buffer)
      const optimiser = yield* AdamW.make(store)
      assert.isAtLeast(fixture.steps.length, 5)
      for (const [i, step] of fixture.steps.entries()) {
        for (const name of names) gradients[name]!.data.set(step.gradients[name] as never)
        const stats = yield* optimiser.step([buffer], {
          learningRate: step.lr,
          weightDecay: fixture.weightDecay,
          clipNorm: fixture.clip
        })
        assert.strictEqual(stats.step, i + 1)
        close([stats.gradNorm], [step.norm], 1e-6, "norm")
        for (const name of names) {
          close(yield* ParameterStore.view(store, name), step.parameters[name], 1e-6, `step ${i} ${name}`)
        }
      }
      const state = yield* optimiser.state
      const [first, second] = [state.firstMoment, state.secondMoment].map((m) => ParameterStore.tensors(store, m))
      for (const name of names) {
        const expected = fixture.state[name]
        const scale = Math.max(...expected.first.map(Math.abs))
        close(first![name]!.data as Float32Array, expected.first, 1e-6, `first moment of ${name}`, scale)
        // Sums of squares: nothing cancels.
        close(second![name]!.data as Float32Array, expected.second, 1e-6, `second moment of ${name}`, 0)
      }
    }))

  it.effect("agrees with a scalar reference for other decay rates and epsilons", () =>
    Effect.gen(function*() {
      const options = { beta1: 0.8, beta2: 0.95, epsilon: 1e-2 }
      const store = yield* ParameterStore.make([{ name: "w", shape: [50] }])
      const w = normals("w", yield* ParameterStore.view(store, "w"))
      const initial = [...w]
      const steps = Array.from({ length: 6 }, (_, t) => [...normals(`g${t}`, new Float32Array(50))])
      const optimiser = yield* AdamW.make(store, options)
      const buffer = ParameterStore.trainableBuffer(store)
      for (const step of steps) {
        buffer.set(step)
        yield* optimiser.step([buffer], { learningRate: 0.05, weightDecay: 0.3, clipNorm: Infinity })
      }
      close(w, reference(initial, steps, { ...options, rate: 0.05, decay: 0.3 }), 1e-6, "w")
    }))

  it.effect("adds up buffers and leaves frozen slices and padding alone", () =>
    Effect.gen(function*() {
      const store = yield* ParameterStore.make([
        { name: "frozen", shape: [3], trainable: false },
        { name: "w", shape: [2, 2] },
        { name: "b", shape: [2], decay: false }
      ])
      store.data.fill(1)
      const optimiser = yield* AdamW.make(store)
      const buffers = [3, 1, -2].map((value) => ParameterStore.trainableBuffer(store).fill(value))
      const options = { learningRate: 0.5, weightDecay: 0.5, clipNorm: Infinity }
      const { gradNorm } = yield* optimiser.step(buffers, options)
      // 3 + 1 - 2 in every place of the two padded slices.
      assert.strictEqual(gradNorm, 2 * Math.sqrt(32))
      const around = (name: string) =>
        Effect.map(ParameterStore.slice(store, name), ({ offset }) => store.data.slice(offset, offset + 5))
      // First step: the update is the learning rate, whatever the gradient; weight decay takes a quarter of w before.
      close(yield* around("w"), [0.25, 0.25, 0.25, 0.25, 1], 1e-6, "w")
      close(yield* around("b"), [0.5, 0.5, 1, 1, 1], 1e-6, "b")
      assert.deepStrictEqual([...(yield* ParameterStore.view(store, "frozen"))], [1, 1, 1])
    }))

  it.effect("goes on from a restored state as if never stopped, and starts anew after reset", () =>
    Effect.gen(function*() {
      const store = yield* ParameterStore.make([{ name: "w", shape: [40] }])
      const buffer = ParameterStore.trainableBuffer(store)
      const optimiser = yield* AdamW.make(store)
      const step = (key: string) =>
        Effect.suspend(() => {
          normals(key, buffer)
          return optimiser.step([buffer], { learningRate: 0.01 })
        })
      normals("start", store.data)
      yield* Effect.forEach(["a", "b"], step)
      const [weights, state] = [Float32Array.from(store.data), yield* optimiser.state]
      yield* Effect.forEach(["c", "d"], step)
      const straight = fingerprint(store)
      yield* optimiser.reset
      yield* ParameterStore.copyFrom(store, weights)
      assert.strictEqual((yield* step("c")).step, 1)
      yield* step("d")
      assert.notStrictEqual(fingerprint(store), straight)
      yield* optimiser.restore(state)
      yield* ParameterStore.copyFrom(store, weights)
      assert.strictEqual((yield* step("c")).step, 3)
      yield* step("d")
      assert.strictEqual(fingerprint(store), straight)
      const error = yield* Effect.flip(optimiser.restore({ ...state, firstMoment: new Float32Array(3) }))
      assert.include(error.message, "moments of 3 values, expected 48")
    }))

  it.effect("refuses gradients that are not finite and keeps the parameters", () =>
    Effect.gen(function*() {
      const store = yield* ParameterStore.make([{ name: "w", shape: [4] }])
      store.data.fill(1)
      const optimiser = yield* AdamW.make(store)
      const buffer = ParameterStore.trainableBuffer(store)
      for (const bad of [NaN, Infinity]) {
        buffer[2] = bad
        const error = yield* Effect.flip(optimiser.step([buffer], { learningRate: 1 }))
        assert.strictEqual(error._tag, "GradientError")
        assert.include(error.message, `optimiser step 1: the gradient's norm is ${bad}`)
      }
      assert.isTrue(store.data.every((x) => x === 1))
      buffer[2] = 0
      assert.strictEqual((yield* optimiser.step([buffer], { learningRate: 1 })).step, 1)
    }))

  it.effect("refuses what float32 does not hold, before anything is changed: squares of gradients, weights", () =>
    Effect.gen(function*() {
      const store = yield* ParameterStore.make([{ name: "a", shape: [3] }, { name: "w", shape: [2, 3] }])
      store.data.fill(1)
      const optimiser = yield* AdamW.make(store)
      const buffer = ParameterStore.trainableBuffer(store)
      buffer[2] = 1e20
      const before = yield* optimiser.state
      const large = yield* Effect.flip(optimiser.step([buffer], { learningRate: 1, clipNorm: Infinity }))
      assert.strictEqual(large._tag, "GradientError")
      assert.match(large.message, /optimiser step 1: the gradient's norm is 1000000\d+|1e\+20/)
      assert.deepStrictEqual(yield* optimiser.state, before)
      assert.isTrue(store.data.every((x) => x === 1))
      // Clipped, or a little smaller, it is a gradient like any other.
      yield* optimiser.step([buffer], { learningRate: 1e-3 })
      buffer[2] = 1e19
      yield* optimiser.step([buffer], { learningRate: 1e-3, clipNorm: Infinity })

      const untouched = Effect.fnUntraced(function*(at: number, learningRate: number) {
        buffer.fill(0)
        buffer[at] = 1
        const [weights, state] = [fingerprint(store), yield* optimiser.state]
        const error = yield* Effect.flip(optimiser.step([buffer], { learningRate, weightDecay: 0 }))
        assert.strictEqual(error._tag, "RuinedWeights")
        assert.deepStrictEqual([fingerprint(store), yield* optimiser.state], [weights, state])
        return error.message
      })
      store.data.fill(1)
      yield* optimiser.reset
      const where = "optimiser step 1: an update at learning rate 1e+39 would leave no number of parameter w at [1, 1]"
      assert.include(yield* untouched(16 + 4, 1e39), where)
      // The very first weight counts like any other, and one that is none already is found.
      assert.include(yield* untouched(0, 1e39), "parameter a at [0], which is 1;")
      store.data[16 + 3] = NaN
      assert.include(yield* untouched(0, 1e-3), "parameter w at [1, 0], which is NaN;")
    }))

  it.effect.prop(
    "either changes nothing or leaves numbers, whatever parameters, gradients and rates",
    // Magnitudes as powers of 2: every one that float32 has.
    [powers(-140, 127), powers(-140, 127), powers(-30, 126), Schema.Boolean, powers(1, 4)],
    ([weight, gradient, rate, clip, steps]) =>
      Effect.gen(function*() {
        const store = yield* ParameterStore.make([{ name: "w", shape: [4] }])
        store.data.set([2 ** weight, -(2 ** weight), 0, 1])
        const optimiser = yield* AdamW.make(store)
        const buffer = ParameterStore.trainableBuffer(store)
        for (let step = 0; step < steps; step++) {
          buffer.set([2 ** gradient, 2 ** gradient, -(2 ** gradient), 1])
          const [weights, state] = [Float32Array.from(store.data), yield* optimiser.state]
          const options = { learningRate: 2 ** rate, clipNorm: clip ? 1 : Infinity }
          const failed = yield* Effect.match(optimiser.step([buffer], options), {
            onFailure: () => true,
            onSuccess: () => false
          })
          if (failed) assert.deepStrictEqual([store.data.slice(), yield* optimiser.state], [weights, state])
          else assert.isTrue(store.data.every(Number.isFinite), `${store.data}`)
          // A step of a sound model is never refused.
          if (Math.abs(weight) < 60 && gradient < 60 && rate <= 0) assert.isFalse(failed)
        }
      })
  )

  it.effect("takes no state and no weights back that are not finite", () =>
    Effect.gen(function*() {
      const store = yield* ParameterStore.make([{ name: "a", shape: [3] }, { name: "w", shape: [2, 3] }])
      const optimiser = yield* AdamW.make(store)
      const state = yield* optimiser.state
      const [odd, none] = [state.firstMoment.slice().fill(NaN, 16 + 5), fingerprint(store)]
      for (const [moments, says] of [[{ firstMoment: odd }, "first"], [{ secondMoment: odd }, "second"]] as const) {
        const error = yield* Effect.flip(optimiser.restore({ ...state, ...moments }))
        assert.include(error.message, `parameter the ${says} moment of w: is NaN at [1, 2], expected a finite number`)
      }
      const still = state.firstMoment.slice()
      const damaged = [
        { ...state, secondMoment: still.slice().fill(-1, 16 + 5) },
        { ...state, firstMoment: still.slice().fill(1e30, 16 + 5) }
      ]
      for (const moments of damaged) {
        const error = yield* Effect.flip(optimiser.restore(moments))
        assert.match(error.message, /the moments of w at \[1, 2\]: are \S+ and \S+, which no gradients lead to/)
      }
      assert.include((yield* Effect.flip(ParameterStore.copyFrom(store, odd))).message, "parameter w: is NaN at [1, 2]")
      assert.strictEqual(fingerprint(store), none)
      assert.deepStrictEqual(yield* optimiser.state, state)
    }))

  it.effect("refuses buffers a worker could not write to, or that are too short", () =>
    Effect.gen(function*() {
      const store = yield* ParameterStore.make([{ name: "w", shape: [32] }])
      const optimiser = yield* AdamW.make(store)
      const cases: ReadonlyArray<readonly [ReadonlyArray<Float32Array>, string]> = [
        [[new Float32Array(32)], "must lie over a SharedArrayBuffer"],
        [[HostTensor.shared.float32(16)], "[0, 32) of buffers with 16 elements"],
        [[], "no buffers"]
      ]
      for (const [buffers, reason] of cases) {
        const error = yield* Effect.flip(optimiser.step(buffers, { learningRate: 1 }))
        assert.strictEqual(error._tag, "RuntimeError")
        assert.include(error.message, reason)
      }
      const frozen = yield* ParameterStore.make([{ name: "w", shape: [32], trainable: false }])
      assert.include((yield* Effect.flip(AdamW.make(frozen))).message, "nothing to train")
    }))
})

describe("AdamW", () => {
  it.live("computes the same bits with one, two and three workers", () =>
    Effect.gen(function*() {
      const trained = (workers: number) =>
        Effect.gen(function*() {
          // Several chunks, with a border of decay inside one.
          const store = yield* ParameterStore.make([
            { name: "a", shape: [700_001] },
            { name: "b", shape: [333], decay: false },
            { name: "c", shape: [900, 1000] }
          ])
          Keyed.uniforms(1, "weights", store.data)
          const buffers = ["x", "y"].map((key) => Keyed.uniforms(1, key, ParameterStore.trainableBuffer(store)))
          const optimiser = yield* AdamW.make(store)
          const norms: Array<number> = []
          for (let i = 0; i < 2; i++) norms.push((yield* optimiser.step(buffers, { learningRate: 0.01 })).gradNorm)
          return { norms, print: fingerprint(store) }
        }).pipe(Effect.provide(Layer.fresh(Runtime.layer({ workers }))))
      const [one, two, three] = [yield* trained(1), yield* trained(2), yield* trained(3)]
      assert.deepStrictEqual(two, one)
      assert.deepStrictEqual(three, one)
      assert.isAbove(one.norms[0]!, 1000)
    }), 30_000)
})
