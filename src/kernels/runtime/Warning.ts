/**
 * Warnings of every floor: logged, and on standard error, where no program reads what it was asked for.
 */
import { Effect, Logger } from "effect"

export const warn = (text: string): Effect.Effect<void> =>
  Effect.provideService(Effect.logWarning(text), Logger.LogToStderr, true)
