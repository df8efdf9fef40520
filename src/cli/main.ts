/**
 * Runs a command as the process: readable errors without a stack. Exit code 1 for what went wrong, 2 for a command line
 * that cannot be read, 130 for an interrupt.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect, Logger, Option, Runtime as EffectRuntime } from "effect"
import { CliError, CliOutput, Command } from "effect/cli"
import { availableParallelism } from "node:os"
import packageJson from "../../package.json" with { type: "json" }
import { type Device, Runtime } from "../kernels/runtime/index.ts"
import * as Flags from "./flags.ts"
import { presenter, usageExitCode, withOutput } from "./output.ts"

/** What handlers may count on. */
export type Services = NodeServices.NodeServices | Runtime.Runtime

/** A typed failure as one line for the user. A defect keeps its stack: it is ours, not the user's. */
export const readable = <A, E extends { readonly message: string }, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, CliError.UserError, R> =>
  Effect.mapError(effect, (cause) =>
    Object.assign(new CliError.UserError({ cause, userMessage: cause.message }), {
      [EffectRuntime.errorExitCode]: EffectRuntime.getErrorExitCode(cause)
    }))

interface Where {
  readonly device: Device.Device
  readonly workers?: Option.Option<number>
}

/** Workers and their threads: on a CPU as many threads as there are cores, however few the workers. */
const runtimeOf = ({ device, workers = Option.none() }: Where): Runtime.Options => ({
  device,
  ...(Option.isSome(workers) && {
    workers: workers.value,
    ...(device === "cpu" && { threadsPerWorker: Math.max(1, Math.floor(availableParallelism() / workers.value)) })
  })
})

/** Starts the workers for a handler that computes, on its device; `--help` never does. */
export const computing = (where: Where) =>
<A, E extends { readonly message: string }>(
  effect: Effect.Effect<A, E, Services>
): Effect.Effect<A, CliError.UserError, NodeServices.NodeServices> =>
  readable(Effect.provide(effect, Runtime.layer(runtimeOf(where))))

const isUsage = (error: unknown): error is CliError.ShowHelp => CliError.isCliError(error) && error._tag === "ShowHelp"

/** Parses the process's arguments and runs the command. */
export const runMain = <const Name extends string, Input, C, E>(
  command: Command.Command<Name, Input, C, E, NodeServices.NodeServices>
): void =>
  command.pipe(
    Command.run({ version: packageJson.version }),
    Effect.tapError((error) =>
      Effect.sync(() => isUsage(error) && Object.assign(error, { [EffectRuntime.errorExitCode]: usageExitCode }))
    ),
    withOutput,
    Effect.provideService(CliOutput.Presenter, presenter),
    // What a command prints may be read by a program.
    Effect.provideService(Logger.LogToStderr, true),
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain
  )

/** An example: a command of its own with the flags of a study. */
export const example = <E extends { readonly message: string }>(
  name: string,
  description: string,
  handler: (flags: Flags.Study) => Effect.Effect<void, E, Services>
): void =>
  runMain(
    Command.make(name, Flags.study, (flags) => computing(flags)(handler(flags))).pipe(
      Command.withDescription(description)
    )
  )
