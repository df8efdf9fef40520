/**
 * Settings as data: the paper's, and the embedded world's in two sizes.
 *
 * One preset holds for every method of a comparison: the baselines get the steps, rates, practice and model selection
 * of the RISE stage they correspond to, never settings of their own. Nothing is masked: what a model learns holds
 * wherever it runs.
 *
 * @module
 */
import type * as Reward from "../dsl/Reward.ts"
import type {
  FilterOptions,
  GenerateOptions,
  ReconstructOptions,
  ReinforceOptions,
  RftOptions,
  SftOptions,
  WarmUpOptions
} from "../dsl/Rise.ts"
import { filled, filledStage, shorter } from "../dsl/stages/Settings.ts"
import { ship } from "../dsl/stages/Shipped.ts"

/** A preset is plain JSON: it is recorded in run.json as it is. */
export interface Preset {
  /** Recorded in run.json. */
  readonly name: string
  /** Share of the training half held out for model selection. */
  readonly validation: number
  /** Whether the vision tower is trained too; left out, it is frozen. */
  readonly trainable?: "decoder" | "all"
  /** At most so many samples of a half; all of them where it is left out. */
  readonly limit?: { readonly train?: number; readonly test?: number }
  /** The shared start; left out, every method starts from the base itself. */
  readonly warmUp?: WarmUpOptions
  /** `Rise.generate`: reasonings from picture and annotation. */
  readonly generate: GenerateOptions
  /** `Rise.reconstruct`: annotations from picture and reasoning. */
  readonly reconstruct: ReconstructOptions
  /** Parts of the reward that are left out; all of eq. 1 where it is left out. */
  readonly validate?: Reward.Options
  /** `Rise.reinforce`: RISE-CoT, eq. 7. */
  readonly reinforce: ReinforceOptions
  /** `Rise.filter`: which chains are kept. */
  readonly filter: FilterOptions
  /** `Rise.sft`, eq. 8, and the SFT baseline. */
  readonly sft: Omit<SftOptions, "replay">
  /** `Rise.rft`: RISE-R1, eq. 10, and the Visual-RFT baseline. */
  readonly rft: RftOptions
  /** Longest answer of an evaluation, in tokens. */
  readonly evaluate: { readonly maxTokens: number }
}

/**
 * The paper's hyper-parameters, for a model of its size: AdamW 2e-5, weight decay 0.1, 200 steps, batch 1 with
 * accumulation 2, G = 8, T = 1, τ = 0.75.
 */
export const paper: Preset = {
  name: "paper",
  validation: 0,
  generate: { candidates: 8, temperature: 1, maxTokens: 160 },
  reconstruct: { temperature: 1, maxTokens: 64 },
  reinforce: { steps: 200, promptsPerStep: 2, learningRate: 2e-5, weightDecay: 0.1, kl: 0 },
  filter: { tau: 0.75 },
  sft: { steps: 200, batchSize: 2, learningRate: 2e-5, weightDecay: 0.1 },
  rft: {
    steps: 200,
    groupSize: 8,
    promptsPerStep: 2,
    learningRate: 2e-5,
    weightDecay: 0.1,
    temperature: 1,
    maxTokens: 224
  },
  evaluate: { maxTokens: 224 }
}

/**
 * The embedded world at full size. What was learned on other draws of the world while choosing these numbers:
 *
 * - without practice every supervised stage unlearns to name each label once: the valid share falls to between 0.4 and
 *   0.6; with it lessons are learned as well as under a grammar. Its weight counts beside the annotation's share in the
 *   lessons, which is why `keep` is small: at 1 the format drowns what is taught;
 * - `keep` in the warm-up, for without it the base forgets what it sees and how a think-answer ends;
 * - many candidates: SFT is held back by the pictures that the filter drops, which are the difficult ones;
 * - the closed loop drawn cool (0.7; the authors' code draws reconstructions so): at 1 a model of this size leaves the
 *   format twice as often, which earns nothing. The last stage, after practice, is drawn at 1: 0.120 where 0.7 ends at
 *   0.123;
 * - a long last stage: RISE's reward still rises at its end (300 steps end at 0.120, 600 at 0.111), the baseline's no
 *   longer does;
 * - rates (2.5e-4 to 6e-4) and weights of the answer (3, 10) in SFT hardly matter: 0.137 to 0.144 before the last
 *   stage;
 * - no selection in the last stage: between weights of one run, seventy validation pictures tell luck from skill too
 *   seldom.
 */
export const full: Preset = {
  name: "full",
  validation: 0.1,
  warmUp: {
    share: 0.5,
    steps: 500,
    batchSize: 16,
    learningRate: 8e-4,
    warmup: 10,
    keep: 0.3,
    temperature: 0.5,
    maxTokens: 56,
    practice: { texts: 16, weight: 10, maxTokens: 56 }
  },
  generate: { candidates: 32, temperature: 0.7, maxTokens: 40 },
  reconstruct: { temperature: 0.7, maxTokens: 24 },
  reinforce: {
    steps: 40,
    promptsPerStep: 4,
    learningRate: 1e-4,
    warmup: 3,
    kl: 0.05,
    format: 4,
    select: { every: 20, samples: 32 }
  },
  filter: { tau: 0.75 },
  sft: {
    steps: 400,
    batchSize: 16,
    learningRate: 6e-4,
    warmup: 30,
    answerWeight: 10,
    practice: { texts: 8, weight: 10, maxTokens: 56 },
    maxTokens: 56,
    select: { every: 100 }
  },
  rft: {
    steps: 600,
    groupSize: 8,
    promptsPerStep: 8,
    learningRate: 2.5e-4,
    warmup: 5,
    kl: 0.02,
    format: 4,
    maxTokens: 56
  },
  evaluate: { maxTokens: 56 }
}

/**
 * The embedded world in a few minutes: half the data and about half the steps. On two other draws of the world RISE
 * ends at 0.167 and 0.153 with 150 steps of the last stage, at 0.157 and 0.152 with 250 (SFT 0.166 and 0.173).
 */
export const quick: Preset = {
  ...full,
  name: "quick",
  limit: { train: 700, test: 300 },
  warmUp: { ...full.warmUp, steps: 300 },
  generate: { ...full.generate, candidates: 16 },
  reinforce: { ...full.reinforce, steps: 15, warmup: 2, select: { every: 15, samples: 16 } },
  sft: { ...full.sft, steps: 200, warmup: 10, select: { every: 50 } },
  rft: { ...full.rft, steps: 250, warmup: 3 }
}

/**
 * Photographs for the embedded checkpoint, which has seen nothing but emoji: the vision tower has to learn too, and
 * most of the learning is done by SFT. Its first reasonings are far from the pictures, so τ may sink until three in
 * five are kept.
 */
export const photos: Preset = {
  ...full,
  name: "photos",
  trainable: "all",
  generate: { ...full.generate, candidates: 16 },
  reinforce: { ...full.reinforce, steps: 60 },
  filter: { tau: 0.75, least: 0.6 },
  sft: { ...full.sft, steps: 800, learningRate: 8e-4, select: { every: 200 } },
  rft: { ...full.rft, steps: 300 }
}

/**
 * A few steps of every stage on a few samples, of which the filter keeps all: whether a model, its data and the machine
 * go through, in seconds for a small model. Its figures mean nothing. Its warm-up writes chains and learns from none: a
 * base may have nothing usable to say, and the other stages are tried all the same.
 */
export const smoke: Preset = {
  name: "smoke",
  validation: 0,
  limit: { train: 8, test: 4 },
  warmUp: { share: 1, steps: 0, maxTokens: 16 },
  generate: { candidates: 2, temperature: 1, maxTokens: 16 },
  reconstruct: { temperature: 1, maxTokens: 24 },
  reinforce: { steps: 2, promptsPerStep: 2, learningRate: 1e-4, kl: 0.05 },
  filter: { tau: 0 },
  sft: { steps: 2, batchSize: 2, learningRate: 1e-4, practice: { texts: 1, weight: 1, maxTokens: 32 }, maxTokens: 32 },
  rft: { steps: 2, groupSize: 2, promptsPerStep: 2, learningRate: 1e-4, kl: 0.02, format: 1, maxTokens: 32 },
  evaluate: { maxTokens: 32 }
}

/** Whether it is only tried that all goes through: answers may then be cut off. */
export const isTried = ({ name = "" }: Partial<Pick<Preset, "name">>): boolean => name.startsWith(smoke.name)

/** All presets, by name. */
export const presets = { smoke, paper, full, quick, photos } as const
Object.values(presets).forEach(ship)
/** A name among `presets`. */
export type PresetName = keyof typeof presets

/** What a preset trains; the paper freezes the vision tower. */
export const trainableOf = ({ trainable = "decoder" }: Pick<Preset, "trainable">): "decoder" | "all" => trainable

/** Optimiser steps that RISE takes in all. */
export const totalSteps = ({ reinforce, rft, sft }: Preset): number =>
  filled(reinforce).steps + filled(sft).steps + filled(rft).steps

/** The baselines' share of an equal-compute comparison: SFT and Visual-RFT with all of RISE's optimiser steps. */
export const equalCompute = (preset: Preset): Preset => ({
  ...preset,
  name: `${preset.name}-equal-compute`,
  sft: { ...preset.sft, steps: totalSteps(preset) },
  rft: { ...preset.rft, steps: totalSteps(preset) }
})

/**
 * Of a preset's practice what an engine can do (`practice.by`: "draws"): a text for every lesson, drawn cool. No more
 * steps for it: lessons that are known by heart leave the last stage little to move.
 */
const practisedAtEngine = (sft: Preset["sft"]): Preset["sft"] => {
  const { practice, ...rest } = sft
  if (practice === undefined) return sft
  const { of: _, ...own } = practice
  return { ...rest, practice: { ...own, texts: filledStage(rest).batchSize, temperature: 0.5, by: "draws" } }
}

/**
 * A preset without what no engine over the network does (`Policy.tinker`): format losses from the probabilities of all
 * tokens, and rollouts that are drawn cooler than they are scored. SFT practises by draws, the warm-up not at all: its
 * loss falls no sooner for it. A last stage whose format was held learns it from the tokens that broke it instead
 * (`blame`), in a fifth more steps: a quarter of its draws cannot be read where it begins. Which weights are trained is
 * the engine's affair. KL penalties stay: give the policy a `reference`.
 */
export const atEngine = ({ trainable: _trained, ...preset }: Preset): Preset => {
  const { format: _format, ...reinforce } = preset.reinforce
  const { format: held = 0, ...rft } = preset.rft
  const warmUp = preset.warmUp === undefined ? undefined : (({ practice: _, ...rest }) => rest)(preset.warmUp)
  return {
    ...preset,
    name: `${preset.name}-at-engine`,
    ...(warmUp !== undefined && { warmUp }),
    generate: { ...preset.generate, temperature: 1 },
    reconstruct: { ...preset.reconstruct, temperature: 1 },
    reinforce,
    sft: practisedAtEngine(preset.sft),
    rft: { ...(held > 0 ? { ...shorter(rft, 1.2), blame: "token" } : rft), temperature: 1 }
  }
}
