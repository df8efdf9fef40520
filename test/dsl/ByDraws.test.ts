/** A format loss by draws: what it holds down, how steeply, and what is refused. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ByDraws from "../../src/dsl/stages/ByDraws.ts"
import * as Practice from "../../src/dsl/stages/Practice.ts"
import type { Session } from "../../src/policy/Policy.ts"
import { ones as grammar } from "./ones.ts"

const text = (...tokens: ReadonlyArray<number>): ByDraws.DrawnText => ({
  prompt: { text: `prompt of ${tokens.join()}`, images: [] },
  completion: {
    text: tokens.join(),
    tokens: Int32Array.from(tokens),
    logprobs: Float32Array.from(tokens, () => -9),
    finish: "stop"
  },
  grammar
})

/** A session in which the last token of every text has the probability `p`, and the others 0.5. */
const scoring = (p: number, scored: Array<ReadonlyArray<number>>): Session => ({
  version: 0,
  sample: () => Effect.die("nothing is drawn here"),
  logprobs: (items) =>
    Effect.sync(() =>
      items.map(({ tokens }) => {
        scored.push([...tokens])
        return Float32Array.from(tokens, (_, k) => Math.log(k === tokens.length - 1 ? p : 0.5))
      })
    )
})

describe("a format loss by draws", () => {
  it.effect("is -log(1 - p) of the token that left the format, mean over the tokens of all texts", () =>
    Effect.gen(function*() {
      const scored: Array<ReadonlyArray<number>> = []
      const texts = [text(1, 2, 1, 0), text(1, 1, 0), text(2, 0)]
      const { figures, objective, tokens } = yield* ByDraws.of(scoring(0.8, scored), texts, 10)
      // Up to where each left: 2, 3 and 1.
      assert.strictEqual(tokens, 6)
      assert.deepStrictEqual(scored, [[1, 2], [2]])
      assert.approximately(figures.left, 2 / 3, 1e-12)
      assert.approximately(figures.format, 2 * -Math.log(0.2) / 6, 1e-6)
      if (objective?._tag !== "GroupRelative") return assert.fail("there is something to hold down")
      const { loss, rollouts } = objective
      assert.strictEqual(loss, "dapo")
      // The objective's mean is over the 3 tokens of broken texts, the loss's over all 6.
      const slopes = rollouts.map(({ advantage, importance = [] }) =>
        Array.from(importance, (factor) => -advantage * factor / 3)
      )
      const expected = 10 * (0.8 / 0.2) / 6
      assert.deepStrictEqual(slopes.map((own) => own.length), [2, 1])
      assert.strictEqual(slopes[0]?.[0], -0)
      assert.approximately(slopes[0]?.[1] ?? NaN, expected, 1e-4)
      assert.approximately(slopes[1]?.[0] ?? NaN, expected, 1e-4)
      assert.isTrue(rollouts.every(({ scored }) => scored === true))
      assert.isTrue(rollouts.every(({ completion }) => completion.logprobs.length === completion.tokens.length))
    }))

  it.effect("is finite where the token was certain, and nothing where no text left", () =>
    Effect.gen(function*() {
      const { figures, objective } = yield* ByDraws.of(scoring(1, []), [text(2)], 1)
      assert.isTrue(Number.isFinite(figures.format))
      if (objective?._tag !== "GroupRelative") return assert.fail("there is something to hold down")
      assert.isTrue(objective.rollouts.every(({ importance = [] }) => [...importance].every(Number.isFinite)))
      const scored: Array<ReadonlyArray<number>> = []
      const sound = yield* ByDraws.of(scoring(1, scored), [text(1, 0)], 1)
      assert.isUndefined(sound.objective)
      assert.deepStrictEqual(sound.figures, { format: 0, left: 0 })
      assert.deepStrictEqual((yield* ByDraws.of(scoring(1, scored), [], 1)).figures, { format: 0, left: 0 })
      assert.deepStrictEqual(scored, [], "nothing is scored for nothing")
    }))

  it.effect("is refused of lessons, whose texts never leave their format", () =>
    Effect.gen(function*() {
      const practice = { texts: 1, weight: 1, maxTokens: 8, by: "draws", of: "lessons" } as const
      const error = yield* Effect.flip(Practice.fits("sft", { practice }, 4))
      assert.match(error.message, /practice\.by is "draws", expected "mass" where practice\.of is "lessons"/)
    }))
})
