/**
 * Losses against TRL's: advantages, masks, losses, gradients and what is told of them on the numbers of
 * test/fixtures/objectives.py.
 */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import * as Advantage from "../../src/dsl/Advantage.ts"
import * as G from "../../src/kernels/graph/index.ts"
import type { GroupLoss } from "../../src/policy/Policy.ts"
import * as Onnx from "../kernels/graph/onnx.ts"
import * as Reference from "../kernels/graph/reference.ts"
import * as Losses from "./losses.ts"

type Rows = ReadonlyArray<ReadonlyArray<number>>

interface Case {
  readonly options: {
    readonly beta: number
    readonly epsilonLow: number
    readonly epsilonHigh: number
    readonly entropy: number
    readonly gate: readonly [number, number]
    readonly corrected: boolean
    readonly masked: boolean
    readonly scale: Advantage.Scale
    readonly level: "token" | "sequence"
    readonly loss: string
  }
  readonly advantages: ReadonlyArray<number>
  readonly loss: number
  readonly byLogprob: Rows
  readonly byEntropy: Rows
  readonly metrics: Readonly<Record<string, number>>
}

interface Entropy {
  readonly temperature: number
  readonly x: Rows
  readonly embedding: Rows
  readonly seed: ReadonlyArray<number>
  readonly values: ReadonlyArray<number>
  readonly byX: Rows
  readonly byEmbedding: Rows
}

const { cases, entropy, given, group, maxTokens } = JSON.parse(
  readFileSync(new URL("../fixtures/objectives.json", import.meta.url), "utf8")
) as {
  readonly group: number
  readonly maxTokens: number
  readonly given: {
    readonly lengths: ReadonlyArray<number>
    readonly ended: ReadonlyArray<boolean>
    readonly rewards: ReadonlyArray<number>
    readonly old: Rows
    readonly logprobs: Rows
    readonly reference: Rows
    readonly entropies: Rows
  }
  readonly cases: Readonly<Record<string, Case>>
  readonly entropy: Entropy
}

/** The loss that TRL calls so. */
const lossOf = ({ level, loss }: Case["options"]): GroupLoss => level === "sequence" ? "gspo" : loss as GroupLoss

const settingsOf = ({ options }: Case): Losses.Settings => {
  const loss = lossOf(options)
  return {
    loss,
    // What TRL calls ε of CISPO is the largest weight itself, and there is no least one.
    clip: loss === "cispo"
      ? { low: 1, high: options.epsilonHigh - 1 }
      : { low: options.epsilonLow, high: options.epsilonHigh },
    gate: { positive: options.gate[0], negative: options.gate[1] },
    kl: options.beta,
    klEstimator: options.corrected ? "k3-corrected" : "k3",
    entropy: options.entropy,
    maskTruncated: options.masked,
    maxTokens
  }
}

const rewards = Array.from(
  { length: given.rewards.length / group },
  (_, i) => given.rewards.slice(i * group, (i + 1) * group)
)

const textsOf = (advantages: ReadonlyArray<number>): ReadonlyArray<Losses.Text> =>
  given.lengths.map((length, i) => ({
    logprobs: given.logprobs[i]!.slice(0, length),
    old: given.old[i]!.slice(0, length),
    reference: given.reference[i]!.slice(0, length),
    entropies: given.entropies[i]!.slice(0, length),
    advantage: advantages[i]!,
    ended: given.ended[i]!
  }))

/** TRL's rows are padded; ours are as long as their texts, and those of masked texts are none. */
const near = (found: Rows, expected: Rows, bound: number, what: string) =>
  expected.forEach((row, i) =>
    row.forEach((value, k) => assert.closeTo(found[i]?.[k] ?? 0, value, bound, `${what} of token ${k} of text ${i}`))
  )

describe("losses against TRL's", () => {
  it("are of every kind", () => {
    const of = <A>(each: (of: Case) => A) => new Set(Object.values(cases).map(each))
    assert.sameMembers([...of(({ options }) => lossOf(options))], ["grpo", "dr_grpo", "dapo", "gspo", "cispo", "sapo"])
    assert.sameMembers([...of(({ options }) => options.scale)], ["group", "batch", "none"])
    assert.isTrue(given.ended.includes(false) && given.lengths.includes(1))
    // Every bound holds some tokens, so that the gradients tell where.
    for (const bound of ["clip_ratio/low_mean", "clip_ratio/high_mean", "cispo_clip_ratio"]) {
      assert.isTrue(Object.values(cases).some(({ metrics }) => (metrics[bound] ?? 0) > 0), bound)
    }
  })

  for (const [name, of] of Object.entries(cases)) {
    it(name, async () => {
      const normalize = Advantage.ofLoss(lossOf(of.options), of.options.scale)
      const advantages = rewards.flatMap((group) => normalize(group, rewards).advantages)
      advantages.forEach((advantage, i) => assert.closeTo(advantage, of.advantages[i]!, 1e-5, `advantage ${i}`))

      const [texts, settings] = [textsOf(advantages), settingsOf(of)]
      const { feeds, outputs, read } = Losses.graph(texts, settings)
      for (
        const [where, found] of [
          ["in plain numbers", Losses.plain(texts, settings)],
          ["in float64", read(Reference.evaluate(outputs, feeds))],
          ["in onnxruntime", read(await Onnx.evaluate(outputs, feeds))]
        ] as const
      ) {
        assert.closeTo(found.loss, of.loss, 1e-5, `loss ${where}`)
        near(found.slopes, of.byLogprob, 1e-5, `gradient ${where}`)
        near(found.byEntropy, of.byEntropy, 1e-5, `gradient by entropy ${where}`)
        const told = {
          kl: of.metrics["kl"],
          clipped: lossOf(of.options) === "gspo" ? undefined : of.metrics["clip_ratio/region_mean"]
        }
        if (told.kl !== undefined) assert.closeTo(found.kl, told.kl, 1e-5, `KL ${where}`)
        if (told.clipped !== undefined) assert.closeTo(found.clipped, told.clipped, 1e-5, `clipped ${where}`)
      }
    })
  }
})

describe("entropy against torch's", () => {
  it("in value and gradients", async () => {
    const [rows, width, vocabulary] = [entropy.x.length, entropy.x[0]!.length, entropy.embedding.length]
    const [x, embedding] = [G.input("x", [rows, width]), G.input("embedding", [vocabulary, width])]
    const values = G.entropy(x, embedding, { temperature: entropy.temperature, chunk: 2 })
    const outputs = [values, ...G.Autodiff.gradients(G.sum(G.mul(values, G.input("seed", [rows]))), [x, embedding])]
    const feeds = {
      x: Reference.value(entropy.x.flat(), [rows, width]),
      embedding: Reference.value(entropy.embedding.flat(), [vocabulary, width]),
      seed: Reference.value(entropy.seed)
    }
    for (const found of [Reference.evaluate(outputs, feeds), await Onnx.evaluate(outputs, feeds)]) {
      const expected = [entropy.values, entropy.byX.flat(), entropy.byEmbedding.flat()]
      expected.forEach((value, i) => assert.isAtMost(Reference.relativeError(found[i]!.data, value), 1e-5))
    }
  })
})
