/** Drafts as batches: encoded, long groups cut, sorted by length, dealt to the workers. */
import { Effect } from "effect"
import type { Grammar } from "../generate/index.ts"
import { HostTensor } from "../runtime/index.ts"
import type { Programs } from "../train/index.ts"
import { type PolicyContext, roundUp, withFeatures, withPatches } from "./Context.ts"
import type { EncodedPrompt } from "./Encoder.ts"
import type { Features, Patches } from "./Images.ts"
import type { Prompt } from "./Policy.ts"
import { type Batch, layOut, lengthOf, type PackedSequence, rowsOf, type ScoredToken } from "./Sequences.ts"

/** A sequence before its prompt is encoded. */
export interface Draft {
  readonly prompt: Prompt
  readonly candidates: ReadonlyArray<ReadonlyArray<ScoredToken>>
  readonly visual?: PackedSequence["visual"]
  /** The distribution its tokens are scored under. */
  readonly temperature: number
  readonly grammar: Grammar | undefined
}

/** One batch of sequences that share grid, temperature and format mask. */
export interface PreparedBatch {
  readonly batch: Batch
  readonly worker: number
  /** Which draft each sequence is of, and with which of its candidates it begins. */
  readonly origins: ReadonlyArray<{ readonly index: number; readonly first: number }>
  readonly temperature: number
  readonly grammar: Grammar | undefined
}

/** Encoded sequences cut into batches, with what their images need. */
export interface Prepared {
  readonly batches: ReadonlyArray<PreparedBatch>
  readonly feeds: (batch: Batch) => Record<string, HostTensor.HostTensor>
  readonly visual: (batch: Batch) => Programs.BatchShape["visual"]
}

/** Cuts a group's candidates into runs that fit the limit together with their prompt, which each run repeats; at least one in each. */
const cut = (sequence: PackedSequence, limit: number): ReadonlyArray<{ readonly sequence: PackedSequence; readonly first: number }> => {
  const parts: Array<{ sequence: PackedSequence; first: number }> = []
  const { visual, ...plain } = sequence
  sequence.candidates.forEach((candidate, first) => {
    const last = parts.at(-1)
    const grown = last === undefined ? undefined : { ...last.sequence, candidates: [...last.sequence.candidates, candidate] }
    if (last !== undefined && grown !== undefined && lengthOf(grown) <= limit) last.sequence = grown
    else parts.push({ sequence: { ...(first === 0 ? sequence : plain), candidates: [candidate] }, first })
  })
  return parts.length === 0 ? [{ sequence, first: 0 }] : parts
}

/** Places in a batch for so many sequences: few sizes, so that few graphs are compiled. */
const places = (sequences: number): number => sequences <= 2 ? sequences : roundUp(sequences, 4)

/** Sorts by length, cuts into micro-batches and deals them there and back, so that workers get like amounts. */
export const prepare = Effect.fnUntraced(function*(context: PolicyContext, drafts: ReadonlyArray<Draft>, throughTower: boolean) {
  const prompts = drafts.map(({ prompt }) => prompt)
  const { encoded, known } = throughTower
    ? yield* Effect.map(withPatches(context, prompts), ({ encoded, patches }) => ({ encoded, known: patches as ReadonlyMap<string, Features | Patches> }))
    : yield* Effect.map(withFeatures(context, prompts), ({ encoded, features }) => ({ encoded, known: features as ReadonlyMap<string, Features | Patches> }))
  const { config } = context.model
  const sequences = drafts.flatMap(({ candidates, grammar, prompt, temperature, visual }, index) => {
    const whole: PackedSequence = {
      prompt: encoded[index] as EncodedPrompt,
      images: prompt.images.map(({ id }) => id),
      candidates,
      ...(visual && { visual })
    }
    // The tower runs on one grid at a time; ready-made tokens mix freely.
    const grid = throughTower ? whole.prompt.grids.map((grid) => grid.join("×"))[0] ?? "none" : "any"
    return cut(whole, context.microTokens).map(({ first, sequence }) => (
      { sequence, index, first, length: lengthOf(sequence), temperature, grammar, group: `${grid}|${temperature}|${grammar?.id ?? ""}` }))
  })
  const groups = Map.groupBy(sequences, ({ group }) => group)
  const { workers } = context.runtime
  const batches = [...groups.values()].flatMap((group) => {
    const sorted = group.toSorted((a, b) => a.length - b.length || a.index - b.index || a.first - b.first)
    const count = Math.max(Math.ceil(sorted.length / context.microBatch), Math.min(workers, sorted.length))
    const longest = roundUp(sorted.at(-1)?.length ?? 1, 16)
    const each = Math.min(Math.ceil(sorted.length / count), Math.max(1, Math.floor(context.microTokens / longest)))
    const size = places(each) * longest > context.microTokens ? each : places(each)
    return Array.from({ length: Math.ceil(sorted.length / each) }, (_, i) => ({ size, items: sorted.slice(i * each, (i + 1) * each) }))
  }).map(({ items, size }, i) => {
    const length = roundUp(items.reduce((n, item) => Math.max(n, item.length), 1), 16)
    const rows = roundUp(items.reduce((n, { sequence }) => n + rowsOf(sequence), 1), 128)
    const images = items.reduce((n, { sequence }) => n + sequence.images.length, 0)
    const tokens = items.reduce((n, { sequence }) => n + sequence.prompt.tokens.filter((t) => t === config.imageToken).length, 0)
    const visualRows = tokens === 0 ? 0 : throughTower ? tokens / images * imageSlots(images) : roundUp(tokens, 64)
    const turn = Math.floor(i / workers)
    return {
      batch: layOut(config, context.positions, items.map(({ sequence }) => sequence), { batch: size, length, rows, visualRows }),
      worker: turn % 2 === 0 ? i % workers : workers - 1 - i % workers,
      origins: items.map(({ first, index }) => ({ index, first })),
      temperature: items[0]?.temperature ?? 1,
      grammar: items[0]?.grammar
    }
  })

  const prepared: Prepared = {
    batches,
    visual: (batch) => {
      if (batch.images.length === 0) return { kind: "none" }
      if (!throughTower) return { kind: "features", rows: batch.shape.visualRows }
      const grid = known.get(batch.images[0] ?? "")?.grid ?? [1, 1, 1]
      return { kind: "pixels", images: imageSlots(batch.images.length), grid }
    },
    feeds: (batch) => ({ ...batch.tensors, ...visualFeed(context, batch, known, throughTower) })
  }
  return prepared
})

/** Images a tower run has room for. */
const imageSlots = places

const visualFeed = (
  { model: { config } }: PolicyContext, batch: Batch, known: ReadonlyMap<string, Features | Patches>, throughTower: boolean
): Record<string, HostTensor.HostTensor> => {
  if (batch.images.length === 0) return {}
  const parts = batch.images.flatMap((id) => {
    const value = known.get(id)
    return value === undefined ? [] : [{ data: "patches" in value ? value.patches : value.features, grid: value.grid }]
  })
  const grid = parts[0]?.grid ?? [1, 1, 1]
  const perImage = grid[0] * grid[1] * grid[2]
  const width = throughTower ? (parts[0]?.data.length ?? 0) / perImage : config.width
  const rows = throughTower ? perImage * imageSlots(batch.images.length) : batch.shape.visualRows
  const data = HostTensor.shared.float32(rows * width)
  let at = 0
  for (const part of parts) {
    data.set(part.data, at)
    at += part.data.length
  }
  return { [throughTower ? "patches" : "visual"]: { dtype: "float32", dims: [rows, width], data } }
}

/** The static shape of a batch. */
export const shapeOf = (prepared: Prepared, { batch, grammar, temperature }: PreparedBatch): Programs.BatchShape => ({
  batch: batch.shape.batch,
  length: batch.shape.length,
  rows: batch.shape.rows,
  visual: prepared.visual(batch),
  temperature,
  grammarStates: grammar?.states
})
