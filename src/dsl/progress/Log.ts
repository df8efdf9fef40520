/**
 * Log lines of every floor as a program tells everything else: `warning: …`, like the warnings of a stage. Neither time
 * nor fiber says anything to whoever reads a terminal; a collector gets both.
 */
import * as Cause from "effect/Cause"
import * as Logger from "effect/Logger"
import { format } from "node:util"

type Line = Logger.Options<unknown>

/** What a line begins with. */
const words: Partial<Record<Line["logLevel"], string>> = { Fatal: "error: ", Error: "error: ", Warn: "warning: " }

const ours = Logger.withConsoleError(Logger.make(({ cause, logLevel, message }: Line) => {
  const parts = Array.isArray(message) ? message : [message]
  const causes = cause.reasons.length > 0 ? [Cause.pretty(cause)] : []
  return `${words[logLevel] ?? ""}${format(...parts, ...causes)}`
}))

/** What is logged to standard error, as all of a command's is; a script's own lines stay as Effect writes them. */
export const logger: Logger.Logger<unknown, void> = Logger.make((line: Line) =>
  line.fiber.getRef(Logger.LogToStderr) ? ours.log(line) : Logger.defaultLogger.log(line)
)
