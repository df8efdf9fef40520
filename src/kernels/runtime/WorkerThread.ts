/**
 * One worker thread seen from the main thread: a queue of requests, each an Effect.
 *
 * Interrupting a request that still waits withdraws it at once. Interrupting one that runs waits for the run to end,
 * because until then the worker may write into the caller's shared buffers.
 */
import { Effect, type Scope } from "effect"
import { Worker } from "node:worker_threads"
import { entry } from "./Built.ts"
import { type HostData, type HostTensor, isShared } from "./HostTensor.ts"
import { type Body, Gate, operation, type Reply, type Request, type Value, type WorkerData } from "./Protocol.ts"
import { RuntimeError } from "./RuntimeError.ts"
import * as SystemFault from "./SystemFault.ts"
import { warn } from "./Warning.ts"

export interface WorkerThread {
  /** Queues a request; its value is the worker's. Requests of one thread run one at a time, in order. */
  readonly submit: (body: Body) => Effect.Effect<Value, RuntimeError>
  /** False once the thread has ended, for whatever reason. */
  readonly alive: () => boolean
}

export interface Options extends WorkerData {
  /** File the thread runs; `worker.ts` of this folder unless given. */
  readonly entry?: URL
}

interface Pending {
  readonly request: Request
  readonly resume: (result: Effect.Effect<Value, RuntimeError>) => void
}

interface Thread extends WorkerThread {
  readonly close: Effect.Effect<void>
}

/** Buffers handed over with a message instead of being copied by it. */
type Transfer = Array<ArrayBuffer>

/** A private copy to hand over: structured clone of a view would copy the whole buffer under it. */
const bytes = (data: Uint8Array, transfer: Transfer): Uint8Array => {
  if (isShared(data)) return data
  const copy = new Uint8Array(data)
  transfer.push(copy.buffer)
  return copy
}

const hostData = (data: HostData, transfer: Transfer): HostData => {
  if (data instanceof Uint8Array) return bytes(data, transfer)
  if (isShared(data)) return data
  const copy = data.slice()
  transfer.push(copy.buffer)
  return copy
}

const tensors = (given: Readonly<Record<string, HostTensor>>, transfer: Transfer): Record<string, HostTensor> => {
  const out: Record<string, HostTensor> = {}
  for (const [name, { data, dims, dtype }] of Object.entries(given)) {
    out[name] = { dtype, dims, data: hostData(data, transfer) }
  }
  return out
}

const sendable = (body: Body, transfer: Transfer): Body => {
  switch (body._tag) {
    case "Open": {
      const { bound, externalData, outputs, ...options } = body.options
      return {
        ...body,
        model: bytes(body.model, transfer),
        options: {
          ...options,
          ...(bound === undefined ? {} : { bound: tensors(bound, transfer) }),
          ...(outputs === undefined ? {} : { outputs: tensors(outputs, transfer) }),
          ...(externalData === undefined
            ? {}
            : { externalData: externalData.map(({ data, path }) => ({ path, data: bytes(data, transfer) })) })
        }
      }
    }
    case "Run":
      return { ...body, feeds: tensors(body.feeds, transfer) }
    default:
      return body
  }
}

const withdraw = ({ gate }: Request): boolean =>
  Atomics.compareExchange(gate, 0, Gate.waiting, Gate.withdrawn) === Gate.waiting

/**
 * A worker makes few objects of its own, so its collector would seldom run; but every run leaves it with handles on
 * tensors, which are freed with the last handle. A small nursery is collected often.
 */
const NURSERY_MIB = 1

const start = (options: Options) =>
  Effect.callback<Thread, RuntimeError>((resumeStart) => {
    const worker = new Worker(options.entry ?? entry("worker"), {
      workerData: { threads: options.threads, device: options.device, keep: options.keep ?? 0 } satisfies WorkerData,
      resourceLimits: { maxYoungGenerationSizeMb: NURSERY_MIB }
    })
    const pending = new Map<number, Pending>()
    const exitListeners = new Set<() => void>()
    let nextId = 0
    let crash: string | undefined
    let ended: string | undefined
    let closing = false

    const fail = (body: Body, reason: string) => Effect.fail(new RuntimeError({ operation: operation(body), reason }))

    const post = (body: Body, resume: Pending["resume"]): Request | undefined => {
      if (ended !== undefined) {
        resume(fail(body, ended))
        return undefined
      }
      const transfer: Transfer = []
      const request: Request = {
        id: nextId++,
        gate: new Int32Array(new SharedArrayBuffer(4)),
        body: sendable(body, transfer)
      }
      pending.set(request.id, { request, resume })
      try {
        worker.postMessage(request, transfer)
      } catch (cause) {
        pending.delete(request.id)
        resume(fail(body, `the request cannot be sent to its worker: ${cause}`))
      }
      return request
    }

    const submit = (body: Body) =>
      Effect.callback<Value, RuntimeError>((resume) => {
        if (closing) return resume(fail(body, "the runtime is closed"))
        const request = post(body, resume)
        if (request === undefined) return
        return Effect.callback<void>((interrupted) => {
          if (!pending.has(request.id)) return interrupted(Effect.void)
          if (withdraw(request)) {
            pending.delete(request.id)
            return interrupted(Effect.void)
          }
          // Its result, or its failure, is of no use to anybody any more.
          pending.set(request.id, { request, resume: () => interrupted(Effect.void) })
        })
      })

    const exited = Effect.callback<void>((resume) => {
      if (ended !== undefined) return resume(Effect.void)
      exitListeners.add(() => resume(Effect.void))
    })

    const close = Effect.suspend(() => {
      closing = true
      // From the last to the first: the worker goes on meanwhile, and what it still runs must precede what it does not.
      for (const [id, { request, resume }] of [...pending].reverse()) {
        if (!withdraw(request)) continue
        pending.delete(id)
        resume(fail(request.body, "the runtime was closed before it began"))
      }
      if (ended !== undefined) return Effect.void
      return Effect.callback<Value, RuntimeError>((resume) => void post({ _tag: "Close" }, resume)).pipe(
        // The crash of a worker has been reported by the requests it took with it.
        Effect.catch((error) => warn(error.message)),
        Effect.andThen(exited)
      )
    })

    worker.on("message", (reply: Reply) => {
      if (reply._tag === "Ready") {
        return resumeStart(Effect.succeed({ submit, close, alive: () => ended === undefined }))
      }
      const entry = pending.get(reply.id)
      if (entry === undefined) return
      pending.delete(reply.id)
      entry.resume(reply._tag === "Success" ? Effect.succeed(reply.value) : fail(entry.request.body, reply.reason))
    })
    worker.on("messageerror", (cause) => {
      // Answers come in the order of requests, so it was the oldest one's.
      for (const [id, { request, resume }] of pending) {
        pending.delete(id)
        return resume(fail(request.body, `the worker's answer could not be read: ${cause.message}`))
      }
    })
    worker.on("error", (cause) => {
      crash = SystemFault.words(cause)
    })
    worker.on("exit", (code) => {
      ended = closing
        ? "the runtime is closed"
        : `the worker thread ended with code ${code}${crash ? `: ${crash}` : ""}`
      for (const { request, resume } of pending.values()) resume(fail(request.body, ended))
      pending.clear()
      // Nothing happens when the worker had been ready.
      resumeStart(Effect.fail(new RuntimeError({ operation: "open", reason: ended })))
      for (const listener of exitListeners) listener()
    })
  })

/** Starts a thread and waits until onnxruntime is loaded in it. The scope closes it as `Runtime` describes. */
export const make = (options: Options): Effect.Effect<WorkerThread, RuntimeError, Scope.Scope> =>
  Effect.acquireRelease(start(options), (thread) => thread.close)
