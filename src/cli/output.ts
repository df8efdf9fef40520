/**
 * Standard output is for what was asked for; mistakes go to standard error. A reader that has seen enough ends the
 * command.
 */
import { CliOutput } from "effect/cli"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { asksJson, told } from "./telling.ts"
import { fault, next } from "./usage.ts"

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
    const { commandPath, errors } = event
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

/** Standard output cannot be written to: a full disk behind a redirection, for example. */
export class OutputError extends Schema.TaggedError<OutputError>()("OutputError", { reason: Schema.String }) {
  /** It is printed here: the log would say it once more. */
  override readonly [Runtime.errorReported] = false
  override get message() {
    return `standard output cannot be written: ${this.reason}`
  }
}

const codeOf = (error: Error): string => "code" in error && typeof error.code === "string" ? error.code : ""

/** A reader that has gone has seen what it wanted. */
const outcome = (error: Error): Effect.Effect<void, OutputError> =>
  ["EPIPE", "ERR_STREAM_DESTROYED"].includes(codeOf(error))
    ? Effect.void
    : Effect.fail(new OutputError({ reason: error.message }))

/**
 * Ends when the reader of standard output has gone (`| head`), fails when it cannot be written for another reason. A
 * reader of standard error that has gone takes nothing with it but messages.
 */
const closed: Effect.Effect<void, OutputError> = Effect.callback<void, OutputError>((resume) => {
  // The listeners stay: every later write to a closed pipe fails again, and an error that nobody hears ends the process
  // with a stack.
  process.stderr.on("error", () => {})
  process.stdout.on("error", (error) => resume(outcome(error)))
})

/** Waits until everything written so far is out. */
const flushed: Effect.Effect<void, OutputError> = Effect.callback<void, OutputError>((resume) => {
  if (process.stdout.errored) resume(outcome(process.stdout.errored))
  else process.stdout.write("", (error) => resume(error ? outcome(error) : Effect.void))
})

/**
 * Runs a program whose standard output may be closed or full: it ends when nobody reads it, and fails where it is not
 * written.
 */
export const withOutput = <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<void, E | OutputError, R> =>
  Effect.raceFirst(Effect.andThen(program, flushed), closed).pipe(
    Effect.tapError((error) => error instanceof OutputError ? Console.error(error.message) : Effect.void)
  )
