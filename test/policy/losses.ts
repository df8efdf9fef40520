/** Group-relative losses of given numbers: as the graph that trains has them, and in plain numbers. */
import * as G from "../../src/kernels/graph/index.ts"
import { Objectives } from "../../src/kernels/train/index.ts"
import { type GroupRelative, sapoGate } from "../../src/policy/Policy.ts"
import * as Ratios from "../../src/policy/Ratios.ts"
import * as Surrogate from "../../src/policy/Surrogate.ts"
import * as TokenWeights from "../../src/policy/TokenWeights.ts"
import * as Reference from "../kernels/graph/reference.ts"

/** A text by the numbers of its tokens. */
export interface Text {
  readonly logprobs: ReadonlyArray<number>
  readonly old: ReadonlyArray<number>
  readonly reference: ReadonlyArray<number>
  readonly entropies: ReadonlyArray<number>
  readonly advantage: number
  /** It ended by itself, and is not masked. */
  readonly ended: boolean
}

export type Settings = Omit<GroupRelative, "_tag" | "rollouts" | "innerUpdates" | "format">

/** GRPO as it is by default. */
export const plainly: Settings = { loss: "grpo", clip: { low: 0.2, high: 0.2 }, kl: 0, maxTokens: 16 }

/** What a loss comes to. Of masked texts there are no slopes. */
export interface Found {
  readonly loss: number
  /** By text, ∂loss/∂logprob of its tokens. */
  readonly slopes: ReadonlyArray<ReadonlyArray<number>>
  readonly byEntropy: ReadonlyArray<ReadonlyArray<number>>
  /** Means over the tokens that are learned from. */
  readonly kl: number
  readonly clipped: number
}

const objectiveOf = (texts: ReadonlyArray<Text>, settings: Settings): GroupRelative => ({
  _tag: "GroupRelative",
  innerUpdates: 1,
  ...settings,
  rollouts: texts.map(({ advantage, ended, old }, i) => ({
    prompt: { images: [], text: String(i) },
    advantage,
    completion: {
      text: "",
      tokens: new Int32Array(old.length),
      logprobs: Float32Array.from(old),
      finish: ended ? "stop" : "length"
    }
  }))
})

/** The texts that are learned from, each with its weight and where it stands. */
export const learned = (texts: ReadonlyArray<Text>, settings: Settings) =>
  TokenWeights.learned(objectiveOf(texts, settings)).map(({ rollout, weight }) => {
    const at = Number(rollout.prompt.text)
    return { at, weight, text: texts[at]! }
  })

const scattered = (
  texts: ReadonlyArray<Text>,
  kept: ReadonlyArray<{ readonly at: number }>,
  values: ReadonlyArray<ReadonlyArray<number>>
) => texts.map((_, i) => values[kept.findIndex(({ at }) => at === i)] ?? [])

const tokensOf = (kept: ReadonlyArray<{ readonly text: Text }>) =>
  kept.reduce((n, { text }) => n + text.logprobs.length, 0)

/** In plain numbers, as an engine is taught. */
export const plain = (texts: ReadonlyArray<Text>, settings: Settings): Found => {
  const kept = learned(texts, settings)
  const form = Surrogate.formOf(settings)
  const tokens = tokensOf(kept)
  const { entropy = 0 } = settings
  const tally = Ratios.tally(form, settings.clip)
  const terms = kept.map(({ text, weight }) => {
    const advantages = text.logprobs.map(() => text.advantage)
    tally.add(Ratios.of(form, text.logprobs, text.old), advantages)
    return Surrogate.groupRelative(form, { ...text, advantages, weight }, settings)
  })
  const ratios = tally.stats()
  const paid = kept.reduce((sum, { text }) => sum + text.entropies.reduce((a, b) => a + b, 0), 0)
  return {
    loss: terms.reduce((sum, { loss }) => sum + loss, 0) - entropy * paid / tokens,
    slopes: scattered(texts, kept, terms.map(({ slopes }) => [...slopes])),
    byEntropy: scattered(texts, kept, kept.map(({ text }) => text.logprobs.map(() => -entropy / tokens))),
    kl: terms.reduce((sum, { divergence }) => sum + divergence, 0) / tokens,
    clipped: ratios === undefined ? 0 : ratios.low + ratios.high
  }
}

/** Rows of padding behind those of the texts, as every batch has some. */
const padding = 3

/** The graph, and what it is fed with: its outputs are the loss, its metrics, and the gradients by both inputs. */
export const graph = (texts: ReadonlyArray<Text>, settings: Settings) => {
  const kept = learned(texts, settings)
  const form = Surrogate.formOf(settings)
  const { clip, entropy = 0, gate = sapoGate, kl } = settings
  const tokens = tokensOf(kept)
  const rows = tokens + padding
  const row = (name: string) => G.input(name, [rows])
  const knob = (name: string) => G.input(name, [])
  const [logprobs, entropies] = [row("logprobs"), row("entropies")]
  const { loss, metrics } = Objectives.groupRelative({
    logprobs,
    weights: row("weights"),
    advantages: row("advantages"),
    oldLogprobs: row("old"),
    reference: row("reference"),
    clipLow: knob("clipLow"),
    clipHigh: knob("clipHigh"),
    kl: knob("kl"),
    gate: { positive: knob("positive"), negative: knob("negative") },
    ...(form.ratio === "sequence" && {
      sequences: { count: kept.length + 2, of: G.input("of", [rows], "i32"), share: row("share") }
    }),
    ...(form.entropy === true && { entropy: { values: entropies, coefficient: knob("coefficient") } })
  }, form)
  const outputs = [
    loss,
    metrics["kl"] ?? G.scalar(0),
    metrics["clipped"] ?? G.scalar(0),
    ...G.Autodiff.gradients(loss, [logprobs, ...(form.entropy === true ? [entropies] : [])])
  ]
  /** What stands in padding rows would be seen. */
  const filled = (each: (of: typeof kept[number], i: number) => ReadonlyArray<number>, beyond: number) =>
    Reference.value([...kept.flatMap(each), ...new Array<number>(padding).fill(beyond)])
  const scalar = (value: number) => Reference.value([value], [])
  const feeds: Reference.Feeds = {
    logprobs: filled(({ text }) => text.logprobs, 500),
    weights: filled(({ text, weight }) => text.logprobs.map(() => weight), 0),
    advantages: filled(({ text }) => text.logprobs.map(() => text.advantage), 0),
    old: filled(({ text }) => text.old, 0),
    reference: filled(({ text }) => text.reference, 0),
    entropies: filled(({ text }) => text.entropies, 1e30),
    of: filled(({ text }, i) => text.logprobs.map(() => i), 0),
    share: filled(({ text }) => text.logprobs.map(() => 1 / text.logprobs.length), 0),
    clipLow: scalar(1 - clip.low),
    clipHigh: scalar(1 + clip.high),
    kl: scalar(kl),
    positive: scalar(gate.positive),
    negative: scalar(gate.negative),
    coefficient: scalar(entropy / tokens)
  }
  const read = ([value, divergence, clipped, ...gradients]: ReadonlyArray<Reference.Value>): Found => {
    const cut = (data: ArrayLike<number> | undefined) => {
      let at = 0
      return scattered(
        texts,
        kept,
        kept.map(({ text }) => text.logprobs.map(() => data?.[at++] ?? 0))
      )
    }
    return {
      loss: value!.data[0]!,
      kl: divergence!.data[0]! / tokens,
      clipped: clipped!.data[0]! / tokens,
      slopes: cut(gradients[0]!.data),
      byEntropy: cut(gradients[1]?.data)
    }
  }
  return { outputs, feeds, read }
}

/** As the graph has it, in float64. */
export const computed = (texts: ReadonlyArray<Text>, settings: Settings): Found => {
  const { feeds, outputs, read } = graph(texts, settings)
  return read(Reference.evaluate(outputs, feeds))
}
