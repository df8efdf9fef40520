/**
 * Runs a command as the process: readable errors without a stack. Exit code 1 for what went wrong, 2 for a command line
 * that cannot be read, 130 for an interrupt, 143 for SIGTERM, 129 for SIGHUP.
 *
 * What starts the process imports Effect module by module and of the other floors only what does the same:
 * `rise --version` waits for nothing else.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { CliConfig, CliError, CliOutput, Command, GlobalFlag } from "effect/cli"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as EffectRuntime from "effect/Runtime"
import packageJson from "../../package.json" with { type: "json" }
import * as Process from "../dsl/Process.ts"
import { CommandLine } from "./commandLine.ts"
import { formatter } from "./help.ts"
import { presenter, usageExitCode } from "./output.ts"
import { OwnProcess } from "./ownProcess.ts"
import { speaking, version } from "./telling.ts"

/** A typed failure as one line for the user. A defect keeps its stack: it is ours, not the user's. */
export const readable = <A, E extends { readonly message: string }, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, CliError.UserError, R> =>
  Effect.mapError(effect, (cause) =>
    Object.assign(new CliError.UserError({ cause, userMessage: cause.message }), {
      [EffectRuntime.errorExitCode]: EffectRuntime.getErrorExitCode(cause)
    }))

const isUsage = (error: unknown): error is CliError.ShowHelp => CliError.isCliError(error) && error._tag === "ShowHelp"

/** The words with the options of the run that they resume. */
const whole = (words: ReadonlyArray<string>) =>
  words.includes("--resume")
    ? Effect.flatMap(Effect.promise(() => import("./resumed.ts")), ({ resumed }) => resumed(words))
    : Effect.succeed(words)

/**
 * The words with "-1m" as the value of the flag before it: the parser knows plain numbers as such, and would take the
 * other for a flag.
 */
export const joined = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const end = words.indexOf("--")
  const found: Array<string> = []
  // There may be as many words as pictures of a folder.
  for (const [i, word] of words.entries()) {
    const before = found.at(-1) ?? ""
    const isValue = (end < 0 || i < end) && /^-\d.*[a-z]$/i.test(word) && /^--[a-z][\w-]*$/.test(before)
    if (isValue) found[found.length - 1] = `${before}=${word}`
    else found.push(word)
  }
  return found
}

/** Parses arguments and runs the command: the process's own, unless others are given. */
export const run = <const Name extends string, Input, C, E>(
  command: Command.Command<Name, Input, C, E, NodeServices.NodeServices>,
  args?: ReadonlyArray<string>
) =>
  Effect.gen(function*() {
    const words = yield* whole(joined(args ?? (yield* CommandLine)))
    return yield* Effect.provideService(
      Command.runWith(command, { version: packageJson.version })(words),
      CommandLine,
      words
    )
  }).pipe(
    Effect.tapError((error) =>
      Effect.sync(() => isUsage(error) && Object.assign(error, { [EffectRuntime.errorExitCode]: usageExitCode }))
    ),
    Effect.provideService(CliOutput.Presenter, presenter),
    Effect.provideService(CliOutput.Formatter, formatter),
    Effect.provideService(
      CliConfig.CliConfig,
      CliConfig.make({
        builtIns: CliConfig.defaults.builtIns.map((flag) => flag === GlobalFlag.Version ? version : flag)
      })
    )
  )

/** Runs a program as the process. */
export const main = <E>(program: Effect.Effect<void, E, NodeServices.NodeServices>): void =>
  program.pipe(
    // What a command prints may be read by a program.
    Effect.provideService(Logger.LogToStderr, true),
    Effect.provideService(OwnProcess, true),
    Effect.provide(NodeServices.layer),
    (program) => Process.run(program, speaking)
  )

/** Parses the process's arguments and runs the command as the process. */
export const runMain = <const Name extends string, Input, C, E>(
  command: Command.Command<Name, Input, C, E, NodeServices.NodeServices>
): void => main(run(command))
