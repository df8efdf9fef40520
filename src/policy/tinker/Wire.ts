/**
 * What travels between this process and an engine that speaks the Tinker protocol, independent of how it is spelled on
 * the wire (`Protobuf`, `Json`).
 *
 * Source: the `tinker` SDK 0.38 (Apache-2.0), its `tinker_public.proto` and types.
 */

/** A piece of a prompt. */
export type Chunk =
  | { readonly type: "text"; readonly tokens: Int32Array }
  | {
    readonly type: "image"
    /** An encoded file. */
    readonly data: Uint8Array
    readonly format: "png" | "jpeg"
    /** Visual tokens that the engine is to make of it; 0 or less: it is not told. */
    readonly tokens: number
  }

/** One-dimensional: all that a loss asks for has a number per token. */
export type Tensor =
  | { readonly dtype: "float32"; readonly data: Float32Array }
  | { readonly dtype: "int64"; readonly data: Int32Array }

/** A sequence with what a loss needs to know of each of its tokens. */
export interface Datum {
  readonly chunks: ReadonlyArray<Chunk>
  /** By name; each as long as the sequence, visual tokens included. */
  readonly inputs: Readonly<Record<string, Tensor>>
}

/** Losses of the protocol that are used here. */
export type LossFn = "cross_entropy" | "importance_sampling" | "ppo"

/** A loss of the protocol with its settings. */
export interface EngineLoss {
  readonly lossFn: LossFn
  /** Numbers by name, such as the bounds of ppo; absent: none. */
  readonly config?: Readonly<Record<string, number>> | undefined
}

/** A forward pass, and a backward one unless `forwardOnly`. */
export interface ForwardBackward extends EngineLoss {
  readonly modelId: string
  /** Counts a model's requests from 1: the same number with the same content is the same request. */
  readonly seqId: number
  readonly data: ReadonlyArray<Datum>
  readonly forwardOnly: boolean
}

/** What a pass tells. */
export interface Passed {
  /** A number per token, by datum. */
  readonly logprobs: ReadonlyArray<Float32Array>
  readonly metrics: Readonly<Record<string, number>>
}

/** A text that was drawn. */
export interface Sequence {
  readonly stop: "stop" | "length"
  readonly tokens: Int32Array
  /** Absent where the engine tells none. */
  readonly logprobs: Float32Array | undefined
}

/** Texts drawn behind one prompt. */
export interface Sampled {
  readonly sequences: ReadonlyArray<Sequence>
}

/** Positions that a chunk takes in a sequence. */
export const lengthOf = (chunk: Chunk): number => chunk.type === "text" ? chunk.tokens.length : chunk.tokens

/** Tokens of a sequence, visual ones included. */
export const lengthOfAll = (chunks: ReadonlyArray<Chunk>): number => chunks.reduce((n, chunk) => n + lengthOf(chunk), 0)

/** About how many bytes a datum takes on the wire. */
export const bytesOf = ({ chunks, inputs }: Datum): number =>
  chunks.reduce((n, chunk) => n + (chunk.type === "text" ? 4 * chunk.tokens.length : chunk.data.length) + 16, 0) +
  Object.values(inputs).reduce((n, { data, dtype }) => n + (dtype === "int64" ? 8 : 4) * data.length + 48, 0)

/** Cuts an update into requests that the engine takes. */
export const cut = (
  data: ReadonlyArray<Datum>,
  limit: { readonly data: number; readonly bytes: number }
): ReadonlyArray<ReadonlyArray<Datum>> => {
  const requests: Array<Array<Datum>> = []
  let bytes = 0
  for (const datum of data) {
    const size = bytesOf(datum)
    const last = requests.at(-1)
    if (last === undefined || last.length >= limit.data || bytes + size > limit.bytes) {
      requests.push([datum])
      bytes = size
    } else {
      last.push(datum)
      bytes += size
    }
  }
  return requests
}
