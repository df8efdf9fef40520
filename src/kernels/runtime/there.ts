/** Whether there is anything at a path. */
import { Effect, FileSystem } from "effect"

/** What cannot be looked at counts as not there: whoever opens it is told why. */
export const there = (path: string): Effect.Effect<boolean, never, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.orElseSucceed(fs.exists(path), () => false))
