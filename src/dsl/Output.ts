/**
 * Standard output of a process: a reader that has seen enough ends the program in peace, a full disk fails it.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as SystemFault from "../kernels/runtime/SystemFault.ts"

/** Standard output cannot be written to: a full disk behind a redirection, for example. */
export class OutputError extends Schema.TaggedError<OutputError>()("OutputError", { reason: Schema.String }) {
  /** It is printed here: the log would say it once more. */
  override readonly [Runtime.errorReported] = false
  override get message() {
    return `standard output cannot be written: ${this.reason}`
  }
}

/** A reader that has gone has seen what it wanted. */
const outcome = (error: Error): Effect.Effect<void, OutputError> =>
  "code" in error && (error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED")
    ? Effect.void
    : Effect.fail(new OutputError({ reason: SystemFault.words(error) }))

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
