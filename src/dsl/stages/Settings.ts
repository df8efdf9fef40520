/**
 * What training steps can be told, with the paper's values as defaults.
 */
import { Effect, Option } from "effect"
import * as Rules from "../../kernels/math/Rules.ts"
import * as AdamW from "../../kernels/train/AdamW.ts"
import * as Schedule from "../../kernels/train/Schedule.ts"
import { type Gate, type GroupLoss, type GroupRelative, type KlEstimator, sapoGate } from "../../policy/Policy.ts"
import { type Scale, scaleOf } from "../Advantage.ts"
import { Run } from "../Run.ts"
import { BadSetting } from "./StageError.ts"

export { candidates } from "../../policy/Requests.ts"
export * from "./Ranges.ts"

/** Settings of any training stage. */
export interface TrainOptions {
  /** Optimiser steps. Default 200. */
  readonly steps?: number
  /** Peak learning rate of AdamW. Default 2e-5. */
  readonly learningRate?: number
  /** Steps of linear warm-up. Default 0. */
  readonly warmup?: number
  /** How the rate falls after warm-up. Default "cosine". */
  readonly decay?: "cosine" | "linear" | "constant"
  /** Default 0.1; norms and biases are spared. */
  readonly weightDecay?: number
  /** Global gradient norm above which gradients are scaled down. Default 1. */
  readonly clipNorm?: number
  /**
   * Keeps the snapshot that does best on the validation split (`make(task, data, { validation })`), looked at every so
   * many steps, before the first and after the last. Without it the last weights are kept. `samples`: at most so many
   * of the split are looked at, from its start; default all of them. `patience`: the stage ends early where so many
   * looks in a row were no better than the best, which must itself be better than the start; default never. `ties`:
   * which of equal looks is kept; a small split has many, and the later weights have learned for longer; "start": what
   * the stage began with, where nothing was better than that, else the last; default "first". null is the same as
   * leaving it out, to take it from settings that have it: `{ ...quick.sft, select: null }`.
   */
  readonly select?: Selecting | null
  /**
   * Changes each picture a little every time that it is learned from, by keyed draws. Only for tasks whose annotations
   * do not say where things are, but for `brightness`. null is the same as leaving it out. Default: pictures as they
   * are.
   */
  readonly augment?: Augmenting | null
}

/** How pictures are changed while they are learned from. */
export interface Augmenting {
  /** Mirrors every other picture. Default false. */
  readonly flip?: boolean
  /** Moves a picture by up to this share of its sides, in [0, 0.5]; its border is repeated. Default 0. */
  readonly shift?: number
  /** Makes a picture lighter or darker by up to this share, in [0, 0.9]. Default 0. */
  readonly brightness?: number
}

/** How weights are chosen by the validation split. */
export interface Selecting {
  readonly every: number
  readonly samples?: number
  readonly patience?: number
  readonly ties?: "first" | "last" | "start"
}

/** Settings of a GRPO stage. */
export interface GrpoOptions extends TrainOptions {
  /** Groups per optimiser step. Default 2: batch 1, accumulation 2. */
  readonly promptsPerStep?: number
  /**
   * "grpo", "dr_grpo" and "dapo" clip the ratio of each token and differ in how they average; "gspo" clips one ratio a
   * text (arXiv 2507.18071), "cispo" a weight that lets every token learn (arXiv 2506.13585), "sapo" lets the gradient
   * fade instead (arXiv 2511.20347). Ratios are 1 in the first of `innerUpdates`: with one update the last three differ
   * from "grpo" (of "cispo": "dapo") only where draws are of another policy. Default "grpo".
   */
  readonly loss?: GroupLoss
  /**
   * ε of the clipped ratio, below and above 1; "sapo" has none, and refuses it. Default: of "gspo" 0.0003 and 0.0004,
   * of "cispo" 1 and 4, else 0.2 and 0.2. Of one given alone the other keeps its default.
   */
  readonly clip?: { readonly low?: number; readonly high?: number }
  /**
   * Temperatures of "sapo": how fast the gradient fades where the advantage is above 0, and elsewhere. Default 1 and
   * 1.05; of one given alone the other keeps its own.
   */
  readonly gate?: Partial<Gate>
  /**
   * What the rewards of a group are divided by, once they are centred: their own standard deviation, that of all groups
   * of the step, or nothing. Default: nothing of "dr_grpo", else "group". Another estimator is provided as `Advantage`.
   */
  readonly scaleRewards?: Scale
  /** β of the KL penalty to the weights that the stage started from. Default 0. */
  readonly kl?: number
  /**
   * How that divergence is estimated: "k3" as GRPO does; "k1" (log π − log reference) and "k3-corrected" times the
   * ratio, so that its gradient is that of the divergence. Only with `kl` above 0. Default "k3".
   */
  readonly klEstimator?: KlEstimator
  /** What a nat of mean entropy of the tokens' distributions is paid with, to keep the policy trying. Default 0. */
  readonly entropy?: number
  /**
   * Leaves texts that were cut off (`maxTokens`) out of the loss; their rewards still count in their group (Yu et al.
   * 2025, DAPO, 3.4). Default false.
   */
  readonly maskTruncated?: boolean
  /**
   * Weight of a format loss along rollouts (`FormatText`, nats per token): it lowers the probability of the tokens that
   * leave the task's format. It looks at the draws that get the credit, in a quarter of each group, those with a broken
   * format first. Default 0: the paper has none.
   */
  readonly format?: number
  /**
   * Which token of a text that broke its format pays most: none, "text", as GRPO has it; "token", the one that left the
   * format, √n times as much as each of its n tokens (`Blame`). An engine over the network takes it, where it takes no
   * `format`. Of a task without a grammar the two are one. Default "text".
   */
  readonly blame?: "text" | "token"
  /** μ, updates from the same rollouts. Default 1. */
  readonly innerUpdates?: number
  /** The constant length of dr_grpo, in tokens; no other loss has one. Default 256. */
  readonly lossLength?: number
  /** Consecutive steps without a live group after which the stage gives up. Default 10. */
  readonly deadSteps?: number
}

/** Most tokens of a text, by what it is. The paper gives none; these suit its prompts. */
export const lengths = { reasoning: 160, annotation: 64, thinkAnswer: 224 } as const

/** A GRPO stage's settings with none left out, but for parts that need not be there. */
export interface Filled extends Required<Omit<GrpoOptions, "augment" | "clip" | "gate" | "select">> {
  readonly clip: GroupRelative["clip"]
  readonly gate: Gate
  readonly select?: Selecting
}

/** Of training stages, the paper's where it says. */
export const defaults = {
  steps: 200,
  learningRate: 2e-5,
  warmup: 0,
  decay: "cosine",
  weightDecay: AdamW.defaults.weightDecay,
  clipNorm: AdamW.defaults.clipNorm,
  promptsPerStep: 2,
  loss: "grpo",
  clip: { low: 0.2, high: 0.2 },
  gate: sapoGate,
  scaleRewards: "group",
  kl: 0,
  klEstimator: "k3",
  entropy: 0,
  maskTruncated: false,
  format: 0,
  blame: "text",
  innerUpdates: 1,
  lossLength: 256,
  deadSteps: 10
} as const satisfies Filled

/**
 * Bounds that belong to a loss: of GSPO those of its paper (5.1), of CISPO no lower one and the upper one of ScaleRL
 * (Khatri et al. 2025, arXiv 2510.13786: a weight of at most 5).
 */
const clipOf = (loss: GroupLoss): GroupRelative["clip"] =>
  loss === "gspo" ? { low: 3e-4, high: 4e-4 } : loss === "cispo" ? { low: 1, high: 4 } : defaults.clip

/** Defaults, as they belong to a loss. */
export const defaultsOf = (loss: GroupLoss = defaults.loss): Omit<Filled, "select"> => ({
  ...defaults,
  loss,
  clip: clipOf(loss),
  scaleRewards: scaleOf(loss)
})

/** A share of a stage's steps, and its looks at validation as often as before. */
export const shorter = <S extends TrainOptions>(stage: S, share: number): S => {
  const { steps: before } = filled(stage)
  const steps = Math.round(before * share)
  const { select } = stage
  return {
    ...stage,
    steps,
    ...(select !== undefined && select !== null &&
      { select: { ...select, every: Math.max(1, Math.ceil(select.every * steps / Math.max(1, before))) } })
  }
}

/** What single stages have of their own, where it has a default. */
interface StageDefaults {
  readonly temperature: number
  /** G of `generate`. */
  readonly candidates: number
  /** G of `rft`. */
  readonly groupSize: number
  /** Of `sft` and `warmUp`. */
  readonly batchSize: number
  /** Of `sft`. */
  readonly answerWeight: number
  /** Of `warmUp`. */
  readonly share: number
  readonly keep: number
  /** Of `filter`. */
  readonly tau: number
  readonly least: number
}

/** Of single stages, the paper's where it says. */
const stageDefaults: StageDefaults = {
  temperature: 1,
  candidates: 8,
  groupSize: 8,
  batchSize: 2,
  answerWeight: 1,
  share: 0.25,
  keep: 0,
  tau: 0.75,
  least: 0
}

/** What is given; `undefined` is left out too. */
export const given = <O extends object>(options: O): O =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as O

/** Without a `select` or `augment` of null, which selects and changes nothing. */
const selecting = (options: object): object =>
  Object.fromEntries(
    Object.entries(options).filter(([name, value]) => (name !== "select" && name !== "augment") || value !== null)
  )

/** A training stage's settings with defaults for those that are left out. */
export const filled = ({ augment: _, clip, gate, select, ...settings }: GrpoOptions): Filled => {
  const own = defaultsOf(settings.loss)
  return {
    ...own,
    ...given(settings),
    clip: { ...own.clip, ...given(clip ?? {}) },
    gate: { ...own.gate, ...given(gate ?? {}) },
    ...(select !== undefined && select !== null && { select })
  }
}

/** The same for what is a single stage's own. */
export const filledStage = <O extends object>(options: O): O & StageDefaults => ({
  ...stageDefaults,
  ...given(options)
})

/** The name of a stage in errors, as progress has it: "RISE/sft". */
export const stageName = (stage: string): Effect.Effect<string> =>
  Effect.map(
    Effect.serviceOption(Run),
    (run) => Option.match(run, { onNone: () => stage, onSome: ({ named }) => named(stage) })
  )

/** Refuses a setting of a stage. */
export const refuse = (stage: string, broken: Rules.Broken): Effect.Effect<never, BadSetting> =>
  Effect.flatMap(stageName(stage), (name) => Effect.fail(new BadSetting({ stage: name, ...broken })))

/** Fails on the first setting of a stage that breaks its rule. */
export const holds = (stage: string, table: Rules.Table, settings: object): Effect.Effect<void, BadSetting> =>
  Effect.suspend(() => {
    const broken = Rules.broken(table, selecting(settings))
    return broken === undefined ? Effect.void : refuse(stage, broken)
  })

/**
 * Fails on the first option of a stage that there is none of, or that breaks its rule.
 *
 * @param besides options that no table speaks of
 */
export const check = (
  stage: string,
  table: Rules.Table,
  options: object,
  besides: ReadonlyArray<string> = []
): Effect.Effect<void, BadSetting> =>
  Effect.suspend(() => {
    const all = { ...table, ...Object.fromEntries(besides.map((name) => [name, Rules.any])) }
    const misspelt = Rules.misspelt(all, selecting(options))
    return misspelt === undefined ? holds(stage, table, options) : refuse(stage, misspelt)
  })

/** The learning rate of each step, counted from 0. */
export const schedule = (options: TrainOptions): Schedule.Schedule => {
  const { decay, learningRate: peak, steps: total, warmup } = filled(options)
  return decay === "constant" ? Schedule.constant({ peak, warmup }) : Schedule[decay]({ peak, warmup, total })
}
