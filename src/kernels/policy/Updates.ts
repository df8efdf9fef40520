/** Scoring and training: packed batches through the loss graphs, gradients into shared buffers, one optimiser step. */
import { Effect } from "effect"
import type { Grammar } from "../generate/index.ts"
import { HostTensor } from "../runtime/index.ts"
import { ParameterStore, Programs } from "../train/index.ts"
import { type PolicyContext, roundUp, withFeatures, withPatches } from "./Context.ts"
import type { EncodedPrompt } from "./Encoder.ts"
import * as GrammarTables from "./GrammarTables.ts"
import type { Prompt } from "./Policy.ts"
import { type Batch, layOut, lengthOf, type PackedSequence, rowsOf, type ScoredToken } from "./Sequences.ts"
import * as Tower from "./Tower.ts"

/** A sequence before its prompt is encoded. */
export interface Draft {
  readonly prompt: Prompt
  readonly candidates: ReadonlyArray<ReadonlyArray<ScoredToken>>
  readonly visual?: PackedSequence["visual"]
  /** The distribution its tokens are scored under. */
  readonly temperature: number
  readonly grammar: Grammar | undefined
}

/** One batch of sequences that share temperature and format mask. */
interface PreparedBatch {
  readonly batch: Batch
  readonly visual: Programs.BatchShape["visual"]
  readonly feeds: () => Record<string, HostTensor.HostTensor>
  readonly worker: number
  /** Which draft each sequence was. */
  readonly indices: ReadonlyArray<number>
  readonly temperature: number
  readonly grammar: Grammar | undefined
}

/** Sorts by length, cuts into micro-batches and deals them there and back, so that workers get like amounts. */
const prepare = Effect.fnUntraced(function*(context: PolicyContext, drafts: ReadonlyArray<Draft>, throughTower: boolean) {
  const asked = drafts.map(({ candidates, prompt }) => ({ prompt, following: candidates.reduce((n, tokens) => Math.max(n, tokens.length), 0) }))
  const { encoded, known } = throughTower
    ? yield* Effect.map(withPatches(context, asked), ({ encoded, patches }) => ({ encoded, known: { kind: "pixels", patches } satisfies Tower.Known }))
    : yield* Effect.map(withFeatures(context, asked), ({ encoded, features }) => ({ encoded, known: { kind: "features", features } satisfies Tower.Known }))
  const { config } = context.model
  const sequences = drafts.map(({ candidates, grammar, prompt, temperature, visual }, index) => {
    const sequence: PackedSequence = {
      prompt: encoded[index] as EncodedPrompt,
      images: prompt.images.map(({ id }) => id),
      candidates,
      ...(visual && { visual })
    }
    return { sequence, index, length: lengthOf(sequence), temperature, grammar, group: `${temperature}|${grammar?.id ?? ""}` }
  })
  const groups = Map.groupBy(sequences, ({ group }) => group)
  const { workers } = context.runtime
  const batches = [...groups.values()].flatMap((group) => {
    const sorted = group.toSorted((a, b) => a.length - b.length || a.index - b.index)
    const count = Math.max(Math.ceil(sorted.length / context.microBatch), Math.min(workers, sorted.length))
    const each = Math.ceil(sorted.length / count)
    return Array.from({ length: Math.ceil(sorted.length / each) }, (_, i) => (
      { size: roundUp(each, 4), items: sorted.slice(i * each, (i + 1) * each) }))
  }).map(({ items, size }, i): PreparedBatch => {
    const length = roundUp(items.reduce((n, item) => Math.max(n, item.length), 1), 16)
    const rows = roundUp(items.reduce((n, { sequence }) => n + rowsOf(sequence), 1), 128)
    const source = Tower.visualRows(config, items.flatMap(({ sequence }) => sequence.images), known)
    const shape = { batch: size, length, rows, visualRows: source.rows }
    const batch = layOut(config, context.positions, items.map(({ sequence }) => sequence), shape, source.rowOf)
    const turn = Math.floor(i / workers)
    return {
      batch,
      visual: source.shape,
      feeds: () => ({ ...batch.tensors, ...source.feeds() }),
      worker: turn % 2 === 0 ? i % workers : workers - 1 - i % workers,
      indices: items.map(({ index }) => index),
      temperature: items[0]?.temperature ?? 1,
      grammar: items[0]?.grammar
    }
  })
  return batches
})

const shapeOf = ({ batch, grammar, temperature, visual }: PreparedBatch): Programs.BatchShape => ({
  batch: batch.shape.batch,
  length: batch.shape.length,
  rows: batch.shape.rows,
  visual,
  temperature,
  grammarStates: grammar?.states
})

/** Log-probabilities of every candidate's tokens under the given weights, in the order of drafts. */
export const score = Effect.fnUntraced(function*(
  context: PolicyContext,
  drafts: ReadonlyArray<Draft>,
  options: { readonly weights: Readonly<Record<string, HostTensor.HostTensor>>; readonly name: string }
) {
  const prepared = yield* prepare(context, drafts, false)
  const scored = yield* Effect.forEach(prepared, Effect.fnUntraced(function*(item) {
    const { batch, grammar, indices, worker } = item
    const shape = shapeOf(item)
    const session = context.sessions.of({
      key: `score ${options.name} ${JSON.stringify(shape)} ${grammar?.id ?? ""}`,
      worker,
      program: () => Programs.scoring(context.model.config, shape),
      bound: { ...options.weights, ...(grammar && GrammarTables.tables(grammar).tensors) }
    })
    const { logprobs } = yield* session.run(item.feeds())
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
  const { store } = model
  const trainable = [...store.slices.values()].filter((slice) => slice.trainable).map(({ name }) => name)
  const prepared = yield* prepare(context, drafts, context.towerTrained)
  const byWorker = Map.groupBy(prepared, ({ worker }) => worker)

  const runs = yield* Effect.forEach([...byWorker], Effect.fnUntraced(function*([worker, batches]) {
    const own = buffers[worker] as GradientBuffers
    const outputs = Object.fromEntries(Object.entries(ParameterStore.tensors(store, own.run))
      .map(([name, tensor]) => [Programs.gradientName(name), tensor]))
    if (batches.length > 1) own.total.fill(0)
    const results: Array<Record<string, HostTensor.HostTensor>> = []
    for (const item of batches) {
      const { batch, grammar, indices } = item
      const shape = shapeOf(item)
      const session = context.sessions.of({
        key: `${options.kind} ${JSON.stringify(shape)} ${grammar?.id ?? ""}`,
        worker,
        program: () => Programs[options.kind](model.config, shape, trainable),
        bound: { ...context.weights, ...(grammar && GrammarTables.tables(grammar).tensors) },
        outputs
      })
      const feeds = item.feeds()
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
