/**
 * Entry of a worker thread: owns onnxruntime sessions and takes requests one at a time, in order.
 *
 * `session.run` blocks its thread and a thread killed inside it aborts the process, so a worker ends only by itself,
 * when it is told to close. This file runs in a bare Node thread: no Effect runtime here.
 *
 * Resident tensors never leave the worker: a run keeps some of its outputs in a state, a later one finds them there. On
 * a GPU they stay in its memory.
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads"
import { env, InferenceSession, Tensor } from "onnxruntime-node"
import * as HostTensor from "./HostTensor.ts"
import * as KeptSessions from "./KeptSessions.ts"
import * as OptimizerJob from "./OptimizerJob.ts"
import {
  type Body,
  Gate,
  type Reply,
  type Request,
  type SessionOptions,
  type Value,
  type WorkerData
} from "./Protocol.ts"
import { release } from "./release.ts"

interface Opened {
  readonly session: InferenceSession
  /** Under which it is kept when it is released. */
  readonly key: string | undefined
  readonly inputs: ReadonlyMap<string, InferenceSession.ValueMetadata>
  readonly outputs: ReadonlyMap<string, InferenceSession.ValueMetadata>
  /** Inputs each run has to bring. */
  readonly varying: ReadonlyArray<string>
  readonly bound: Readonly<Record<string, Tensor>>
  readonly preallocated: Readonly<Record<string, Tensor>>
  /** The input that each resident output is for. */
  readonly resident: Readonly<Record<string, string>>
}

if (parentPort === null) throw new Error("worker.ts is the entry of a worker thread")
const port = parentPort
const { device, keep = 0, threads } = workerData as WorkerData
// Otherwise onnxruntime warns about missing GPUs on stderr.
env.logLevel = "error"

const sessions = new Map<number, Opened>()
const kept = KeptSessions.make(keep)
/** Resident tensors by state and by the input they are for. */
const states = new Map<number, Map<string, Tensor>>()
const queue: Array<Request> = []
let busy = false

const list = (names: Iterable<string>): string => [...names].join(", ") || "none"

/** A checked onnxruntime tensor over the same bytes. */
const toTensor = (
  kind: "input" | "output",
  name: string,
  tensor: HostTensor.HostTensor,
  declared: ReadonlyMap<string, InferenceSession.ValueMetadata>
): Tensor => {
  const expected = declared.get(name)
  if (expected === undefined) throw new Error(`the model has no ${kind} "${name}"; it has ${list(declared.keys())}`)
  const checked = HostTensor.make(tensor.dtype, tensor.dims, tensor.data)
  if (typeof checked === "string") throw new Error(`${kind} "${name}": ${checked}`)
  if (expected.isTensor) {
    // A size the model leaves symbolic accepts anything.
    const fits = expected.type === tensor.dtype && expected.shape.length === tensor.dims.length &&
      expected.shape.every((d, i) => typeof d === "string" || d === tensor.dims[i])
    if (!fits) {
      throw new Error(
        `${kind} "${name}" is ${tensor.dtype} [${tensor.dims}], the model expects ${expected.type} [${expected.shape}]`
      )
    }
  }
  return new Tensor(tensor.dtype, tensor.data, tensor.dims)
}

const toTensors = (
  kind: "input" | "output",
  tensors: Readonly<Record<string, HostTensor.HostTensor>>,
  declared: ReadonlyMap<string, InferenceSession.ValueMetadata>
): Record<string, Tensor> => {
  const out: Record<string, Tensor> = {}
  for (const name in tensors) out[name] = toTensor(kind, name, tensors[name]!, declared)
  return out
}

const create = (model: Uint8Array, options: SessionOptions): Promise<InferenceSession> =>
  InferenceSession.create(model, {
    // Arenas keep the peak of every shape for ever: gigabytes over a run. Without them speed is the same within noise.
    enableCpuMemArena: false,
    // A pattern is one block a run, fresh from the system each time: a quarter of a small training step in page faults.
    enableMemPattern: false,
    // An empty list is refused.
    executionProviders: [
      device === "webgpu" && options.onHost?.length ? { name: device, forceCpuNodeNames: options.onHost } : device
    ],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: options.optimization ?? "all",
    logSeverityLevel: 3,
    ...(options.externalData === undefined ? {} : { externalData: options.externalData }),
    // Only the WebGPU binding can leave an output where it is; elsewhere it comes back and is fed again.
    ...(options.resident === undefined || device !== "webgpu"
      ? {}
      : {
        preferredOutputLocation: Object.fromEntries(
          Object.keys(options.resident).map((name) => [name, "gpu-buffer" as const])
        )
      }),
    extra: {
      session: {
        // A spinning pool takes the core that another worker wants.
        intra_op: { allow_spinning: "0" },
        ...(options.prepack === false ? { disable_prepacking: "1" } : {}),
        ...(options.modelFolder === undefined
          ? {}
          : { model_external_initializers_file_folder_path: options.modelFolder })
      }
    }
  })

const open = async (id: number, model: Uint8Array, options: SessionOptions): Promise<void> => {
  const key = keep === 0 ? undefined : KeptSessions.keyOf(model, options)
  const session = kept.take(key) ?? await create(model, options)
  try {
    const inputs = new Map(session.inputMetadata.map((metadata) => [metadata.name, metadata]))
    const outputs = new Map(session.outputMetadata.map((metadata) => [metadata.name, metadata]))
    const bound = toTensors("input", options.bound ?? {}, inputs)
    sessions.set(id, {
      session,
      key,
      inputs,
      outputs,
      varying: session.inputNames.filter((name) => !(name in bound)),
      bound,
      preallocated: toTensors("output", options.outputs ?? {}, outputs),
      resident: options.resident ?? {}
    })
  } catch (cause) {
    await session.release()
    throw cause
  }
}

/**
 * onnxruntime hands out what it wrote into a preallocated output once more, in a copy that nobody reads: the collector
 * would leave some sixty megabytes of them lying about before it comes.
 */
const discard = (copy: Tensor["data"] | undefined): void => {
  if (ArrayBuffer.isView(copy)) release(copy)
}

const run = async (
  opened: Opened,
  given: Readonly<Record<string, HostTensor.HostTensor>>,
  fetches: ReadonlyArray<string>,
  state: number | undefined
): Promise<Record<string, HostTensor.HostTensor>> => {
  const { bound, inputs, outputs, preallocated, resident, session, varying } = opened
  const held = state === undefined ? undefined : states.get(state) ?? new Map<string, Tensor>()
  // Of this run alone: what a session holds on to grows old, and the collector seldom looks at what is old.
  const feeds: Record<string, Tensor> = { ...bound }
  for (const name in given) {
    if (inputs.has(name) && !varying.includes(name)) {
      throw new Error(`input "${name}" was bound when the model was opened`)
    }
    feeds[name] = toTensor("input", name, given[name]!, inputs)
  }
  for (const name of varying) {
    if (name in given) continue
    const there = held?.get(name)
    if (there === undefined) throw new Error(`input "${name}" is missing; a run takes ${list(varying)}`)
    feeds[name] = there
  }
  const wanted: Record<string, Tensor | null> = { ...preallocated }
  for (const name of fetches) {
    if (!outputs.has(name)) throw new Error(`the model has no output "${name}"; it has ${list(outputs.keys())}`)
    if (!(name in preallocated)) wanted[name] = null
  }
  for (const name in resident) {
    if (!outputs.has(name)) throw new Error(`the model has no output "${name}"; it has ${list(outputs.keys())}`)
    if (held === undefined) throw new Error(`output "${name}" stays in the worker; give the run a state to keep it in`)
    wanted[name] = null
  }
  if (Object.keys(wanted).length === 0) {
    throw new Error(`the run fetches no output; the model has ${list(outputs.keys())}`)
  }
  const results = await session.run(feeds, wanted)
  for (const name in preallocated) discard(results[name]?.data)
  if (state !== undefined && held !== undefined) {
    states.set(state, held)
    for (const [output, input] of Object.entries(resident)) {
      const result = results[output]
      if (result === undefined) continue
      held.get(input)?.dispose()
      held.set(input, result)
    }
  }
  const fresh: Record<string, HostTensor.HostTensor> = {}
  for (const name of fetches) {
    const result = results[name]
    if (result === undefined || name in preallocated || name in resident) continue
    const tensor = HostTensor.make(result.type, result.dims, result.data)
    if (typeof tensor === "string") throw new Error(`output "${name}": ${tensor}`)
    fresh[name] = tensor
  }
  return fresh
}

const session = (id: number): Opened => {
  const opened = sessions.get(id)
  if (opened === undefined) throw new Error("the session is closed")
  return opened
}

const forget = (id: number): void => {
  for (const tensor of states.get(id)?.values() ?? []) tensor.dispose()
  states.delete(id)
}

const close = async (id: number): Promise<void> => {
  const { key, session: opened } = session(id)
  sessions.delete(id)
  await kept.keep(key, opened)
}

const handle = async (body: Body): Promise<Value> => {
  switch (body._tag) {
    case "Open":
      return open(body.session, body.model, body.options)
    case "Run":
      return run(session(body.session), body.feeds, body.fetches, body.state)
    case "Optimize":
      return OptimizerJob.execute(body.job)
    case "Release":
      return close(body.session)
    case "Forget":
      return forget(body.state)
    case "Close":
      // The GPU's provider needs its tensors gone before its sessions.
      for (const id of [...states.keys()]) forget(id)
      for (const id of [...sessions.keys()]) await close(id)
      return kept.release()
  }
}

/** Buffers to hand over rather than copy. */
const transferable = (value: Value): Array<ArrayBuffer> =>
  typeof value === "object"
    ? [...new Set(Object.values(value).map(({ data }) => data.buffer))].filter((buffer) =>
      buffer instanceof ArrayBuffer
    )
    : []

const answer = async ({ body, id }: Request): Promise<void> => {
  let reply: Reply
  let transfer: Array<ArrayBuffer> = []
  try {
    const value = await handle(body)
    reply = { _tag: "Success", id, value }
    transfer = transferable(value)
  } catch (cause) {
    reply = { _tag: "Failure", id, reason: cause instanceof Error ? cause.message : String(cause) }
  }
  port.postMessage(reply, transfer)
  if (body._tag === "Close") port.close()
}

const pump = async (): Promise<void> => {
  if (busy) return
  busy = true
  for (let request = queue.shift(); request !== undefined; request = queue.shift()) {
    if (Atomics.compareExchange(request.gate, 0, Gate.waiting, Gate.started) === Gate.waiting) await answer(request)
    // Takes what arrived during the run without waiting for the event loop to come round.
    for (let more = receiveMessageOnPort(port); more !== undefined; more = receiveMessageOnPort(port)) {
      queue.push(more.message)
    }
  }
  busy = false
}

port.on("message", (request: Request) => {
  queue.push(request)
  void pump()
})
port.on("messageerror", (cause) => {
  throw cause
})
port.postMessage({ _tag: "Ready" } satisfies Reply)
