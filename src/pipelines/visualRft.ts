/**
 * The Visual-RFT baseline (Liu et al. 2025): GRPO on think-answers straight from the start, without RISE-CoT's chains.
 *
 * Same start, same settings as RISE's `rft`, same model selection.
 */
import * as Rise from "../dsl/Rise.ts"
import type { Preset } from "./Presets.ts"
import type { Start } from "./warmUp.ts"

/** D → an annotator that thinks as reward alone taught it to. */
export const visualRft = (preset: Preset) => <A, E, R>(start: Start<A, E, R>) => start.pipe(Rise.rft(preset.rft))
