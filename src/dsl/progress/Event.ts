/**
 * What stages report, and who is told.
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"

/** A stage that a run has before it. */
export interface Ahead {
  /** As its own events name it: "RISE/sft". */
  readonly stage: string
  /**
   * What it would take on two cores with the embedded checkpoint, in seconds: counted, not measured. Only its ratio to
   * the others' is used.
   */
  readonly counted: number
}

/** What a stage tells about itself, and a run about its stages. */
export type Event = Data.TaggedEnum<{
  /** Work begins: what it is and where it goes, before anything is read. */
  readonly Began: { readonly text: string }
  /** The stages of the whole run, in the order they will come; a resumed run leaves out none. */
  readonly Planned: { readonly stages: ReadonlyArray<Ahead> }
  /** `done` were done by an earlier run. */
  readonly Started: { readonly stage: string; readonly total: number; readonly unit: string; readonly done?: number }
  /** One optimiser step, or one batch of a pass. `tokens` were generated or trained since the last event. */
  readonly Step: {
    readonly stage: string
    readonly step: number
    readonly tokens: number
    readonly figures: Readonly<Record<string, number>>
  }
  readonly Finished: { readonly stage: string; readonly note: string }
  /** Something that the user should know while it can still be changed: why, and the next step. */
  readonly Warned: { readonly stage: string; readonly text: string }
  /** A script's run is over, or was cut off: where it is, and the next step. */
  readonly Ended: { readonly text: string }
}>
/** Makes events, and matches them (`Event.$match`). */
export const Event = Data.taggedEnum<Event>()

/** Shows what stages report. */
export interface View {
  /** Called for every event, in order. */
  readonly report: (event: Event) => Effect.Effect<void>
}

/** Where lines go: standard error by default, so that standard output stays the result. */
export interface Out {
  /** Whether lines can be redrawn. */
  readonly isTTY?: boolean
  /** Width of the terminal, in characters. Default 100. */
  readonly columns?: number
  /** Whether it shows colours, and nobody asks it not to (`NO_COLOR`). Default: it does not. */
  readonly hasColors?: () => boolean
  /** Writes a text, its line ends included. */
  readonly write: (text: string) => unknown
}
