/**
 * Settings that fit a model and a data set, where nobody has chosen any. docs/settings.md has the rule in words, where
 * it comes from and what was measured.
 */
import type { Preset } from "./Presets.ts"

/** What settings are fitted to. */
export interface Facts {
  /** Weights of the model, an adapter's own not among them. */
  readonly parameters: number
  /** Whether a low-rank adapter is trained in their place. */
  readonly adapter: boolean
  /** Samples of the training half. */
  readonly samples: number
  /** Tokens of the longest annotation, as the model writes it. */
  readonly answer: number
}

const clamp = (least: number, value: number, most: number) => Math.min(most, Math.max(least, Math.round(value)))

/** A number as a person would write it: two digits. */
const plain = (value: number): number => Number(value.toPrecision(2))

/** Where rates were measured: the embedded checkpoint, all of whose decoder is trained. */
const measured = { parameters: 2.1e6, rate: 6e-4 } as const

/**
 * The peak learning rate of supervised fine-tuning. Adam's best rate falls with the width of a model (Yang et al.
 * 2022), which grows with the root of its weights: 6e-4 at the embedded 2 million, 2e-5, the paper's, at the 2 billion
 * of Qwen2-VL. An adapter takes ten times as much whatever its rank (Schulman et al. 2025).
 */
export const rateOf = ({ adapter, parameters }: Pick<Facts, "adapter" | "parameters">): number =>
  plain(Math.min(1e-3, measured.rate * Math.sqrt(measured.parameters / parameters) * (adapter ? 10 : 1)))

/** Models below are trained in batches that a laptop takes in a second; above, in the paper's. */
const small = 1e8

/** Longest reasonings, in tokens: two sentences of the embedded language; the default of a real model. */
const chains = { small: 40, large: 160 } as const

/** A reasoning is several times as long as a label, and must not drown it. */
const answerWeight = 3

/** More steps than any stage has. */
const patient = 1_000_000

/** Tags between reasoning and answer, the end of turn. */
const tags = 8

/** Share held out to select on. Where pictures are few, every one that is not learned from costs more than it tells. */
const validation = 0.1
/** Fewer looks than of so many pictures tell luck from skill too seldom to end a stage by. */
const telling = 32

/** The settings. */
export const fit = ({ adapter, answer, parameters, samples }: Facts): Preset => {
  const isSmall = parameters < small
  const rate = rateOf({ adapter, parameters })
  const batchSize = isSmall ? 16 : 4
  const promptsPerStep = isSmall ? 8 : 2
  const chain = isSmall ? chains.small : chains.large
  const whole = chain + answer + tags
  /** Each sample twenty times, in 250 steps at least: what is new takes so many; once, where there are very many. */
  const steps = clamp(250, Math.max(Math.min(20 * samples / batchSize, 500), samples / batchSize), 20_000)
  const last = clamp(50, samples / 2, 600)
  const loop = clamp(10, samples / 40, 40)
  const looks = (of: number) => ({
    every: Math.ceil(of / 8),
    samples: 64,
    ties: "last" as const,
    ...(validation * samples >= telling && { patience: 4 })
  })
  return {
    name: "fitted",
    validation,
    // The tower of a small model has seen little: of pictures that are new it has to learn what there is to see.
    trainable: isSmall ? "all" : "decoder",
    warmUp: {
      share: plain(Math.min(1, 350 / Math.max(1, samples))),
      steps: clamp(200, 20 * samples / batchSize, 300),
      batchSize,
      learningRate: rate,
      warmup: 10,
      keep: 0.3,
      unless: 0.8,
      temperature: 0.5,
      maxTokens: whole
    },
    generate: { candidates: 8, temperature: 0.7, maxTokens: chain },
    reconstruct: { temperature: 0.7, maxTokens: answer + 1 },
    reinforce: {
      steps: loop,
      promptsPerStep: Math.ceil(promptsPerStep / 2),
      learningRate: plain(rate / 6),
      warmup: 2,
      kl: 0.05,
      format: 1,
      deadSteps: patient,
      select: { every: loop, samples: 16 }
    },
    filter: { tau: 0.75, least: 0.6 },
    sft: {
      steps,
      batchSize,
      learningRate: rate,
      warmup: 10,
      answerWeight,
      // A large model spells a label whatever it sees.
      ...(isSmall && { practice: { texts: batchSize / 4, weight: 1, maxTokens: whole, of: "lessons" } as const }),
      maxTokens: whole,
      select: looks(steps)
    },
    rft: {
      steps: last,
      groupSize: 8,
      promptsPerStep,
      learningRate: plain(0.4 * rate),
      warmup: 3,
      kl: 0.02,
      format: 4,
      // A baseline that earns nothing is a result; a warning says so, and the other methods go on.
      deadSteps: patient,
      maxTokens: whole,
      // Where all is right already, its steps lead away from what was learned.
      select: { every: Math.ceil(last / 4), samples: 64, ties: "start" }
    },
    evaluate: { maxTokens: whole }
  }
}
