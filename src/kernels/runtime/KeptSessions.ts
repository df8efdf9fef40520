/**
 * Sessions that nobody uses at present, for whoever opens the same graph next: a session of a training graph takes
 * longer to open than to run. Nothing of a run stays in one; bound inputs and outputs are not the session's.
 */
import { createHash } from "node:crypto"
import type { InferenceSession } from "onnxruntime-node"
import type { SessionOptions } from "./Protocol.ts"

export interface KeptSessions {
  /** A session of this graph that is taken from those that are kept. */
  readonly take: (key: string | undefined) => InferenceSession | undefined
  /** Keeps a session; the one that has waited longest goes where there are too many. */
  readonly keep: (key: string | undefined, session: InferenceSession) => Promise<void>
  readonly release: () => Promise<void>
}

/** What is the worker's and not the session's: what a run brings, and where its results go. */
type OfRuns = "bound" | "outputs"
type Weights = "externalData" | "modelFolder"

/** What sessions have in common that do the same; undefined for one that holds weights, which go out of date. */
export const keyOf = (model: Uint8Array, options: SessionOptions): string | undefined => {
  const { externalData, modelFolder, onHost = [], optimization = "all", prepack = true, resident = {} } = options
  if (externalData !== undefined || modelFolder !== undefined) return undefined
  // Which input a resident output is for is the worker's to know.
  const made = { onHost, optimization, prepack, resident: Object.keys(resident).toSorted() } satisfies Record<
    Exclude<keyof SessionOptions, OfRuns | Weights>,
    unknown
  >
  return createHash("sha256").update(JSON.stringify(made)).update(model).digest("hex")
}

/** @param most how many are kept */
export const make = (most: number): KeptSessions => {
  const kept: Array<{ readonly key: string; readonly session: InferenceSession }> = []
  return {
    take: (key) => {
      const at = kept.findLastIndex((each) => each.key === key)
      return at < 0 ? undefined : kept.splice(at, 1)[0]?.session
    },
    keep: async (key, session) => {
      if (key === undefined || most === 0) return session.release()
      kept.push({ key, session })
      if (kept.length > most) await kept.shift()?.session.release()
    },
    release: async () => {
      for (const { session } of kept.splice(0)) await session.release()
    }
  }
}
