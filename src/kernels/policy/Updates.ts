/** Scoring and training: packed batches through the loss graphs, gradients into shared buffers, one optimiser step. */
import { Effect } from "effect"
import type { Grammar } from "../generate/index.ts"
import { HostTensor } from "../runtime/index.ts"
import { Lora, ParameterStore, Programs } from "../train/index.ts"
import { type PolicyContext, roundUp, withFeatures, withPatches } from "./Context.ts"
import type { EncodedPrompt } from "./Encoder.ts"
import * as GrammarTables from "./GrammarTables.ts"
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
interface PreparedBatch {
  readonly batch: Batch
  readonly worker: number
  /** Which draft each sequence was. */
  readonly indices: ReadonlyArray<number>
  readonly temperature: number
  readonly grammar: Grammar | undefined
}

/** Encoded sequences cut into batches, with what their images need. */
interface Prepared {
  readonly batches: ReadonlyArray<PreparedBatch>
  readonly feeds: (batch: Batch) => Record<string, HostTensor.HostTensor>
  readonly visual: (batch: Batch) => Programs.BatchShape["visual"]
}

/** Sorts by length, cuts into micro-batches and deals them there and back, so that workers get like amounts. */
const prepare = Effect.fnUntraced(function*(context: PolicyContext, drafts: ReadonlyArray<Draft>, throughTower: boolean) {
  const prompts = drafts.map(({ prompt }) => prompt)
  const { encoded, known } = throughTower
    ? yield* Effect.map(withPatches(context, prompts), ({ encoded, patches }) => ({ encoded, known: patches as ReadonlyMap<string, Features | Patches> }))
    : yield* Effect.map(withFeatures(context, prompts), ({ encoded, features }) => ({ encoded, known: features as ReadonlyMap<string, Features | Patches> }))
  const { config } = context.model
  const sequences = drafts.map(({ candidates, grammar, prompt, temperature, visual }, index) => {
    const sequence: PackedSequence = {
      prompt: encoded[index] as EncodedPrompt,
      images: prompt.images.map(({ id }) => id),
      candidates,
      ...(visual && { visual })
    }
    // The tower runs on one grid at a time; ready-made tokens mix freely.
    const grid = throughTower ? sequence.prompt.grids.map((grid) => grid.join("×"))[0] ?? "none" : "any"
    return { sequence, index, length: lengthOf(sequence), temperature, grammar, group: `${grid}|${temperature}|${grammar?.id ?? ""}` }
  })
  const groups = Map.groupBy(sequences, ({ group }) => group)
  const { workers } = context.runtime
  const batches = [...groups.values()].flatMap((group) => {
    const sorted = group.toSorted((a, b) => a.length - b.length || a.index - b.index)
    const count = Math.max(Math.ceil(sorted.length / context.microBatch), Math.min(workers, sorted.length))
    const each = Math.ceil(sorted.length / count)
    return Array.from({ length: Math.ceil(sorted.length / each) }, (_, i) => (
      { size: roundUp(each, 4), items: sorted.slice(i * each, (i + 1) * each) }))
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
      indices: items.map(({ index }) => index),
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

/** Images a tower run has room for: a few sizes, so that few graphs are compiled. */
const imageSlots = (images: number): number => roundUp(images, 4)

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

const shapeOf = (prepared: Prepared, { batch, grammar, temperature }: PreparedBatch): Programs.BatchShape => ({
  batch: batch.shape.batch,
  length: batch.shape.length,
  rows: batch.shape.rows,
  visual: prepared.visual(batch),
  temperature,
  grammarStates: grammar?.states
})

export interface ScoreOptions {
  readonly weights: Readonly<Record<string, HostTensor.HostTensor>>
  /** Whose weights they are: tells sessions apart. */
  readonly name: string
  /** The adapter that the weights hold values of. */
  readonly lora: Lora.Lora | undefined
}

/** Log-probabilities of every candidate's tokens under the given weights, in the order of drafts. */
export const score = Effect.fnUntraced(function*(
  context: PolicyContext,
  drafts: ReadonlyArray<Draft>,
  options: ScoreOptions
) {
  const prepared = yield* prepare(context, drafts, false)
  const scored = yield* Effect.forEach(prepared.batches, Effect.fnUntraced(function*(item) {
    const { batch, grammar, indices, worker } = item
    const shape = shapeOf(prepared, item)
    const session = context.sessions.of({
      key: `score ${options.name} ${JSON.stringify(shape)} ${grammar?.id ?? ""}`,
      worker,
      program: () => Programs.scoring(context.model.config, shape, options.lora),
      bound: { ...options.weights, ...(grammar && GrammarTables.tables(grammar).tensors) }
    })
    const { logprobs } = yield* session.run(prepared.feeds(batch))
    const values = logprobs?.data as Float32Array
    return batch.spans.map((spans, i) => ({
      index: indices[i] ?? 0,
      logprobs: spans.map(({ length, start }) => values.slice(start, start + length))
    }))
  }), { concurrency: "unbounded" })
  return scored.flat().sort((a, b) => a.index - b.index).map(({ logprobs }) => logprobs)
})

/** Gradient buffers of one worker: where a run writes, and where several runs are summed. */
export interface GradientBuffers {
  readonly run: Float32Array<SharedArrayBuffer>
  readonly total: Float32Array<SharedArrayBuffer>
}

export interface LossOptions {
  readonly kind: "supervised" | "groupRelative"
  readonly knobs: Readonly<Record<string, number>>
  /** Optimiser steps taken: keys what is dropped. */
  readonly step: number
  /** Reference log-probabilities by draft and candidate; absent: the old ones. */
  readonly reference?: ReadonlyArray<ReadonlyArray<Float32Array>>
}

export interface LossResult {
  /** One buffer a worker that ran, ready for the optimiser. */
  readonly gradients: ReadonlyArray<Float32Array>
  readonly loss: number
  readonly metrics: Readonly<Record<string, number>>
}

/** Loss and gradients of all drafts at the current weights. */
export const lossAndGradients = Effect.fnUntraced(function*(
  context: PolicyContext,
  buffers: ReadonlyArray<GradientBuffers>,
  drafts: ReadonlyArray<Draft>,
  options: LossOptions
) {
  const { model, runtime } = context
  const { trained: store } = model
  const lora = model.adapter?.lora
  const trainable = [...store.slices.values()].filter((slice) => slice.trainable).map(({ name }) => name)
  const prepared = yield* prepare(context, drafts, model.towerTrained)
  const masks = lora === undefined || lora.dropout === 0 ? {} : Lora.dropoutMasks(model.config, lora, context.seed, options.step)
  const byWorker = Map.groupBy(prepared.batches, ({ worker }) => worker)

  const runs = yield* Effect.forEach([...byWorker], Effect.fnUntraced(function*([worker, batches]) {
    const own = buffers[worker] as GradientBuffers
    const outputs = Object.fromEntries(Object.entries(ParameterStore.tensors(store, own.run))
      .map(([name, tensor]) => [Programs.gradientName(name), tensor]))
    if (batches.length > 1) own.total.fill(0)
    const results: Array<Record<string, HostTensor.HostTensor>> = []
    for (const item of batches) {
      const { batch, grammar, indices } = item
      const shape = shapeOf(prepared, item)
      const session = context.sessions.of({
        key: `${options.kind} ${JSON.stringify(shape)} ${grammar?.id ?? ""}`,
        worker,
        program: () => Programs[options.kind](model.config, shape, trainable, { lora }),
        bound: { ...context.weights, ...(grammar && GrammarTables.tables(grammar).tensors) },
        outputs
      })
      const feeds = { ...prepared.feeds(batch), ...masks, ...dropoutRows(context, prepared, item, options.step) }
      results.push(yield* session.run({ ...feeds, reference: referenceFeed(batch, indices, options.reference), ...knobFeeds(options.knobs) }))
      if (batches.length > 1) {
        yield* runtime.kernel(worker, { _tag: "Accumulate", buffers: [own.total, own.run], begin: 0, end: store.trainableLength })
      }
    }
    return { results, gradients: batches.length > 1 ? own.total : own.run }
  }), { concurrency: "unbounded" })

  const sum = (name: string) =>
    runs.reduce((n, { results }) => n + results.reduce((m, result) => m + Number(result[name]?.data[0] ?? 0), 0), 0)
  const result: LossResult = {
    gradients: runs.map(({ gradients }) => gradients),
    loss: sum("loss"),
    metrics: { kl: sum("kl"), clipped: sum("clipped") }
  }
  return result
})

/** The numbers by which rows choose their dropout masks: keyed by what a row belongs to, whichever batch that is in. */
const dropoutRows = (
  { model, seed }: PolicyContext, prepared: Prepared, { batch, indices }: PreparedBatch, step: number
): Record<string, HostTensor.HostTensor> => {
  const { adapter } = model
  if (adapter === undefined || adapter.lora.dropout === 0) return {}
  const drawn = (rows: number, each: number, keys: ReadonlyArray<string>): HostTensor.HostTensor => {
    const data = HostTensor.shared.int64(rows)
    keys.forEach((key, i) => Lora.dropoutNumbers(seed, `step=${step}/${key}`, data.subarray(i * each, (i + 1) * each)))
    return { dtype: "int64", dims: [rows], data }
  }
  const { batch: sequences, length } = batch.shape
  const visual = prepared.visual(batch)
  const patches = visual.kind === "pixels" ? visual.grid.reduce((n, d) => n * d, 1) : 0
  return {
    dropoutRows: drawn(sequences * length, length, indices.map((index) => `example=${index}`)),
    ...(visual.kind === "pixels" && {
      dropoutPatches: drawn(visual.images * patches, patches, batch.images.map((id) => `image=${id}`))
    })
  }
}

const referenceFeed = (
  batch: Batch, indices: ReadonlyArray<number>, reference: LossOptions["reference"]
): HostTensor.HostTensor => {
  const old = batch.tensors["old"] as HostTensor.HostTensor
  if (reference === undefined) return old
  const data = HostTensor.shared.float32(batch.shape.rows)
  batch.spans.forEach((spans, i) => spans.forEach(({ start }, c) => data.set(reference[indices[i] ?? 0]?.[c] ?? [], start)))
  return { dtype: "float32", dims: old.dims, data }
}

const knobFeeds = (knobs: Readonly<Record<string, number>>): Record<string, HostTensor.HostTensor> =>
  Object.fromEntries(Object.entries(knobs).map(([name, value]) =>
    [name, { dtype: "float32" as const, dims: [], data: Float32Array.of(value) }]))
