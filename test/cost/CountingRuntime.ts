/**
 * A runtime that counts: onnxruntime's own sessions in this thread, with its profiler on, so that every kernel of every
 * run is known with the shapes it ran on. The same graphs, fed the same, as in worker threads.
 */
import { Effect, Layer } from "effect"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { InferenceSession, Tensor } from "onnxruntime-node"
import { HostTensor, OptimizerJob, Runtime } from "../../src/kernels/runtime/index.ts"
import { costOf, type Kernel } from "./operators.ts"

/** What a piece of work took, none of it a matter of the machine. */
export interface Counts {
  /** Sessions opened. */
  readonly sessions: number
  /** Nodes of their graphs, as onnxruntime leaves them; of a graph that several open, once. */
  readonly nodes: number
  /** Runs of sessions. */
  readonly runs: number
  /** Kernels in them: a node in a loop counts every turn. */
  readonly kernels: number
  /** Multiplications and additions of matrix products. */
  readonly products: number
  /** Bytes that kernels and optimiser jobs read and write. */
  readonly bytes: number
  /** Optimiser jobs. */
  readonly jobs: number
  /** Bytes that are copied from thread to thread. */
  readonly copied: number
  /** Bytes of new shared memory. */
  readonly shared: number
}

type Mutable = { -readonly [Name in keyof Counts]: Counts[Name] }

const none = (): Mutable => ({
  sessions: 0,
  nodes: 0,
  runs: 0,
  kernels: 0,
  products: 0,
  bytes: 0,
  jobs: 0,
  copied: 0,
  shared: 0
})

/** Work is counted under a name while it is done. */
export interface Ledger {
  readonly during: <A, E, R>(name: string, work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** What was counted, by name; ends the sessions. */
  readonly close: Effect.Effect<Readonly<Record<string, Counts>>>
}

interface Profiled {
  readonly session: InferenceSession
  readonly folder: string
  /** Under which names it was opened. */
  readonly openedIn: Set<string>
  /** Under which name each of its runs was. */
  readonly runs: Array<string>
}

interface Event {
  readonly cat: string
  readonly name: string
  readonly args?: Partial<Kernel>
}

const isKernel = (args: Event["args"]): args is Kernel => args?.op_name !== undefined

/** Bytes that a job reads and writes. */
const jobBytes = (job: OptimizerJob.Job): number => {
  switch (job._tag) {
    case "AdamW":
      // Parameter, gradient and two moments are read; all but the gradient written.
      return 4 * (job.dry === true ? 4 : 7) * job.ranges.reduce((n, { begin, end }) => n + end - begin, 0)
    case "Accumulate":
      return 4 * (job.end - job.begin) * (job.buffers.length + (job.buffers.length > 1 ? 1 : 0))
    case "Check":
      return 4 * (job.end - job.begin)
  }
}

const toTensor = ({ data, dims, dtype }: HostTensor.HostTensor): Tensor => new Tensor(dtype, data, dims)
const toTensors = (tensors: Readonly<Record<string, HostTensor.HostTensor>>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, toTensor(tensor)]))

const unshared = (tensors: Readonly<Record<string, HostTensor.HostTensor>>): number =>
  Object.values(tensors).reduce((n, { data }) => HostTensor.isShared(data) ? n : n + data.byteLength, 0)

const hostTensor = (name: string, { data, dims, type }: Tensor): HostTensor.HostTensor => {
  const made = HostTensor.make(type, dims, data)
  if (typeof made === "string") throw new Error(`output "${name}": ${made}`)
  return made
}

/** A runtime with so many workers by name, all of them this thread, and what it counts. */
export const make = (workers: number): { readonly layer: Layer.Layer<Runtime.Runtime>; readonly ledger: Ledger } => {
  const counted = new Map<string, Mutable>()
  const folders = mkdtempSync(join(tmpdir(), "rise-cost-"))
  const profiled = new Map<string, Promise<Profiled>>()
  const states = new Map<number, Map<string, HostTensor.HostTensor>>()
  const outside = "outside"
  let current = outside
  const counts = (name = current): Mutable => {
    const held = counted.get(name) ?? none()
    counted.set(name, held)
    return held
  }

  const begin = async (model: Uint8Array, options: Runtime.SessionOptions): Promise<Profiled> => {
    const folder = join(folders, String(profiled.size))
    mkdirSync(folder)
    const session = await InferenceSession.create(model, {
      executionMode: "sequential",
      intraOpNumThreads: 1,
      // All but the last step of it, which arranges memory as the machine's instructions like it.
      graphOptimizationLevel: "extended",
      enableProfiling: true,
      profileFilePrefix: join(folder, "profile"),
      logSeverityLevel: 3,
      ...(options.externalData === undefined ? {} : { externalData: options.externalData }),
      ...(options.modelFolder === undefined
        ? {}
        : { extra: { session: { model_external_initializers_file_folder_path: options.modelFolder } } })
    })
    return { session, folder, openedIn: new Set(), runs: [] }
  }
  /** The same model on another worker, or opened again, is the same graph. */
  const profile = (model: Uint8Array, options: Runtime.SessionOptions): Promise<Profiled> => {
    const key = createHash("sha256").update(model).digest("hex")
    const held = profiled.get(key) ?? begin(model, options)
    profiled.set(key, held)
    return held
  }

  const open: Runtime.Runtime["Service"]["open"] = Effect.fnUntraced(
    function*(_, model, options = {}) {
      const bound = options.bound ?? {}
      const outputs = options.outputs ?? {}
      const resident = options.resident ?? {}
      counts().sessions++
      counts().copied += unshared(bound)
      const name = current
      const opened = yield* Effect.promise(() => profile(model, options))
      opened.openedIn.add(name)
      // What is not shared is as it was when the session was opened.
      const frozen = toTensors(Object.fromEntries(
        Object.entries(bound).map(([name, tensor]) => [
          name,
          HostTensor.isShared(tensor.data) ? tensor : { ...tensor, data: tensor.data.slice() }
        ])
      ))
      const preallocated = toTensors(outputs)
      const run: Runtime.RuntimeSession["run"] = (feeds, fetches, state) =>
        Effect.promise(async () => {
          const here = counts()
          here.runs++
          here.copied += unshared(feeds)
          opened.runs.push(current)
          const held = state === undefined
            ? undefined
            : states.get(state.id) ?? new Map<string, HostTensor.HostTensor>()
          const wanted: Record<string, Tensor | null> = { ...preallocated }
          for (const name of [...fetches, ...Object.keys(resident)]) wanted[name] ??= null
          const results = await opened.session.run(
            { ...toTensors(Object.fromEntries(held ?? [])), ...frozen, ...toTensors(feeds) },
            wanted
          )
          const fresh: Record<string, HostTensor.HostTensor> = {}
          for (const name of fetches) fresh[name] = outputs[name] ?? hostTensor(name, results[name]!)
          here.copied += unshared(fresh)
          if (state !== undefined && held !== undefined) {
            states.set(state.id, held)
            for (const [output, input] of Object.entries(resident)) {
              held.set(input, hostTensor(output, results[output]!))
            }
          }
          return { ...outputs, ...fresh }
        })
      return { run }
    }
  )

  let nextState = 0
  const layer = Layer.succeed(Runtime.Runtime, {
    workers,
    threadsPerWorker: 1,
    device: "cpu",
    open,
    state: (worker) =>
      Effect.acquireRelease(
        Effect.sync(() => ({ worker, id: nextState++ })),
        ({ id }) => Effect.sync(() => void states.delete(id))
      ),
    optimize: (_, job) =>
      Effect.sync(() => {
        counts().jobs++
        counts().bytes += jobBytes(job)
        return OptimizerJob.execute(job)
      })
  })

  /** Every run in the order of runs, its kernels before it. */
  const read = ({ folder, openedIn, runs }: Profiled) => {
    const files = readdirSync(folder)
    if (files.length !== 1) throw new Error(`${folder} holds ${files.length} profiles, expected 1`)
    const events: ReadonlyArray<Event> = JSON.parse(readFileSync(join(folder, files[0]!), "utf8"))
    const nodes = new Set<string>()
    let done = 0
    let waiting: Array<Kernel> = []
    for (const { args, cat, name } of events) {
      if (cat === "Node" && isKernel(args)) {
        waiting.push(args)
        nodes.add(name)
      }
      if (cat !== "Session" || name !== "model_run") continue
      const here = counts(runs[done++])
      for (const kernel of waiting) {
        const { bytes, products } = costOf(kernel)
        here.kernels++
        here.products += products
        here.bytes += bytes
      }
      waiting = []
    }
    if (done !== runs.length || waiting.length > 0) {
      throw new Error(`the profile tells of ${done} runs and ${waiting.length} kernels more, expected ${runs.length}`)
    }
    for (const name of openedIn) counts(name).nodes += nodes.size
  }

  const close = Effect.promise(async () => {
    for (const held of profiled.values()) {
      const each = await held
      each.session.endProfiling()
      read(each)
      await each.session.release()
    }
    rmSync(folders, { recursive: true })
    counted.delete(outside)
    return Object.fromEntries(counted)
  })

  const during: Ledger["during"] = (name, work) => {
    const plain = globalThis.SharedArrayBuffer
    const counting = new Proxy(plain, {
      construct: (target, given, to) => {
        counts(name).shared += Number(given[0] ?? 0)
        return Reflect.construct(target, given, to)
      }
    })
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        current = name
        globalThis.SharedArrayBuffer = counting
      }),
      () => work,
      () =>
        Effect.sync(() => {
          current = outside
          globalThis.SharedArrayBuffer = plain
        })
    )
  }

  return { layer, ledger: { during, close } }
}
