import { assert, describe, it } from "@effect/vitest"
import * as Keyed from "../../../src/kernels/math/Keyed.ts"
import { HostTensor, OptimizerJob } from "../../../src/kernels/runtime/index.ts"

const buffers = (count: number) =>
  Array.from({ length: count }, (_, k) => Keyed.uniforms(3, `buffer ${k}`, HostTensor.shared.float32(40)))

describe("an optimiser job", () => {
  it("adds any number of buffers over its range alone and returns the sum of squares", () => {
    for (const count of [1, 2, 3, 5]) {
      const given = buffers(count)
      const before = given.map((buffer) => Float32Array.from(buffer))
      const squares = OptimizerJob.execute({ _tag: "Accumulate", buffers: given, begin: 7, end: 31 })
      let expected = 0
      for (let i = 0; i < 40; i++) {
        const inside = i >= 7 && i < 31
        const sum = Math.fround(before.reduce((total, buffer, k) => k === 0 || inside ? total + buffer[i]! : total, 0))
        assert.strictEqual(given[0]![i], sum)
        if (inside) expected += sum * sum
        for (let k = 1; k < count; k++) assert.strictEqual(given[k]![i], before[k]![i])
      }
      assert.strictEqual(squares, expected)
    }
  })

  it("takes an AdamW step over its ranges alone, sparing those without decay", () => {
    const [parameters, gradients] = buffers(2) as [Float32Array, Float32Array]
    const before = Float32Array.from(parameters)
    const [firstMoment, secondMoment] = [HostTensor.shared.float32(40), HostTensor.shared.float32(40)]
    OptimizerJob.execute({
      _tag: "AdamW",
      parameters,
      gradients,
      firstMoment,
      secondMoment,
      ranges: [{ begin: 0, end: 10, decay: true }, { begin: 20, end: 25, decay: false }],
      step: 1,
      learningRate: 0.1,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 0,
      weightDecay: 0.5,
      gradientScale: 2
    })
    for (let i = 0; i < 40; i++) {
      // Without epsilon the first step moves by the learning rate.
      const expected = i < 10 ? before[i]! * 0.95 - 0.1 : i >= 20 && i < 25 ? before[i]! - 0.1 : before[i]!
      const touched = i < 10 || i >= 20 && i < 25
      assert.closeTo(parameters[i]!, expected, 1e-6)
      assert.closeTo(firstMoment[i]!, touched ? 0.2 * gradients[i]! : 0, 1e-7)
      assert.closeTo(secondMoment[i]!, touched ? 0.004 * gradients[i]! ** 2 : 0, 1e-8)
    }
  })

  it("refuses jobs that would write nowhere or outside", () => {
    const job = (begin: number, end: number, given: ReadonlyArray<Float32Array> = buffers(2)) =>
      OptimizerJob.refusal({ _tag: "Accumulate", buffers: given, begin, end })
    assert.isUndefined(job(0, 40))
    assert.isUndefined(job(40, 40))
    for (const [begin, end] of [[0, 41], [-1, 3], [5, 4], [0.5, 2], [0, NaN]] as const) {
      assert.strictEqual(job(begin, end), `Accumulate over [${begin}, ${end}) of buffers with 40 elements`)
    }
    assert.include(job(0, 1, [])!, "no buffers")
    assert.include(job(0, 1, [HostTensor.shared.float32(4), new Float32Array(4)])!, "SharedArrayBuffer")
  })
})
