/**
 * RISE: Reason, Inspire, Strengthen, Expertise. See `riseCot` and `riseR1` for where each departs from the paper.
 */
import type { Preset } from "./Presets.ts"
import { riseCot } from "./riseCot.ts"
import { riseR1 } from "./riseR1.ts"
import type { Start } from "./warmUp.ts"

/** D → the annotator. */
export const rise = (preset: Preset) => <A, E, R>(start: Start<A, E, R>) => start.pipe(riseCot(preset), riseR1(preset))
