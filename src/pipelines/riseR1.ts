/**
 * RISE-R1, Inspire and Strengthen: supervised fine-tuning on the best chains, then reinforcement on all of D (eq. 8 to
 * 10).
 *
 * Departs from the paper: answer tokens may weigh more than reasoning tokens in eq. 8 (`answerWeight`, 1 in the paper's
 * preset).
 */
import * as Rise from "../dsl/Rise.ts"
import type { Run } from "../dsl/Run.ts"
import type { Policy } from "../policy/Policy.ts"
import type { Preset } from "./Presets.ts"

/** D_RISE → the annotator. */
export const riseR1 = (preset: Preset) =>
<A, E, R>(
  explained: Rise.Pipeline<"Explained", A, E, R>
): Rise.Pipeline<"Strengthened", A, E | Rise.Fault | Rise.StageError, R | Policy | Run> =>
  explained.pipe(
    Rise.filter(preset.filter), // D_RISE^high = {r ≥ τ}
    Rise.sft(preset.sft), // eq. 8
    Rise.rft(preset.rft) // eq. 9, 10
  )
