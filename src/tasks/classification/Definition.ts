/**
 * What a soft-label task is made of.
 */
import type { Prompts } from "../../dsl/Task.ts"
import type { LabelPolicy } from "./Leakage.ts"

/** Definition of a soft-label task, for `make`. */
export interface Definition {
  /** Names the task in artefacts and messages. */
  readonly name: string
  /** In the order of every distribution's probabilities. */
  readonly labels: ReadonlyArray<string>
  /** Completes "rate the … of this picture", for example "feelings". */
  readonly subject: string
  /** What counts as quoting the annotation, besides its numbers. */
  readonly leakage?: {
    /** Whether a reasoning may name a label. Default "allow". */
    readonly labels?: LabelPolicy
  }
  /**
   * `"distribution"`: labels with percents. `"single"`: the name of one label, which is all of the mass; eq. 2–5 then
   * pay 1 for the right one and 1e-10 for any other. Percents are read all the same, unless a label has a word that
   * reads as a number ("7", "3d"), which only a single answer may. Default "distribution".
   */
  readonly answer?: "distribution" | "single"
  /**
   * `"literal"`: eq. 2–5 as printed, not bounded by 1; then its use as a reward fails where it exceeds 1. Default
   * "bounded".
   */
  readonly similarity?: "bounded" | "literal"
  /** Words of one's own for some of the four prompts. */
  readonly prompts?: Partial<Prompts>
}
