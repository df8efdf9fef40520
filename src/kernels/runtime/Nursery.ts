/**
 * The nursery of this thread: where V8 puts new objects, and lets them lie until it is full.
 */
import { Effect } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/**
 * Keeps the nursery as it is now. V8 doubles it with every collection that finds much alive, to 128 MB of what is
 * mostly garbage: a process that streams would grow by it for its first minutes, and is no faster for it.
 */
export const keep: Effect.Effect<void> = Effect.sync(() => setFlagsFromString("--semi-space-growth-factor=1"))

/**
 * Makes the nursery as small as it was when the process began, before its modules were loaded, and keeps it so. One
 * whole collection, about a tenth of a second: for work of minutes.
 */
export const shrink: Effect.Effect<void> = Effect.andThen(
  keep,
  Effect.sync(() => {
    // Node has no other way to a collection that gives memory back.
    setFlagsFromString("--expose-gc")
    const collect: unknown = runInNewContext("gc")
    setFlagsFromString("--no-expose-gc")
    if (typeof collect === "function") collect({ type: "major", execution: "sync", flavor: "last-resort" })
  })
)
