/** Whole sequences through the model: what training, scoring and prefill have in common. */
import {
  add,
  and,
  concat,
  constant,
  equals,
  gather,
  mul,
  or,
  reshape,
  rotary,
  rowPositions,
  scalar,
  slice,
  type Tensor,
  where,
  zeros
} from "../graph/index.ts"
import { attention, causal, joinHeads, MASKED, splitHeads } from "./Attention.ts"
import { type Config, visualWidth } from "./Config.ts"
import { type Attend, decoder } from "./Decoder.ts"
import { groupAttention, type GroupInputs } from "./Groups.ts"
import type { Lookup } from "./Lookup.ts"

/** Inputs of `batch` sequences of `length` tokens; `rows = batch · length`. */
export interface SequenceInputs {
  readonly batch: number
  readonly length: number
  /** int32 `[rows]` */
  readonly tokens: Tensor
  /** int32 `[rows]`: which visual token stands here, or `visual rows` (one past the last) for text. */
  readonly visualIndex: Tensor
  /** `[visual rows, visualWidth]`; absent for text only. */
  readonly visual: Tensor | undefined
  /** float `[rows, headWidth / 2]`, as `sines` */
  readonly cosines: Tensor
  readonly sines: Tensor
  /**
   * int32 `[rows]`: 0 for the prompt, 1, 2, … for candidates that share it, -1 for padding. A token sees earlier tokens
   * of the prompt and of its own candidate, so a group is scored against one copy of its prompt.
   */
  readonly segments: Tensor
  /** Where prompts and candidates stand, if they attend as groups; `segments` is not read then. */
  readonly groups?: GroupInputs | undefined
}

/** What the decoder starts from, and what is added behind its first layers: `[rows, width]` each. */
interface Embedded {
  readonly hidden: Tensor
  readonly added: ReadonlyArray<Tensor>
}

/** Token embeddings with the images' visual tokens in their places. */
const embed = (config: Config, p: Lookup, { tokens, visual, visualIndex }: SequenceInputs): Embedded => {
  const words = gather(p("model.embed_tokens.weight"), tokens)
  if (visual === undefined) return { hidden: words, added: [] }
  const rows = visual.shape[0] as number
  const isText = equals(visualIndex, constant(Int32Array.of(rows), []))
  const keep = reshape(where(isText, scalar(1), scalar(0)), [tokens.shape[0] as number, 1])
  const pictured = gather(concat([visual, zeros([1, visualWidth(config)])], 0), visualIndex)
  const { vision: { deepstack }, width } = config
  if (deepstack.length === 0) return { hidden: add(mul(words, keep), pictured), added: [] }
  const part = (k: number) => slice(pictured, 1, k * width, (k + 1) * width)
  return { hidden: add(mul(words, keep), part(0)), added: deepstack.map((_, k) => part(k + 1)) }
}

/** Additive mask `[batch, 1, length, length]` from segments. */
const segmentBias = ({ batch, length, segments }: SequenceInputs): Tensor => {
  const query = reshape(segments, [batch, 1, length, 1])
  const key = reshape(segments, [batch, 1, 1, length])
  const related = or(equals(key, constant(Int32Array.of(0), [])), equals(key, query))
  return where(and(causal(length), related), scalar(0), scalar(MASKED))
}

/** Keys and values of each layer, `[batch, kvHeads, length, headWidth]`. */
export interface LayerCache {
  readonly keys: Tensor
  readonly values: Tensor
}

/** How the tokens of a sequence attend to each other, and where their keys and values are left. */
const within = (config: Config, inputs: SequenceInputs, cache: Array<LayerCache>): Attend => {
  const { batch, cosines, length, sines } = inputs
  const bias = segmentBias(inputs)
  const positions = rowPositions(batch, length)
  return (_, q, k, v) => {
    const keys = rotary(splitHeads(k, batch, length, config.kvHeads), positions, cosines, sines)
    const values = splitHeads(v, batch, length, config.kvHeads)
    cache.push({ keys, values })
    return joinHeads(
      attention(rotary(splitHeads(q, batch, length, config.heads), positions, cosines, sines), keys, values, bias)
    )
  }
}

/**
 * Final hidden states `[rows, width]`, or of the `wanted` rows alone; each layer's output before the norm, and its keys
 * and values unless sequences attend as groups.
 */
export const sequence = (
  config: Config,
  p: Lookup,
  inputs: SequenceInputs,
  wanted?: Tensor
): { readonly hidden: Tensor; readonly layers: ReadonlyArray<Tensor>; readonly cache: ReadonlyArray<LayerCache> } => {
  const { batch, cosines, groups, sines } = inputs
  const cache: Array<LayerCache> = []
  const layers: Array<Tensor> = []
  const attend = groups === undefined
    ? within(config, inputs, cache)
    : groupAttention(config, batch, cosines, sines, groups)
  const { added, hidden: embedded } = embed(config, p, inputs)
  const hidden = decoder(config, p, embedded, attend, {
    added,
    wanted,
    onLayer: (output) => layers.push(output)
  })
  return { hidden, layers, cache }
}
