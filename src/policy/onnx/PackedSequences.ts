/**
 * Prompts and candidates as rectangular batches of numbers.
 *
 * One packed sequence is a prompt and any number of candidates that share it: candidates restart at the position after
 * the prompt and carry their own segment number, so a group is scored against one copy of its prompt.
 */
import { Distance } from "../../kernels/generate/index.ts"
import type { Image } from "../../kernels/image/Image.ts"
import { type Config, type GroupShape, Rope } from "../../kernels/models/index.ts"
import { HostTensor } from "../../kernels/runtime/index.ts"
import type { EncodedPrompt } from "../chat/Encoder.ts"
import type { AuxiliaryRow } from "./Auxiliary.ts"
import * as GroupSlots from "./GroupSlots.ts"

/** Rows of hidden states after an inner layer, counted from 1. */
export interface InnerRows {
  readonly layer: number
  readonly rows: number
}

/** A token that carries loss or is scored, with what the loss needs to know of it. */
export interface ScoredToken {
  readonly token: number
  readonly weight: number
  readonly advantage: number
  readonly oldLogprob: number
  /** State of the grammar before it; 0 without one. */
  readonly state: number
  /** Tokens that it may need up to the end of the text (`Distance.left`); `Need.unlimited` without a grammar. */
  readonly left: number
}

export interface PackedSequence {
  readonly prompt: EncodedPrompt
  /** Image of each grid. */
  readonly images: ReadonlyArray<Image>
  readonly candidates: ReadonlyArray<ReadonlyArray<ScoredToken>>
  readonly auxiliary?: ReadonlyArray<AuxiliaryRow>
}

/** Tokens of the packed sequence. The last token of a candidate is only predicted, never read, so it is left out. */
export const lengthOf = ({ candidates, prompt }: PackedSequence): number =>
  prompt.tokens.length + candidates.reduce((n, candidate) => n + GroupSlots.read(candidate), 0)

/** Scored tokens of the packed sequence. */
export const rowsOf = ({ auxiliary = [], candidates }: PackedSequence): number =>
  candidates.reduce((n, candidate) => n + candidate.length, 0) +
  auxiliary.filter(({ layer }) => layer === undefined).length

/** Inner layers that carry loss, in order, and on how many rows. */
export const innerRowsOf = (sequences: ReadonlyArray<PackedSequence>): ReadonlyArray<InnerRows> => {
  const rows = new Map<number, number>()
  for (const { auxiliary = [] } of sequences) {
    for (const { layer } of auxiliary) if (layer !== undefined) rows.set(layer, (rows.get(layer) ?? 0) + 1)
  }
  return [...rows].map(([layer, rows]) => ({ layer, rows })).sort((a, b) => a.layer - b.layer)
}

/** Angles by position, grown as longer sequences come. */
export class PositionTable {
  #table: Rope.Angles
  #limit: number
  readonly #config: Config.Config

  constructor(config: Config.Config) {
    this.#config = config
    this.#limit = 256
    this.#table = Rope.positionAngles(config, this.#limit)
  }

  /** A table for positions below `limit`. */
  upTo(limit: number): Rope.Angles {
    if (limit > this.#limit) {
      while (this.#limit < limit) this.#limit *= 2
      this.#table = Rope.positionAngles(this.#config, this.#limit)
    }
    return this.#table
  }
}

export interface BatchShape {
  readonly batch: number
  readonly length: number
  readonly rows: number
  /** Inner layers that carry loss as well. Default: none. */
  readonly inner?: ReadonlyArray<InnerRows>
  readonly visualRows: number
  /** Room for candidates that attend as groups. Default: a sequence is one square of scores. */
  readonly groups?: GroupShape | undefined
}

/** Tensors of one batch; `visual` is filled by whoever has the features. */
export interface Batch {
  readonly shape: BatchShape
  readonly tensors: Record<string, HostTensor.HostTensor>
  /** Images in the order of their visual tokens. */
  readonly images: ReadonlyArray<Image>
  /** For each candidate of each sequence: where its scored tokens start among the rows, and how many. */
  readonly spans: ReadonlyArray<ReadonlyArray<{ readonly start: number; readonly length: number }>>
}

const int32 = (data: Int32Array, ...dims: ReadonlyArray<number>): HostTensor.HostTensor => ({
  dtype: "int32",
  dims,
  data
})
const float32 = (data: Float32Array, ...dims: ReadonlyArray<number>): HostTensor.HostTensor => ({
  dtype: "float32",
  dims,
  data
})

/**
 * Lays sequences out in a batch of the given shape, which must be large enough.
 *
 * @param visualRowOf row of each visual token of the batch, images in order; default one after the other
 * @param memory zeroed
 */
export const layOut = (
  config: Config.Config,
  table: PositionTable,
  sequences: ReadonlyArray<PackedSequence>,
  shape: BatchShape,
  visualRowOf?: Int32Array,
  memory: HostTensor.Shared = HostTensor.shared
): Batch => {
  const { batch, inner: innerLayers = [], length, rows, visualRows } = shape
  const cells = batch * length
  const half = config.headWidth / 2
  const { int32: ints, float32: floats } = memory
  const tokens = ints(cells)
  const segments = ints(cells).fill(-1)
  const visualIndex = ints(cells).fill(visualRows)
  const angles: Rope.Angles = { cosines: floats(cells * half), sines: floats(cells * half) }
  const lossRows = ints(rows)
  const targets = ints(rows)
  const states = ints(rows)
  const left = floats(rows).fill(Distance.Need.unlimited)
  const weights = floats(rows)
  const inner = new Map(
    innerLayers.map((
      { layer, rows }
    ) => [layer, { at: 0, rows: ints(rows), targets: ints(rows), weights: floats(rows) }])
  )
  const advantages = floats(rows)
  const oldLogprobs = floats(rows)
  const images: Array<Image> = []
  const spans: Array<ReadonlyArray<{ readonly start: number; readonly length: number }>> = []
  let row = 0
  let visualToken = 0

  sequences.forEach((sequence, b) => {
    const base = b * length
    const { prompt } = sequence
    const positions = Rope.mropePositions(prompt.tokens, config.imageToken, config.vision.merge, prompt.grids)
    const longest = sequence.candidates.reduce((n, candidate) => Math.max(n, candidate.length), 0)
    const angleTable = table.upTo(positions.next + longest)
    tokens.set(prompt.tokens, base)
    segments.fill(0, base, base + prompt.tokens.length)
    prompt.tokens.forEach((token, i) => {
      if (token !== config.imageToken) return
      visualIndex[base + i] = visualRowOf === undefined ? visualToken : visualRowOf[visualToken]!
      visualToken++
    })
    Rope.writeMropeAngles(config, angleTable, positions, angles, base)
    images.push(...sequence.images)

    let at = prompt.tokens.length
    spans.push(sequence.candidates.map((candidate, c) => {
      const start = row
      candidate.forEach((scored, i) => {
        lossRows[row] = i === 0 ? base + prompt.tokens.length - 1 : base + at + i - 1
        targets[row] = scored.token
        weights[row] = scored.weight
        advantages[row] = scored.advantage
        oldLogprobs[row] = scored.oldLogprob
        states[row] = scored.state
        left[row] = scored.left
        row++
      })
      for (let i = 0; i + 1 < candidate.length; i++) {
        tokens[base + at + i] = candidate[i]!.token
        segments[base + at + i] = c + 1
        const source = (positions.next + i) * half
        const target = (base + at + i) * half
        for (let j = 0; j < half; j++) {
          angles.cosines[target + j] = angleTable.cosines[source + j]!
          angles.sines[target + j] = angleTable.sines[source + j]!
        }
      }
      at += GroupSlots.read(candidate)
      return { start, length: candidate.length }
    }))

    for (const { at, layer, token, weight } of sequence.auxiliary ?? []) {
      const within = layer === undefined ? undefined : inner.get(layer)
      const into = within ?? { rows: lossRows, targets, weights }
      const index = within === undefined ? row++ : within.at++
      into.rows[index] = base + at
      into.targets[index] = token
      into.weights[index] = weight
    }
  })

  return {
    shape,
    images,
    spans,
    tensors: {
      tokens: int32(tokens, cells),
      segments: int32(segments, cells),
      visualIndex: int32(visualIndex, cells),
      cosines: float32(angles.cosines, cells, half),
      sines: float32(angles.sines, cells, half),
      lossRows: int32(lossRows, rows),
      targets: int32(targets, rows),
      states: int32(states, rows),
      left: float32(left, rows),
      weights: float32(weights, rows),
      advantages: float32(advantages, rows),
      oldLogprobs: float32(oldLogprobs, rows),
      ...(shape.groups && GroupSlots.tensors(sequences, batch, length, shape.groups, ints)),
      ...Object.fromEntries([...inner].flatMap(([layer, { rows, targets, weights }]) => [
        [`inner${layer}Rows`, int32(rows, rows.length)],
        [`inner${layer}Targets`, int32(targets, rows.length)],
        [`inner${layer}Weights`, float32(weights, rows.length)]
      ]))
    }
  }
}
