/** How a decoding session holds the model's weights: fed to every run, mapped from a file, or packed into it. */
import type { OnnxWriter } from "../../kernels/graph/index.ts"
import type { PolicyContext } from "./Context.ts"
import * as MappedWeights from "./MappedWeights.ts"
import type { SessionSpec } from "./SessionCache.ts"

/** File name by which the initializers of prepacked programs refer to the store. */
const STORE = "weights"

/** How the weights come to a session. */
export interface Storage extends Pick<SessionSpec, "mapped" | "prepacked"> {
  /** Part of the key of the session: packed or not are two programs. */
  readonly key: string
  readonly initializers: NonNullable<OnnxWriter.WriteOptions["initializers"]>
}

/** Fewer tokens than this do not pay for opening a session with its weights prepacked. */
const LEAST_TOKENS = 24

/** Whether so many weights become part of the session that decodes so many tokens. */
export const isPrepacked = (weights: number, tokens: number, [least, most]: readonly [number, number]): boolean =>
  tokens >= LEAST_TOKENS && weights >= least && weights <= most

/**
 * Weights made part of the decoding session, in the layout its products read fastest. It pays for itself where a step
 * is bound by reading the weights (not at toy width) and the session, opened again for every version, decodes long
 * enough.
 */
export const of = (
  { model: { adapter, mapped, store }, packFrom, version }: PolicyContext,
  maxTokens: number
): Storage => {
  if (mapped !== undefined) {
    const prepacked = MappedWeights.prepacked(mapped)
    return {
      key: "",
      initializers: mapped.frozen.initializers,
      ...MappedWeights.session(mapped, prepacked !== undefined),
      ...(prepacked && { prepacked })
    }
  }
  if (!isPrepacked(store.data.length, maxTokens, packFrom)) return { key: "", initializers: new Map() }
  const initializers = new Map(
    [...store.slices.values()].map((
      { length, name, offset }
    ) => [name, { location: STORE, offset: offset * 4, length: length * 4, dtype: "f32" as const }])
  )
  return {
    key: " prepacked",
    initializers,
    // Beside an adapter the prepacked weights never change.
    prepacked: {
      version: adapter === undefined ? version() : 0,
      externalData: [{ path: STORE, data: new Uint8Array(store.data.buffer) }]
    }
  }
}
