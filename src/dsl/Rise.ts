/**
 * The RISE pipeline: every step is a function from one stage to the next, so `pipe` accepts the paper's order and no
 * other.
 *
 * ```ts
 * Rise.make(task, data).pipe(
 *   Rise.generate({ candidates: 8 }),        // R_g ~ π(· | I, A)
 *   Rise.reconstruct(),                      // Â_g ~ π(· | I, R_g)
 *   Rise.validate(),                         // r_g, eq. 1
 *   Rise.reinforce({ steps: 200 }),          // GRPO on the closed loop, eq. 7
 *   Rise.best(),                             // D_RISE
 *   Rise.filter({ tau: 0.75 }),              // D_RISE^high
 *   Rise.sft({ steps: 200 }),                // eq. 8
 *   Rise.rft({ groupSize: 8, steps: 200 }),  // eq. 9, 10, on all of D
 *   Rise.run({ out: "runs/faces" })
 * )
 * ```
 *
 * A step may be left out where the types allow it: without `reinforce` the chains are the base model's; `rft` straight
 * after `make` is Visual-RFT; `answers` and `sft` are the SFT baseline.
 *
 * @module
 */
export type { GrammarMode } from "./grammar/PolicyGrammar.ts"
export { runMain } from "./Main.ts"
export { NotProvided } from "./Provided.ts"
export { generate, type GenerateOptions, reconstruct, type ReconstructOptions, validate } from "./stages/ClosedLoop.ts"
export { answers, best, ChainsRow, CotRow, recall } from "./stages/Curate.ts"
export { filter, type FilterOptions } from "./stages/Filter.ts"
export { type CheckpointOptions, run, type RunOptions, saveModel, train } from "./stages/Finish.ts"
export {
  type ClosedLoop,
  type Fault,
  type Form,
  make,
  type MakeOptions,
  type Pipeline,
  type Stage,
  type Stages
} from "./stages/Pipeline.ts"
export type { LessonPracticeOptions, PracticeOptions } from "./stages/Practice.ts"
export { reinforce, type ReinforceOptions, rft, type RftOptions } from "./stages/Reinforce.ts"
export { Batching } from "./stages/Sampling.ts"
export type { Augmenting } from "./stages/Settings.ts"
export { type Replay, sft, type SftOptions } from "./stages/Sft.ts"
export {
  BadSetting,
  Diverged,
  EveryGroupDead,
  Misplaced,
  NothingKept,
  NothingToTrainOn,
  NoUsableChains,
  type StageError
} from "./stages/StageError.ts"
export { warmUp, type WarmUpOptions } from "./stages/WarmUp.ts"
export { TruthError } from "./Truth.ts"
