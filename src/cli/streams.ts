/** Where a command writes rows and progress: what it says otherwise goes through Effect's console. */
import * as Context from "effect/Context"
import type { Out } from "../dsl/Progress.ts"

/** The streams of the process where nothing else is provided. */
export const Streams = Context.Reference<{ readonly stdout: Out; readonly stderr: Out }>("rise/Streams", {
  defaultValue: () => process
})
