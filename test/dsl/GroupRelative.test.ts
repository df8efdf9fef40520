/** One GRPO step: which rollouts and which texts of a format loss it hands to the policy. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import type { Verdict } from "../../src/dsl/Reward.ts"
import * as GroupRelative from "../../src/dsl/stages/GroupRelative.ts"
import type { GrpoOptions } from "../../src/dsl/stages/Settings.ts"
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
  told: UpdateStats = stats,
  settings: GrpoOptions = {}
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
  return GroupRelative.stepper("reinforce", { format, ...settings }, grammars)(groups, 1, { learningRate: 1 }).pipe(
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

  /** A candidate whose one draw is this. */
  const drawn = (reward: number, logprobs: ReadonlyArray<number>, finish: "stop" | "length" = "stop") => ({
    ...candidate(0, reward),
    draws: [{
      prompt: { images: [], text: "why" },
      completion: { text: "", tokens: new Int32Array(logprobs.length), logprobs: Float32Array.from(logprobs), finish }
    }]
  })

  it.effect("tells what practitioners watch: spread of rewards, lengths, entropy, ratios and what holds them", () =>
    Effect.gen(function*() {
      const groups = [
        [drawn(0, [-1, -2]), drawn(1, [-0.5], "length")],
        [drawn(0.5, [-1, -1, -1]), drawn(0.5, [-2, -2, -2, -2])]
      ]
      const ratios = { mean: 1.01, max: 1.5, low: 0.125, high: 0.25 }
      const { report } = yield* step(groups, 0, [undefined], { ...stats, clipFraction: 0.375, ratios, entropy: 1.25 })
      const { figures } = report
      const told = (names: ReadonlyArray<string>) => names.map((name) => figures[name])
      assert.deepStrictEqual(told(["groups", "dead", "deadShare", "truncated"]), [2, 1, 0.5, 0.25])
      // NumPy: std([0, 1, .5, .5], ddof=1), and the quartiles of 2, 1, 3 and 4 tokens.
      assert.closeTo(figures["rewardStd"]!, 0.408248290463863, 1e-12)
      assert.deepStrictEqual(told(["length", "length25", "length50", "length75"]), [2.5, 1.75, 2.5, 3.25])
      assert.closeTo(figures["entropy"]!, 14.5 / 10, 1e-12)
      assert.strictEqual(figures["entropy paid"], 1.25)
      assert.deepStrictEqual(told(["clipFraction", "clipLow", "clipHigh", "ratioMean", "ratioMax"]), [
        0.375,
        0.125,
        0.25,
        1.01,
        1.5
      ])
      // What an engine does not tell is left out, and so is what draws do not.
      const silent = yield* step([[drawn(0, [-1]), { ...drawn(1, [-1]), draws: [] }]], 0, [undefined])
      for (const name of ["ratioMean", "ratioMax", "clipLow", "clipHigh", "entropy paid"]) {
        assert.notProperty(silent.report.figures, name)
      }
      const unknown = { ...drawn(1, [-1]).draws[0]! }
      const unscored = { ...unknown, completion: { ...unknown.completion, logprobs: new Float32Array(0) } }
      const { report: without } = yield* step(
        [[drawn(0, [-1]), { ...candidate(0, 1), draws: [unscored] }]],
        0,
        [undefined]
      )
      assert.notProperty(without.figures, "entropy")
    }))

  it.effect("asks for the loss that it is told, with what belongs to it and no more", () =>
    Effect.gen(function*() {
      const group = [drawn(0, [-1]), drawn(1, [-1])]
      const asked = (settings: GrpoOptions) =>
        Effect.map(step([group, group], 0, [undefined], stats, settings), ({ objectives: [objective] }) => {
          const { rollouts: _, innerUpdates: __, maxTokens: ___, ...rest } = objective!
          return rest
        })
      const tagged = { _tag: "GroupRelative" } as const
      const plain = { ...tagged, loss: "grpo", clip: { low: 0.2, high: 0.2 }, kl: 0 }
      assert.deepStrictEqual<object>(yield* asked({}), plain)
      assert.deepStrictEqual<object>(yield* asked({ loss: "gspo" }), {
        ...plain,
        loss: "gspo",
        clip: { low: 3e-4, high: 4e-4 }
      })
      assert.deepStrictEqual<object>(yield* asked({ loss: "sapo" }), {
        ...plain,
        loss: "sapo",
        gate: { positive: 1, negative: 1.05 }
      })
      // One side alone: the other is that of the loss.
      assert.deepInclude<object>(yield* asked({ clip: { low: 0.1 } }), { clip: { low: 0.1, high: 0.2 } })
      assert.deepInclude<object>(yield* asked({ loss: "gspo", clip: { high: 1e-3 } }), {
        clip: { low: 3e-4, high: 1e-3 }
      })
      assert.deepInclude<object>(yield* asked({ loss: "sapo", gate: { negative: 2 } }), {
        gate: { positive: 1, negative: 2 }
      })
      assert.deepStrictEqual<object>(yield* asked({ kl: 0.1, klEstimator: "k1", entropy: 0.01, maskTruncated: true }), {
        ...plain,
        kl: 0.1,
        klEstimator: "k1",
        entropy: 0.01,
        maskTruncated: true
      })
    }))

  it.effect("lays the blame for a broken format on the token that left it, where it is told to", () =>
    Effect.gen(function*() {
      // Its texts have a 1 in the place of every 0 that is drawn here.
      const ones: Grammar = { ...grammar("ones"), vocabulary: 2, allowed: Uint8Array.of(0, 1), next: new Int32Array(2) }
      const groups = [[
        { ...drawn(0, [-1, -1, -1, -1]), verdict: "format-annotation" as const },
        drawn(1, [-1]),
        { ...drawn(0, [-1]), verdict: "leak" as const }
      ]]
      const factors = (settings: GrpoOptions) =>
        Effect.map(
          step(groups, 0, [ones], stats, settings),
          ({ objectives: [objective] }) => objective!.rollouts.map(({ importance }) => importance && [...importance])
        )
      assert.deepStrictEqual(yield* factors({ blame: "token" }), [[2, 1, 1, 1], undefined, undefined])
      for (const settings of [{}, { blame: "text" }] as const) {
        assert.deepStrictEqual(yield* factors(settings), new Array(3).fill(undefined))
      }
    }))

  it.effect("divides rewards by the spread of all groups, where it is told to", () =>
    Effect.gen(function*() {
      const groups = [[drawn(0, [-1]), drawn(1, [-1])], [drawn(0.4, [-1]), drawn(0.6, [-1])]]
      const of = (settings: GrpoOptions) =>
        Effect.map(
          step(groups, 0, [undefined], stats, settings),
          ({ objectives: [objective] }) => objective!.rollouts.map(({ advantage }) => advantage)
        )
      // NumPy: std([0, 1, .4, .6], ddof=1)
      const spread = 0.4163331998932265 + 1e-4
      const batch = yield* of({ scaleRewards: "batch" })
      batch.forEach((advantage, i) => assert.closeTo(advantage, [-0.5, 0.5, -0.1, 0.1][i]! / spread, 1e-9))
      const none = yield* of({ scaleRewards: "none" })
      none.forEach((advantage, i) => assert.closeTo(advantage, [-0.5, 0.5, -0.1, 0.1][i]!, 1e-12))
      assert.deepStrictEqual(yield* of({}), yield* of({ scaleRewards: "group" }))
      assert.deepStrictEqual(yield* of({ loss: "dr_grpo" }), none)
    }))

  it.effect("of nothing but masked texts teaches nothing, and many of them end a stage", () =>
    Effect.gen(function*() {
      const cut = [drawn(0, [-1], "length"), drawn(1, [-1], "length")]
      const settings = { maskTruncated: true, deadSteps: 2 }
      const { objectives, report } = yield* step([cut], 0, [undefined], stats, settings)
      assert.deepStrictEqual([objectives, report.figures["trained"], report.figures["dead"]], [[], 0, 0])
      // One text that ended is enough; those that were cut off stay beside it, for averages over texts count them.
      const { objectives: [one] } = yield* step([[...cut, drawn(0.5, [-1])]], 0, [undefined], stats, settings)
      assert.strictEqual(one!.rollouts.length, 3)
      const error = yield* Effect.flip(step([cut], 0, [undefined], stats, { ...settings, deadSteps: 1 }))
      assert.strictEqual(
        error.message,
        "reinforce: all groups of 1 consecutive steps (up to step 1) are dead: every text that earned more or less " +
          "than its group was cut off, and maskTruncated leaves those out; raise maxTokens, or set maskTruncated to " +
          "false"
      )
    }))

  it.effect("without a weight, or a grammar for a draw, asks for no format loss of it", () =>
    Effect.gen(function*() {
      const group = [candidate(0, 0), candidate(1, 1)]
      assert.isUndefined((yield* step([group], 0)).objectives[0]!.format)
      const { objectives: [half] } = yield* step([group], 1, [undefined, second])
      assert.deepStrictEqual(half!.format!.texts.map(({ grammar }) => grammar.id), ["reconstruction"])
    }))
})
