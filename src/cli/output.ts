/**
 * Standard output is for what was asked for; mistakes go to standard error.
 */
import { CliOutput } from "effect/cli"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { asksJson, told } from "./telling.ts"
import { fault, next, worthTelling } from "./usage.ts"

/** What a command line that cannot be read, or that asks for what does not go together, ends with. */
export const usageExitCode = 2

/**
 * Help goes to standard output where it was asked for, and to standard error where a command was missing. A mistake is
 * named on standard error, with the way to the help and without the help itself.
 */
export const presenter: CliOutput.Presenter = {
  present: Effect.fnUntraced(function*(event) {
    if (event._tag !== "InvalidInvocation") {
      const asked = event._tag === "Version" || event.reason !== "Implicit"
      const present = CliOutput.defaultPresenter.present(event)
      if (asked) return yield* present
      const console = yield* Console.Console
      return yield* Effect.provideService(
        present,
        Console.Console,
        Object.assign(Object.create(console), { log: console.error })
      )
    }
    const { commandPath } = event
    const errors = worthTelling(event.errors)
    if (asksJson(process.argv.slice(2))) {
      for (const error of errors) {
        yield* Console.error(told("failed", { message: fault(error), next: next(commandPath) }))
      }
      return
    }
    for (const error of errors) yield* Console.error(`error: ${fault(error)}`)
    yield* Console.error(next(commandPath))
  })
}
