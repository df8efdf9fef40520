/** One GRPO step: which rollouts and which texts of a format loss it hands to the policy. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import type { Verdict } from "../../src/dsl/Reward.ts"
import * as GroupRelative from "../../src/dsl/stages/GroupRelative.ts"
import type { Grammar } from "../../src/kernels/generate/Grammar.ts"
import { type Objective, Policy, type UpdateStats } from "../../src/policy/Policy.ts"

const grammar = (id: string): Grammar => ({
  id,
  states: 1,
  vocabulary: 1,
  allowed: Uint8Array.of(1),
  next: Int32Array.of(0)
})
const [first, second] = [grammar("reasoning"), grammar("reconstruction")]

/** A candidate with two draws, which the number of its tokens tells apart. */
const candidate = (number: number, reward: number, verdict: Verdict = "ok"): GroupRelative.Judged => {
  const draw = (text: string) => ({
    prompt: { images: [], text },
    completion: { text, tokens: Int32Array.of(number), logprobs: Float32Array.of(-1), finish: "stop" as const }
  })
  return { reward, verdict, draws: [draw("why"), draw("which")] }
}

const stats: UpdateStats = {
  version: 1,
  loss: 1,
  gradNorm: 1,
  kl: 0,
  clipFraction: 0,
  tokens: 5,
  format: { loss: 0.25, left: 0.5, tokens: 3 }
}

/** What a step hands over, and what it tells. */
const step = (
  groups: ReadonlyArray<ReadonlyArray<GroupRelative.Judged>>,
  format: number,
  grammars: ReadonlyArray<Grammar | undefined> = [first, second],
  told: UpdateStats = stats
) => {
  const objectives: Array<Extract<Objective, { readonly _tag: "GroupRelative" }>> = []
  const policy = Layer.mock(Policy)({
    identity: { engine: "stub" },
    tokenizer: Option.none(),
    update: (objective) =>
      Effect.sync(() => {
        if (objective._tag === "GroupRelative") objectives.push(objective)
        return told
      })
  })
  return GroupRelative.stepper("reinforce", { format }, grammars)(groups, 1, { learningRate: 1 }).pipe(
    Effect.map((report) => ({ objectives, report })),
    Effect.provide([policy])
  )
}

const numbers = (items: ReadonlyArray<{ readonly tokens: Int32Array }>) => items.map(({ tokens }) => tokens[0])

describe("a GRPO step", () => {
  it.effect(
    "holds a quarter of each group to its format, malformed texts first, draws of one prompt side by " +
      "side",
    () =>
      Effect.gen(function*() {
        const group = [0, 1, 2, 3, 4, 5, 6, 7].map((i) =>
          candidate(i, i / 8, i === 5 ? "format-annotation" : i === 2 ? "leak" : "ok")
        )
        const { objectives: [objective], report } = yield* step([group], 4)
        assert.strictEqual(objective!.rollouts.length, 16)
        assert.strictEqual(objective!.format!.weight, 4)
        const { texts } = objective!.format!
        assert.deepStrictEqual(numbers(texts), [5, 0, 5, 0])
        assert.deepStrictEqual(texts.map(({ grammar, prompt: { text } }) => [grammar.id, text]), [
          ["reasoning", "why"],
          ["reasoning", "why"],
          ["reconstruction", "which"],
          ["reconstruction", "which"]
        ])
        assert.deepStrictEqual([report.figures["format"], report.figures["left"], report.figures["trained"]], [
          0.25,
          0.5,
          5
        ])
        // 16 drawn, 5 of the rollouts and 3 of the texts learned from.
        assert.strictEqual(report.tokens, 24)
      })
  )

  it.effect("holds no candidate to its format twice, where a malformed one comes first", () =>
    Effect.gen(function*() {
      const group = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => candidate(i, i / 8, i === 0 ? "format-reasoning" : "ok"))
      const { objectives: [objective] } = yield* step([group], 4)
      assert.deepStrictEqual(numbers(objective!.format!.texts), [0, 1, 0, 1])
    }))

  it.effect("where every group is dead holds the format all the same: that is where all is malformed", () =>
    Effect.gen(function*() {
      const dead = [0, 1, 2, 3].map((i) => candidate(i, 0, "format-reasoning"))
      const { objectives } = yield* step([dead, dead], 4)
      assert.deepStrictEqual(objectives.map(({ format, rollouts }) => [rollouts.length, numbers(format!.texts)]), [[0, [
        0,
        0,
        0,
        0
      ]]])
      assert.deepStrictEqual((yield* step([dead, dead], 0)).objectives, [])
      assert.deepStrictEqual((yield* step([dead], 4, [undefined, undefined])).objectives, [])
    }))

  it.effect("tells a gradient norm where its engine does, and else none", () =>
    Effect.gen(function*() {
      const group = [candidate(0, 0), candidate(1, 1)]
      assert.strictEqual((yield* step([group], 0)).report.figures["gradNorm"], 1)
      const { gradNorm: _, ...silent } = stats
      const { figures } = (yield* step([group], 0, [first, second], silent)).report
      assert.deepStrictEqual([Object.keys(figures).includes("gradNorm"), figures["loss"]], [false, 1])
    }))

  it.effect("without a weight, or a grammar for a draw, asks for no format loss of it", () =>
    Effect.gen(function*() {
      const group = [candidate(0, 0), candidate(1, 1)]
      assert.isUndefined((yield* step([group], 0)).objectives[0]!.format)
      const { objectives: [half] } = yield* step([group], 1, [undefined, second])
      assert.deepStrictEqual(half!.format!.texts.map(({ grammar }) => grammar.id), ["reconstruction"])
    }))
})
