/**
 * The nursery of this thread: where V8 puts new objects, and lets them lie until it is full.
 */
import { Effect } from "effect"
import { setFlagsFromString } from "node:v8"

/**
 * Keeps the nursery as it is now. V8 doubles it with every collection that finds much alive, to 128 MB of what is
 * mostly garbage: a process that streams would grow by it for its first minutes, and is no faster for it.
 */
export const keep: Effect.Effect<void> = Effect.sync(() => setFlagsFromString("--semi-space-growth-factor=1"))
