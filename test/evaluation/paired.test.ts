import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { standardErrors } from "../../src/evaluation/paired.ts"

const answers = (method: string, values: ReadonlyArray<number>) =>
  values.map((value) => ({ method, metrics: { m: value, other: 1 } }))

const of = (...all: ReadonlyArray<ReturnType<typeof answers>>) =>
  standardErrors(Stream.fromIterable(all.flat()), { method: "RISE", metric: "m", others: ["prior", "SFT"] })

describe("standardErrors", () => {
  it.effect("is of the differences, sample by sample: what all find hard makes none", () =>
    Effect.gen(function*() {
      const errors = yield* of(
        answers("prior", [0.1, 0.5, 0.9, 0.3]),
        answers("base", [1, 1, 1, 1]),
        answers("SFT", [0, 1, 0, 1]),
        answers("RISE", [0.2, 0.6, 1, 0.4])
      )
      // Ahead of the prior by 0.1 on every sample.
      assert.closeTo(errors.get("prior")!, 0, 1e-12)
      // Differences 0.2, -0.4, 1, -0.6: variance 1.55 / 3 by n - 1, over 4 samples.
      assert.closeTo(errors.get("SFT")!, Math.sqrt(1.55 / 3 / 4), 1e-12)
      assert.strictEqual(errors.size, 2)
    }))

  it.effect("knows none of one sample, and none of a method that answered others", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* of(answers("prior", [0.1]), answers("RISE", [0.2]))).size, 0)
      assert.strictEqual((yield* of(answers("SFT", [0.1]), answers("RISE", [0.2, 0.3]))).size, 0)
      assert.strictEqual((yield* of()).size, 0)
    }))
})
