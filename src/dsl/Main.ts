/**
 * A program as the process: what a script ends with.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Data, Effect, Predicate, Runtime } from "effect"
import * as NoProgram from "./NoProgram.ts"
import * as Process from "./Process.ts"

/** A failure that has been printed: the process only ends with its code. */
class Printed extends Data.TaggedError("Printed")<{ readonly code: number }> {
  override readonly [Runtime.errorReported] = false
  override get [Runtime.errorExitCode]() {
    return this.code
  }
}

/** The failure in one line: its message, or what else it says of itself. */
const lineOf = (error: unknown): string =>
  Predicate.hasProperty(error, "message") && typeof error.message === "string" && error.message !== ""
    ? error.message
    : String(error)

/**
 * Runs a program as the process, with Node's file system and paths. Ctrl-C interrupts it (exit code 130), as SIGTERM
 * (143) and SIGHUP (129) do, and a second one ends it at once. What fails is printed on standard error as one readable
 * line (exit code 1), a defect with its stack. A reader of its output that goes (`| head`) ends it with 0. What a
 * terminal would obey in a message, such as escape sequences in file names, is written as `\u001b`. It takes the place
 * of `NodeRuntime.runMain`, which prints failures with their stacks.
 *
 * ```ts
 * pipeline.pipe(Rise.run({ out: "runs/mine" }), Effect.provide(policy), Rise.runMain)
 * ```
 */
export const runMain = <A, E>(program: Effect.Effect<A, E, NodeServices.NodeServices>): void => {
  const given: Effect.Effect<A, E | NoProgram.NoProgram, NodeServices.NodeServices> = Effect.isEffect(program)
    ? program
    : Effect.fail(NoProgram.of(String(program)))
  given.pipe(
    Effect.catch((error) =>
      Effect.andThen(
        Console.error(`error: ${lineOf(error)}`),
        Effect.fail(new Printed({ code: Runtime.getErrorExitCode(error) }))
      )
    ),
    Effect.provide(NodeServices.layer),
    Process.run
  )
}
