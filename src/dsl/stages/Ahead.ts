/**
 * What a pipeline has before it, and what each stage comes to: sequences that are drawn or trained, counted from its
 * settings. A view turns that into time left, at the pace it sees.
 */
import type { Ahead } from "../progress/Event.ts"
import * as Settings from "./Settings.ts"

/** Milliseconds per sequence, from the stages of `npm run emotion6` on two cores with the embedded checkpoint. */
export const milliseconds = { trained: 4.4, drawnInGroup: 1.1, drawnAlone: 4, practised: 11 } as const

/** How many samples there are. */
export interface Sizes {
  readonly data: number
  readonly validation: number
}

/** A stage that reports its progress when the pipeline is run. */
export interface Planned {
  /** Its name within its method. */
  readonly stage: string
  /** Whether it is the same for all methods of a run, and named without one. */
  readonly shared?: boolean
  /** Seconds, on the machine above. */
  readonly counted: (sizes: Sizes) => number
}

/** The stages as progress names them. */
export const ahead = (
  planned: ReadonlyArray<Planned>,
  sizes: Sizes,
  named: (stage: string) => string
): ReadonlyArray<Ahead> =>
  planned.map(({ counted, shared = false, stage }) => ({
    stage: shared ? stage : named(stage),
    counted: counted(sizes)
  }))

/** Looks at the validation split while training. */
const looking = ({ select, steps = Settings.defaults.steps }: Settings.TrainOptions, { validation }: Sizes) =>
  select === undefined
    ? 0
    : (Math.floor(steps / select.every) + 1) * Math.min(validation, select.samples ?? Infinity)

/** A training stage: `each` milliseconds for a step, `look` for a sample of the validation split. */
export const training = (
  stage: string,
  settings: Settings.TrainOptions,
  { each, look }: { readonly each: number; readonly look: number }
): Planned => ({
  stage,
  counted: (sizes) => ((settings.steps ?? Settings.defaults.steps) * each + looking(settings, sizes) * look) / 1000
})

/** A pass over all data: `each` milliseconds for a sample. */
export const passing = (stage: string, each: number): Planned => ({
  stage,
  counted: ({ data }) => data * each / 1000
})

/** A rollout of a group that is learned from; a quarter of them are read once more where the format is held. */
export const rollout = ({ format = 0 }: Settings.GrpoOptions): number =>
  milliseconds.drawnInGroup + milliseconds.trained * (format > 0 ? 1.25 : 1)

/** The texts that a step of a batch draws for the sake of its format. */
export const practising = (practice: { readonly texts: number } | undefined): number =>
  (practice?.texts ?? 0) * milliseconds.practised
