/**
 * Warnings of every floor: logged, and on standard error, where no program reads what it was asked for.
 */
import { Effect, Logger } from "effect"
import { shown } from "./Shown.ts"

/** Warnings name files and quote servers: what a terminal would obey is escaped, whoever prints them. */
export const warn = (text: string): Effect.Effect<void> =>
  Effect.provideService(Effect.logWarning(shown(text)), Logger.LogToStderr, true)
