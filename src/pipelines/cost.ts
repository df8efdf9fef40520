/**
 * What a preset costs: the seconds that its pipelines count for their stages at a pace.
 */
import { Stream } from "effect"
import type { Pace, Planned } from "../dsl/stages/Ahead.ts"
import { defaultSamples } from "../evaluation/imageSwap/ImageSwap.ts"
import { Emotion6 } from "../tasks/classification/index.ts"
import type { Preset } from "./Presets.ts"
import { rise } from "./rise.ts"
import { warmUp } from "./warmUp.ts"

export { embeddedPace, type Pace } from "../dsl/stages/Ahead.ts"

/** Samples that a run reads. */
export interface Sizes {
  /** Of the training half, the validation split included. */
  readonly train: number
  readonly test: number
}

/** Seconds by stage; `evaluate` and `imageSwap` are of one method. */
export interface Cost {
  /** With the texts that the base writes for it. */
  readonly warmUp: number
  readonly reinforce: number
  /** All chains of D_RISE: `generate`, `reconstruct`, `validate`. */
  readonly explain: number
  readonly sft: number
  readonly rft: number
  readonly evaluate: number
  readonly imageSwap: number
}

/** The samples of the halves that a preset leaves, and those held out to select on. */
export const drawn = ({ limit, validation }: Pick<Preset, "limit" | "validation">, sizes: Sizes) => {
  const all = Math.min(sizes.train, limit?.train ?? Infinity)
  const held = Math.round(all * validation)
  return { train: all - held, held, test: Math.min(sizes.test, limit?.test ?? Infinity) }
}

/** Seconds of the image-swap test: eight reasonings read take about as long as one that is written. */
export const imageSwapping = (test: number, { drawnAlone }: Pick<Pace, "drawnAlone">): number =>
  Math.min(test, defaultSamples) * drawnAlone / 1000

/** Seconds of each stage. What is counted depends on no task: any will do to build the pipelines. */
export const cost = (preset: Preset, sizes: Sizes, pace: Pace): Cost => {
  const { held, test, train } = drawn(preset, sizes)
  const start = warmUp(Emotion6.task, Stream.empty, preset)
  const { plan } = rise(preset)(start)
  const seconds = (of: (planned: Planned) => boolean) =>
    plan.filter(of).reduce((sum, { counted }) => sum + counted({ data: train, validation: held }, pace), 0)
  const named = (stage: string) => seconds((planned) => planned.stage === stage)
  return {
    warmUp: seconds(({ shared = false }) => shared),
    reinforce: named("reinforce"),
    explain: named("explain"),
    sft: named("sft"),
    rft: named("rft"),
    // As it writes, and once more under the grammar.
    evaluate: 2 * test * pace.drawnAlone / 1000,
    imageSwap: imageSwapping(test, pace)
  }
}
