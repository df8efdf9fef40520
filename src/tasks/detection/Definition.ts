/**
 * What a detection task is made of.
 */
import type { Prompts } from "../../dsl/Task.ts"
import type { Space } from "./Box.ts"
import type * as Codecs from "./Codec.ts"
import type { LabelPolicy } from "./Leakage.ts"
import type { Denominator } from "./Similarity.ts"

/** Definition of a detection task, for `make`. */
export interface Definition<S extends Space> {
  /** Names the task in artefacts and messages. */
  readonly name: string
  /** Completes "mark … in this picture", for example "every animal". */
  readonly subject: string
  /** How the model at hand writes boxes; its labels are the task's. */
  readonly codec: Codecs.Codec<S>
  /** One box per picture, as LISA asks for, or any number of them, none included. Default "multi". */
  readonly targets?: "single" | "multi"
  /**
   * What eq. 6 divides by. Default "truth", as in the paper; "max" where many boxes are trained for, so that spraying
   * does not pay.
   */
  readonly denominator?: Denominator
  /** What a bad box among good ones does to an answer. Default "fail": the answer is no annotation. */
  readonly badBox?: "fail" | "drop"
  /** What counts as quoting the annotation, besides its numbers. */
  readonly leakage?: {
    /** Whether a reasoning may name what is in a box. Default "allow". */
    readonly labels?: LabelPolicy
  }
  /** Words of one's own for some of the four prompts. */
  readonly prompts?: Partial<Prompts>
}
