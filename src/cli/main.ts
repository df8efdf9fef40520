/**
 * Commands that compute: on which device and with how many threads, and the examples that are commands of their own.
 */
import type * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Option } from "effect"
import { type CliError, Command } from "effect/cli"
import { availableParallelism } from "node:os"
import { Means } from "../dsl/Means.ts"
import { Progress } from "../dsl/Progress.ts"
import { beating } from "../dsl/progress/Beat.ts"
import type * as Rise from "../dsl/Rise.ts"
import { keeping } from "../dsl/stages/Finish.ts"
import { type Device, Runtime } from "../kernels/runtime/index.ts"
import * as Flags from "./flags.ts"
import * as Futile from "./futile.ts"
import { header } from "./header.ts"
import { readable, runMain } from "./process.ts"
import { asksJson, telling } from "./telling.ts"
import { outPossible } from "./working.ts"

/** What handlers may count on. */
export type Services = NodeServices.NodeServices | Runtime.Runtime

interface Where extends Partial<Flags.Checkpoints> {
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

/** Lets people hear of a stage that is silent for long. A program counts the steps that there are. */
const audible = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  asksJson(process.argv.slice(2)) ? effect : Effect.gen(function*() {
    const { beat, view } = beating(yield* Progress)
    return yield* Effect.raceFirst(Effect.provideService(effect, Progress, view), beat)
  })

/** When unfinished stages are kept on their way. */
const checkpointsOf = (
  { checkpointMinutes = Option.none(), checkpointSteps = Option.none() }: Where
): Rise.CheckpointOptions => ({
  every: {
    ...(Option.isSome(checkpointSteps) && { steps: checkpointSteps.value }),
    ...(Option.isSome(checkpointMinutes) && { minutes: checkpointMinutes.value })
  }
})

/**
 * Starts the workers for a handler that computes, on its device; `--help` never does.
 *
 * @param means what its flags can change: "flags" where there is one for each setting that it is told of
 */
export const computing =
  (where: Where, means: "flags" | "preset" = "preset") =>
  <A, E extends { readonly message: string }>(
    effect: Effect.Effect<A, E, Services>
  ): Effect.Effect<A, CliError.UserError, NodeServices.NodeServices> =>
    readable(
      audible(effect).pipe(
        keeping(checkpointsOf(where)),
        Effect.provideService(Means, means),
        Effect.provide(Runtime.layer(runtimeOf(where))),
        // What is kept on the disk of large data goes with the command.
        Effect.scoped
      )
    )

type Handler<E> = (flags: Flags.Study) => Effect.Effect<void, E, Services>

/** A command of its own, given what runs it with its flags. */
const command = <F extends Command.Command.Config, E extends { readonly message: string }>(
  name: string,
  description: string,
  config: F,
  handler: Handler<E>,
  study: (flags: Command.Command.Config.Infer<F>) => Flags.Study
): void =>
  Command.make(name, config, (given) => {
    const flags = study(given)
    return computing(flags)(
      Effect.all([Futile.ofScenes(flags), outPossible(flags), header(name, flags), handler(flags)], { discard: true })
    )
  }).pipe(Command.withDescription(description), telling, runMain)

/** An example: a command of its own with the flags of a study. */
export const example = <E extends { readonly message: string }>(
  name: string,
  description: string,
  handler: Handler<E>
): void => command(name, description, Flags.study, handler, (flags) => flags)

const { difficulty: _, ...plain } = Flags.study

/** The same of a task whose scenes have no difficulty. */
export const plainExample = <E extends { readonly message: string }>(
  name: string,
  description: string,
  handler: Handler<E>
): void => command(name, description, plain, handler, (flags) => ({ ...flags, difficulty: 0 }))
