/** Messages between a runtime and one of its worker threads. Every request gets one reply, in the order of requests. */
import type { Device } from "./Device.ts"
import type { HostTensor } from "./HostTensor.ts"
import type { Job } from "./OptimizerJob.ts"
import type { RuntimeError } from "./RuntimeError.ts"

/** How a model is opened. */
export interface SessionOptions {
  /** Files the model names as external data, given as bytes. onnxruntime copies them while it opens. */
  readonly externalData?: ReadonlyArray<{ readonly path: string; readonly data: Uint8Array }>
  /** Folder in which external data paths of the model are looked up. */
  readonly modelFolder?: string
  /**
   * Default true. False keeps weights of external data mapped from their file instead of repacked in private memory:
   * all sessions share the pages, and products with 8 to 64 rows cost 1.2 to 2.1 times as much.
   */
  readonly prepack?: boolean
  /** Graph optimisation. Default "all". */
  readonly optimization?: "all" | "basic" | "disabled"
  /** Names of nodes that stay on the CPU where the rest runs on a webgpu device. */
  readonly onHost?: ReadonlyArray<string>
  /** Inputs that every run uses. Sent once: shared memory stays live, other arrays are frozen as they are now. */
  readonly bound?: Readonly<Record<string, HostTensor>>
  /** Outputs that every run writes into these shared buffers; none that is resident. */
  readonly outputs?: Readonly<Record<string, HostTensor>>
  /** Outputs that stay in the worker, on its device, and the input they are for in a later run with the same state. */
  readonly resident?: Readonly<Record<string, string>>
}

export type Body =
  | { readonly _tag: "Open"; readonly session: number; readonly model: Uint8Array; readonly options: SessionOptions }
  | {
    readonly _tag: "Run"
    readonly session: number
    readonly feeds: Readonly<Record<string, HostTensor>>
    readonly fetches: ReadonlyArray<string>
    /** Where resident outputs go and inputs that are not fed come from. */
    readonly state?: number
  }
  | { readonly _tag: "Optimize"; readonly job: Job }
  | { readonly _tag: "Release"; readonly session: number }
  /** Drops what a state holds. */
  | { readonly _tag: "Forget"; readonly state: number }
  /** Releases every session and ends the thread. */
  | { readonly _tag: "Close" }

/** States of `Request.gate[0]`. Whoever moves it away from `waiting` owns the request. */
export const Gate = { waiting: 0, started: 1, withdrawn: 2 } as const

export interface Request {
  readonly id: number
  /** One shared word, so that a request still in the queue can be withdrawn while the worker is inside a run. */
  readonly gate: Int32Array<SharedArrayBuffer>
  readonly body: Body
}

export type Value = void | number | Readonly<Record<string, HostTensor>>

export type Reply =
  /** First message of a worker: onnxruntime is loaded. */
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Success"; readonly id: number; readonly value: Value }
  | { readonly _tag: "Failure"; readonly id: number; readonly reason: string }

/** The operation a failure of this request is reported under. */
export const operation = (body: Body): RuntimeError["operation"] => {
  switch (body._tag) {
    case "Open":
      return "open"
    case "Run":
      return "run"
    case "Optimize":
      return "optimize"
    case "Release":
    case "Forget":
    case "Close":
      return "close"
  }
}

/** What a new worker is told. */
export interface WorkerData {
  /** Threads inside one operator of onnxruntime. */
  readonly threads: number
  readonly device: Device
  /** How many sessions are kept when they are released. Default 0. */
  readonly keep?: number
}
