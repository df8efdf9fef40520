/**
 * A run: its folder, its seed, and how it goes on.
 */
import type { Option } from "effect"
import { Flag } from "effect/cli"
import { from0, text, whole } from "../values.ts"

export const out = text("out", "DIR", "a folder").pipe(
  Flag.withAlias("o"),
  Flag.withDescription("The run folder; default: the next free runs/NAME"),
  Flag.optional
)

export const seed = whole("seed", { least: 0 }).pipe(
  Flag.withAlias("s"),
  Flag.withDescription("Every random draw is keyed by it; default: 0"),
  Flag.withDefault(0)
)

export const resume = Flag.Boolean("resume").pipe(
  Flag.withDescription("Go on where the run in --out was cut off; without --out, the newest runs/NAME"),
  Flag.withDefault(false)
)

/** When unfinished stages are kept on their way. What a run makes does not depend on it, and it may change. */
export const checkpoints = {
  checkpointSteps: whole("checkpoint-steps", { least: 0 }).pipe(
    Flag.withDescription(
      "Keep an unfinished stage every so many steps, for --resume to go on there; 0: not by steps; default: 100"
    ),
    Flag.optional
  ),
  checkpointMinutes: from0("checkpoint-minutes", "MINUTES").pipe(
    Flag.withDescription("The same every so many minutes, if that comes first; 0: not by minutes; default: 5"),
    Flag.optional
  )
}

export interface Checkpoints {
  readonly checkpointSteps: Option.Option<number>
  readonly checkpointMinutes: Option.Option<number>
}
