/**
 * RISE-CoT, the Reason stage: a closed loop annotation → reasoning → annotation that needs no reasoning labels (eq. 1,
 * 7).
 *
 * Departs from the paper: none in the loop. The loss covers reasoning and reconstruction tokens, as eq. 7 says; the
 * authors' published code trains neither half of it that way.
 */
import * as Rise from "../dsl/Rise.ts"
import type { Preset } from "./Presets.ts"
import type { Start } from "./warmUp.ts"

/** D → D_RISE. */
export const riseCot = (preset: Preset) => <A, E, R>(start: Start<A, E, R>) =>
  start.pipe(
    Rise.generate(preset.generate), // R_g ~ π(· | I, A)
    Rise.reconstruct(preset.reconstruct), // Â_g ~ π(· | I, R_g)
    Rise.validate(preset.validate), // r_g, eq. 1
    Rise.reinforce(preset.reinforce), // eq. 7
    Rise.best() // D_RISE = {(I, R*, A, r)}
  )
