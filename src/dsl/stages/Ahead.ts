/**
 * What a pipeline has before it, and what each stage comes to: sequences that are drawn or trained, counted from its
 * settings. A view turns that into time left, at the pace it sees.
 */
import type { Ahead } from "../progress/Event.ts"
import * as Settings from "./Settings.ts"

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
export const embeddedPace: Pace = { trained: 2.7, drawnInGroup: 0.6, drawnAlone: 2.3, practised: 5 }

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
  /** Seconds, at a pace. */
  readonly counted: (sizes: Sizes, pace: Pace) => number
}

/** The stages as progress names them. */
export const ahead = (
  planned: ReadonlyArray<Planned>,
  sizes: Sizes,
  named: (stage: string) => string
): ReadonlyArray<Ahead> =>
  planned.map(({ counted, shared = false, stage }) => ({
    stage: shared ? stage : named(stage),
    counted: counted(sizes, embeddedPace)
  }))

/** Looks at the validation split while training. */
const looking = ({ select, steps = Settings.defaults.steps }: Settings.TrainOptions, { validation }: Sizes) =>
  select === undefined || select === null
    ? 0
    : (Math.floor(steps / select.every) + 1) * Math.min(validation, select.samples ?? Infinity)

/** A training stage: `each` milliseconds for a step, `look` for a sample of the validation split. */
export const training = (
  stage: string,
  settings: Settings.TrainOptions,
  at: (pace: Pace) => { readonly each: number; readonly look: number }
): Planned => ({
  stage,
  counted: (sizes, pace) => {
    const { each, look } = at(pace)
    return (Settings.filled(settings).steps * each + looking(settings, sizes) * look) / 1000
  }
})

/** A pass over all data: `each` milliseconds for a sample. */
export const passing = (stage: string, each: (pace: Pace) => number): Planned => ({
  stage,
  counted: ({ data }, pace) => data * each(pace) / 1000
})

/** A rollout of a group that is learned from; a quarter of them are read once more where the format is held. */
export const rollout = (settings: Settings.GrpoOptions, { drawnInGroup, trained }: Pace): number =>
  drawnInGroup + trained * (Settings.filled(settings).format > 0 ? 1.25 : 1)

/** The texts of a step that are held to their format: drawn for that, or those of lessons. */
export const practising = (
  practice: { readonly texts: number; readonly of?: "lessons" | "own" } | undefined,
  { practised, trained }: Pace
): number => (practice?.texts ?? 0) * (practice?.of === "lessons" ? trained : practised)
