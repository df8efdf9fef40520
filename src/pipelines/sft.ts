/**
 * The SFT baseline: supervised fine-tuning on the annotation alone, without reasoning; it answers without thinking.
 *
 * Same start, same settings as RISE's `sft`, same model selection.
 */
import * as Rise from "../dsl/Rise.ts"
import type { Preset } from "./Presets.ts"
import type { Start } from "./warmUp.ts"

/** D → an answer-only annotator. */
export const sft = (preset: Preset) => <A, E, R>(start: Start<A, E, R>) =>
  start.pipe(Rise.answers(), Rise.sft(preset.sft))
