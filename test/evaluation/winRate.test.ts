/** Win rates pair samples, of which one picture may have several. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import type { Prediction } from "../../src/evaluation/Results.ts"
import { against, valuesOf } from "../../src/evaluation/winRate.ts"

const answer = (image: string, accuracy: number, question?: string): Prediction => ({
  method: "SFT",
  image,
  part: null,
  ...(question !== undefined && { question }),
  truth: "",
  text: "",
  annotation: "",
  reasoning: null,
  verdict: "ok",
  metrics: { accuracy }
})

const measure = { name: "accuracy", direction: "higher" } as const

const won = (ours: ReadonlyArray<Prediction>, theirs: ReadonlyArray<Prediction>) =>
  Effect.gen(function*() {
    const reference = yield* valuesOf(measure, Stream.fromIterable(theirs))
    return (yield* Stream.fromIterable(ours).pipe(against(reference, measure))).get("all")
  })

describe("a win rate", () => {
  it.effect("compares answers to the same question about a picture", () =>
    Effect.gen(function*() {
      const ours = [answer("a", 1, "which?"), answer("a", 1, "where?")]
      const theirs = [answer("a", 0, "which?"), answer("a", 1, "where?")]
      assert.deepStrictEqual(yield* won(ours, theirs), { rate: 0.75, wins: 1, losses: 0, ties: 1, samples: 2 })
      assert.deepStrictEqual(yield* won(ours.toReversed(), theirs), {
        rate: 0.75,
        wins: 1,
        losses: 0,
        ties: 1,
        samples: 2
      })
    }))

  it.effect("tells pictures of one name by their turn", () =>
    Effect.gen(function*() {
      const values = (...values: ReadonlyArray<number>) => values.map((value) => answer("rain/1.png", value))
      assert.deepStrictEqual(yield* won(values(1, 1, 1), values(0, 1, 0)), {
        rate: 5 / 6,
        wins: 2,
        losses: 0,
        ties: 1,
        samples: 3
      })
    }))
})
