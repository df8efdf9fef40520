/** What a command changes of the whole process, only where it is its own: elsewhere others compute in it too. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Whether the process is the command's own: whoever runs one as the process says so. */
export const OwnProcess = Context.Reference<boolean>("rise/OwnProcess", { defaultValue: () => false })

/** Makes a change of the process, if it is the command's own. */
export const inOwnProcess = (change: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.flatMap(OwnProcess, (isOwn) => isOwn ? change : Effect.void)
