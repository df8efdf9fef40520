/**
 * onnxruntime sessions in worker threads, as a scoped service.
 *
 * A run blocks its thread completely and a thread killed inside one aborts the process. So sessions live in workers,
 * and closing is cooperative: it withdraws what waits, lets the run in flight end, releases the sessions and waits for
 * the threads. Interrupting the main fiber (Ctrl-C under `NodeRuntime.runMain`) therefore ends within the length of one
 * run.
 *
 * Workers run side by side; the requests of one worker run one at a time, in the order they were made.
 *
 * @module
 */
import { Context, Effect, Layer, type Scope } from "effect"
import { availableParallelism } from "node:os"
import * as Rules from "../math/Rules.ts"
import * as Device from "./Device.ts"
import { type HostTensor, isShared } from "./HostTensor.ts"
import * as OptimizerJob from "./OptimizerJob.ts"
import type { SessionOptions } from "./Protocol.ts"
import { RuntimeError } from "./RuntimeError.ts"
import * as SystemFault from "./SystemFault.ts"
import { warn } from "./Warning.ts"
import * as WorkerThread from "./WorkerThread.ts"

export type { SessionOptions } from "./Protocol.ts"
export { RuntimeError } from "./RuntimeError.ts"

/** A place on one worker for tensors that stay there from run to run, in the GPU's memory where it works on one. */
export interface ResidentState {
  /** The worker that holds it, counted from 0. */
  readonly worker: number
  /** Its number on that worker. */
  readonly id: number
}

/** A model opened on one worker. */
export interface RuntimeSession {
  /**
   * Runs the model on every input that is not bound. `fetches` names the outputs that come back in fresh memory;
   * preallocated outputs are written on every run and are part of the result too. With a state, inputs that are not fed
   * come from it, and resident outputs go into it.
   *
   * Do not touch shared arrays it reads or writes until it is done; interrupting it waits until the worker lets go.
   */
  readonly run: (
    feeds: Readonly<Record<string, HostTensor>>,
    fetches: ReadonlyArray<string>,
    state?: ResidentState
  ) => Effect.Effect<Record<string, HostTensor>, RuntimeError>
}

/** The service that opens models on worker threads and runs them there. */
export class Runtime extends Context.Service<Runtime, {
  /** How many worker threads there are; they are counted from 0. */
  readonly workers: number
  /** How many threads each of them computes with. */
  readonly threadsPerWorker: number
  /** Where graphs run. */
  readonly device: Device.Device
  /** Opens a model on one worker. The scope releases it after the runs asked for before. */
  readonly open: (
    worker: number,
    model: Uint8Array,
    options?: SessionOptions
  ) => Effect.Effect<RuntimeSession, RuntimeError, Scope.Scope>
  /** An empty state on one worker; the scope drops what it holds. */
  readonly state: (worker: number) => Effect.Effect<ResidentState, RuntimeError, Scope.Scope>
  /** Runs an elementwise job on one worker, in its queue. Buffers must be shared. */
  readonly optimize: (worker: number, job: OptimizerJob.Job) => Effect.Effect<OptimizerJob.Result, RuntimeError>
}>()("rise/Runtime") {}

/** Options of `layer`: where graphs run, and with how many threads. */
export interface Options {
  /** Where graphs run. Default "cpu"; a device this machine has not is refused. */
  readonly device?: Device.Device
  /** Default: the cores this process may use; 1 on a GPU. */
  readonly workers?: number
  /** Threads inside one operator of a session. Default 1. */
  readonly threadsPerWorker?: number
  /**
   * Sessions that each worker keeps when they are released, for the next policy that opens the same graphs: for
   * programs that open one after the other, such as tests. Each takes some MiB. Default 0.
   */
  readonly keep?: number
}

/**
 * The most workers, and the most threads of one: a few a core. More only take memory, and are a number that slipped in
 * from elsewhere.
 */
export const mostThreads: number = 4 * availableParallelism()

const threads: Rules.Rule = {
  ...Rules.whole(1, mostThreads),
  expected: `a whole number from 1 to ${mostThreads}, 4 for each core`
}

/** What the options may be. */
const rules: Rules.Table = {
  device: Rules.oneOf(...Device.Device.literals),
  workers: threads,
  threadsPerWorker: threads,
  keep: Rules.whole(0)
}

/** Open files that a process needs, the pictures and models that it reads among them, and each worker beside it. */
const [leastOpenFiles, openFilesOfWorker] = [48, 8]

/** Starts the workers; closing the layer ends them cooperatively. */
export const layer = (options?: Options): Layer.Layer<Runtime, RuntimeError | Device.DeviceError> =>
  Layer.effect(
    Runtime,
    Effect.gen(function*() {
      const { device = "cpu", keep = 0, threadsPerWorker = 1, workers } = options ?? {}
      const broken = Rules.misspelt(rules, options ?? {}) ?? Rules.broken(rules, options ?? {})
      if (broken !== undefined) return yield* new RuntimeError({ operation: "open", reason: Rules.say(broken) })
      const count = workers ?? (device === "cpu" ? availableParallelism() : 1)
      if (device === "webgpu" && count > 1) {
        return yield* new RuntimeError({
          operation: "open",
          reason: `workers is ${count}, expected 1: one thread owns a webgpu device`
        })
      }
      // Begun with too few, work fails in the middle, and good pictures look as if they could not be read.
      const least = leastOpenFiles + openFilesOfWorker * count
      if (SystemFault.openLimit() < least) {
        return yield* new RuntimeError({
          operation: "open",
          reason: `this process may hold ${SystemFault.openLimit()} files open, expected at least ${least}: ` +
            "raise the limit with ulimit -n 1024"
        })
      }
      yield* Device.check(device)
      const all = yield* Effect.replicateEffect(WorkerThread.make({ threads: threadsPerWorker, device, keep }), count, {
        concurrency: "unbounded"
      })
      let nextSession = 0
      let nextState = 0

      const at = (
        operation: RuntimeError["operation"],
        worker: number
      ): Effect.Effect<WorkerThread.WorkerThread, RuntimeError> => {
        const thread = all[worker]
        return thread === undefined
          ? Effect.fail(
            new RuntimeError({ operation, reason: `there is no worker ${worker}; expected 0 to ${count - 1}` })
          )
          : Effect.succeed(thread)
      }

      const open = Effect.fn("Runtime.open")(
        function*(worker: number, model: Uint8Array, options: SessionOptions = {}) {
          const thread = yield* at("open", worker)
          const { outputs = {}, resident = {} } = options
          for (const [name, { data }] of Object.entries(outputs)) {
            if (!isShared(data)) {
              return yield* new RuntimeError({
                operation: "open",
                reason: `preallocated output "${name}" must lie over a SharedArrayBuffer (HostTensor.shared)`
              })
            }
            if (name in resident) {
              return yield* new RuntimeError({
                operation: "open",
                reason: `output "${name}" is both preallocated and resident: leave out one of the two`
              })
            }
          }
          const session = nextSession++
          yield* Effect.acquireRelease(
            thread.submit({ _tag: "Open", session, model, options }),
            // A session ends with its thread, however that ended.
            () =>
              Effect.suspend(() => thread.alive() ? thread.submit({ _tag: "Release", session }) : Effect.void).pipe(
                Effect.catch((error) => warn(error.message))
              )
          )
          const run: RuntimeSession["run"] = (feeds, fetches, state) =>
            state !== undefined && state.worker !== worker
              ? Effect.fail(
                new RuntimeError({
                  operation: "run",
                  reason: `the state is worker ${state.worker}'s, the session worker ${worker}'s`
                })
              )
              : Effect.map(
                thread.submit({
                  _tag: "Run",
                  session,
                  feeds,
                  fetches,
                  ...(state === undefined ? {} : { state: state.id })
                }),
                (fresh) => ({ ...outputs, ...(fresh as Record<string, HostTensor>) })
              )
          return { run }
        }
      )

      const state = (worker: number) =>
        Effect.flatMap(at("open", worker), (thread) =>
          Effect.acquireRelease(
            Effect.sync((): ResidentState => ({ worker, id: nextState++ })),
            ({ id }) =>
              Effect.suspend(() => thread.alive() ? thread.submit({ _tag: "Forget", state: id }) : Effect.void).pipe(
                Effect.catch((error) => warn(error.message))
              )
          ))

      const optimize = (worker: number, job: OptimizerJob.Job) =>
        Effect.flatMap(at("optimize", worker), (thread) => {
          const reason = OptimizerJob.refusal(job)
          return reason === undefined
            ? Effect.map(thread.submit({ _tag: "Optimize", job }), (result) => result as number)
            : Effect.fail(new RuntimeError({ operation: "optimize", reason }))
        })

      return { workers: count, threadsPerWorker, device, open, state, optimize }
    })
  )
