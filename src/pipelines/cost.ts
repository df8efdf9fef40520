/**
 * What a preset costs: the sequences that its stages draw and train, and with the milliseconds of each the time that
 * they take.
 */
import { filled, filledStage } from "../dsl/stages/Settings.ts"
import type { Preset } from "./Presets.ts"

/** Milliseconds per sequence, by what happens to it. */
export interface Pace {
  /** An example of a supervised or GRPO update. */
  readonly trained: number
  /** A text drawn in a group, whose candidates share the reading of their prompt. */
  readonly drawnInGroup: number
  /** A text drawn by itself. */
  readonly drawnAlone: number
  /** A text drawn and trained for its format. */
  readonly practised: number
}

/** The embedded checkpoint on two cores: from the stages of `npm run emotion6`. */
export const embeddedPace: Pace = { trained: 4.4, drawnInGroup: 1.1, drawnAlone: 4, practised: 11 }

/** Samples that a run reads. */
export interface Sizes {
  /** Of the training half, the validation split included. */
  readonly train: number
  readonly test: number
}

/** Seconds by stage; `evaluate` is of one method. */
export interface Cost {
  readonly warmUp: number
  readonly reinforce: number
  /** All chains of D_RISE: `generate`, `reconstruct`, `validate`. */
  readonly explain: number
  readonly sft: number
  readonly rft: number
  readonly evaluate: number
}

/** The samples of the halves that a preset leaves, and those held out to select on. */
export const drawn = ({ limit, validation }: Pick<Preset, "limit" | "validation">, sizes: Sizes) => {
  const all = Math.min(sizes.train, limit?.train ?? Infinity)
  const held = Math.round(all * validation)
  return { train: all - held, held, test: Math.min(sizes.test, limit?.test ?? Infinity) }
}

/** Seconds of each stage. */
export const cost = (preset: Preset, sizes: Sizes, pace: Pace): Cost => {
  const { generate, reinforce, rft, sft, warmUp } = preset
  const { held, test, train } = drawn(preset, sizes)
  const { drawnAlone, drawnInGroup, practised, trained } = pace
  /** Looks at the validation split while training. */
  const selecting = (stage: Preset["sft"], each: number) => {
    const { select, steps } = filled(stage)
    return select === undefined
      ? 0
      : (Math.floor(steps / select.every) + 1) * Math.min(held, select.samples ?? Infinity) * each
  }
  const practising = (stage: Pick<Preset["sft"], "batchSize" | "practice" | "steps">) =>
    filled(stage).steps * Math.min(filledStage(stage).batchSize, stage.practice?.texts ?? 0) * practised
  /** A rollout; a quarter of them are read once more where the format is held. */
  const rollout = (stage: Pick<Preset["rft"], "format">) =>
    drawnInGroup + trained * (filled(stage).format > 0 ? 1.25 : 1)
  const { candidates } = filledStage(generate)
  const loop = 2 * candidates * drawnInGroup
  /**
   * A reasoning and, to keep it, an answer of the base for each chosen picture; both are lessons beside the
   * reconstruction.
   */
  const warming = (stage: NonNullable<Preset["warmUp"]>) => {
    const { batchSize, keep, share } = filledStage(stage)
    const texts = keep > 0 ? 2 : 1
    return texts * (train * share * drawnAlone + filled(stage).steps * batchSize * trained) + practising(stage)
  }
  const promptsOf = (stage: Preset["rft"] | Preset["reinforce"]) => {
    const { promptsPerStep, steps } = filled(stage)
    return steps * promptsPerStep
  }
  const milliseconds: Cost = {
    warmUp: warmUp === undefined ? 0 : warming(warmUp),
    reinforce: promptsOf(reinforce) * candidates * 2 * rollout(reinforce) + selecting(reinforce, loop),
    explain: train * loop,
    sft: filled(sft).steps * filledStage(sft).batchSize * trained + practising(sft) + selecting(sft, drawnAlone),
    rft: promptsOf(rft) * filledStage(rft).groupSize * rollout(rft) + selecting(rft, drawnAlone),
    // As it writes, and once more under the grammar.
    evaluate: 2 * test * drawnAlone
  }
  const seconds = (of: keyof Cost) => milliseconds[of] / 1000
  return {
    warmUp: seconds("warmUp"),
    reinforce: seconds("reinforce"),
    explain: seconds("explain"),
    sft: seconds("sft"),
    rft: seconds("rft"),
    evaluate: seconds("evaluate")
  }
}
