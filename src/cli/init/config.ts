/**
 * The settings that `rise init` writes: those of `mine.ts`, for `rise train`. What they leave out is fitted.
 */
import type { Preset } from "../../pipelines/Presets.ts"

/** Parts of a preset. */
export const settings = {
  validation: 0,
  warmUp: { steps: 150, select: null },
  generate: { candidates: 8 },
  reinforce: { steps: 5, select: null },
  filter: { tau: 0.75, least: 0.6 },
  sft: { steps: 200, select: null },
  rft: { steps: 50, select: null }
} satisfies { readonly [Part in keyof Preset]?: unknown }

/** Text of `rise.config.json`. */
export const config = `${JSON.stringify(settings, null, 2)}\n`
