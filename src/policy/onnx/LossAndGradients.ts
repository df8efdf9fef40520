/** Loss and gradients of drafts: packed batches through the loss graphs, gradients summed in shared buffers. */
import { Effect } from "effect"
import type { HostTensor } from "../../kernels/runtime/index.ts"
import { type Form, Lora, LossGraphs, ParameterStore } from "../../kernels/train/index.ts"
import { NotFinite } from "../NotFinite.ts"
import type { GroupRelative, RatioStats } from "../Policy.ts"
import type { PolicyContext } from "./Context.ts"
import * as GrammarTables from "./GrammarTables.ts"
import * as MappedWeights from "./MappedWeights.ts"
import * as PackedBatches from "./PackedBatches.ts"
import type { Batch } from "./PackedSequences.ts"
import * as RatioRows from "./RatioRows.ts"

/** Gradient buffers of one worker: where a run writes, and where several runs are summed. */
export interface GradientBuffers {
  readonly run: Float32Array<SharedArrayBuffer>
  readonly total: Float32Array<SharedArrayBuffer>
}

export interface LossOptions {
  readonly kind: "supervised" | "groupRelative"
  readonly knobs: Readonly<Record<string, number>>
  /** What a group-relative loss is made of, and the bounds of its ratios. */
  readonly form?: Form
  readonly clip?: GroupRelative["clip"]
  /** Optimiser steps taken: keys what is dropped. */
  readonly step: number
  /** Reference log-probabilities by draft and candidate; absent: those of the draw. */
  readonly reference?: ReadonlyArray<ReadonlyArray<Float32Array>>
}

export interface LossResult {
  /** One buffer a worker that ran, ready for the optimiser. */
  readonly gradients: ReadonlyArray<Float32Array>
  readonly loss: number
  /** The part of it that holds texts to their grammars. */
  readonly format: number
  readonly metrics: Readonly<Record<string, number>>
  /** Of a group-relative loss. */
  readonly ratios: RatioStats | undefined
}

/**
 * Loss and gradients of all drafts at the current weights. A loss that is not finite is an error: nothing may be made
 * of its gradients.
 */
export const lossAndGradients = (
  context: PolicyContext,
  buffers: ReadonlyArray<GradientBuffers>,
  drafts: ReadonlyArray<PackedBatches.Draft>,
  options: LossOptions
) => context.memory.lend((memory) => lossOfBatches(memory, context, buffers, drafts, options))

const lossOfBatches = Effect.fnUntraced(function*(
  memory: HostTensor.Shared,
  context: PolicyContext,
  buffers: ReadonlyArray<GradientBuffers>,
  drafts: ReadonlyArray<PackedBatches.Draft>,
  options: LossOptions
) {
  const { model, runtime } = context
  const { trained: store } = model
  const lora = model.adapter?.lora
  const trainable = [...store.slices.values()].filter((slice) => slice.trainable).map(({ name }) => name)
  const prepared = yield* PackedBatches.prepare(context, drafts, model.towerTrained, memory)
  const masks = lora === undefined || lora.dropout === 0
    ? {}
    : Lora.dropoutMasks(model.config, lora, context.seed, options.step, memory)
  const byWorker = Map.groupBy(prepared, ({ worker }) => worker)
  const { clip, form = {} } = options

  const runs = yield* Effect.forEach(
    [...byWorker],
    Effect.fnUntraced(function*([worker, batches]) {
      const own = buffers[worker] as GradientBuffers
      const outputs = Object.fromEntries(
        Object.entries(ParameterStore.tensors(store, own.run))
          .map(([name, tensor]) => [LossGraphs.gradientName(name), tensor])
      )
      if (batches.length > 1) own.total.fill(0)
      const results: Array<
        {
          readonly batch: Batch
          readonly underFormatLoss: boolean
          readonly outputs: Readonly<Record<string, HostTensor.HostTensor>>
        }
      > = []
      for (const item of batches) {
        const { batch, grammar, origins } = item
        const kind = item.underFormatLoss ? "format" : options.kind
        const bySequence = kind === "groupRelative" && form.ratio === "sequence"
        const shape = { ...PackedBatches.shapeOf(item), ...(bySequence && { sequences: RatioRows.sequencesOf(batch) }) }
        const tables = grammar &&
          (item.underFormatLoss
            ? GrammarTables.formatTables(grammar, model.endOfTurn)
            : GrammarTables.tables(grammar, model.ends))
        const session = context.sessions.of({
          key: `${kind} ${JSON.stringify(form)} ${JSON.stringify(shape)} ${grammar?.id ?? ""}`,
          worker,
          program: () =>
            LossGraphs[kind](model.config, shape, trainable, {
              lora,
              recompute: context.recompute,
              frozen: model.mapped?.frozen,
              form
            }),
          ...MappedWeights.session(model.mapped),
          bound: { ...context.weights, ...tables },
          outputs
        })
        const ran = yield* context.memory.lend((memory) =>
          session.run({
            ...item.feeds(memory),
            ...masks,
            ...dropoutRows(context, item, options.step, memory),
            ...(bySequence && RatioRows.sequenceFeeds(batch, memory)),
            reference: referenceFeed(batch, origins, options.reference, memory),
            ...knobFeeds(options.knobs)
          })
        )
        results.push({ batch, underFormatLoss: item.underFormatLoss, outputs: ran })
        if (batches.length > 1) {
          yield* runtime.optimize(worker, {
            _tag: "Accumulate",
            buffers: [own.total, own.run],
            begin: 0,
            end: store.trainableLength
          })
        }
      }
      return { results, gradients: batches.length > 1 ? own.total : own.run }
    }),
    { concurrency: "unbounded" }
  )

  const sum = (name: string, only = (_underFormatLoss: boolean) => true) =>
    runs.reduce(
      (n, { results }) =>
        n + results.reduce((m, { outputs, underFormatLoss }) =>
          only(underFormatLoss) ? m + Number(outputs[name]?.data[0] ?? 0) : m, 0),
      0
    )
  const loss = sum("loss")
  if (!Number.isFinite(loss)) return yield* new NotFinite({ what: `the loss is ${loss}` })
  const result: LossResult = {
    gradients: runs.map(({ gradients }) => gradients),
    loss,
    format: sum("loss", (underFormatLoss) => underFormatLoss),
    metrics: { kl: sum("kl"), clipped: sum("clipped"), entropy: sum("entropy") },
    ratios: clip && RatioRows.statsOf(runs.flatMap(({ results }) => results), form, clip)
  }
  return result
})

/** The numbers by which rows choose their dropout masks: keyed by what a row belongs to, whichever batch that is in. */
const dropoutRows = (
  { model, seed }: PolicyContext,
  { batch, origins, visual }: PackedBatches.PreparedBatch,
  step: number,
  memory: HostTensor.Shared
): Record<string, HostTensor.HostTensor> => {
  const { adapter } = model
  if (adapter === undefined || adapter.lora.dropout === 0) return {}
  const drawn = (rows: number, each: number, keys: ReadonlyArray<string>): HostTensor.HostTensor => {
    const data = memory.int64(rows)
    keys.forEach((key, i) => Lora.dropoutNumbers(seed, `step=${step}/${key}`, data.subarray(i * each, (i + 1) * each)))
    return { dtype: "int64", dims: [rows], data }
  }
  const { batch: sequences, length } = batch.shape
  return {
    dropoutRows: drawn(
      sequences * length,
      length,
      origins.map(({ first, index }) => `example=${index}/candidate=${first}`)
    ),
    ...(visual.kind === "pixels" && {
      dropoutPatches: drawn(visual.frames * visual.slots, visual.slots, batch.images.map(({ id }) => `image=${id}`))
    })
  }
}

const referenceFeed = (
  batch: Batch,
  origins: PackedBatches.PreparedBatch["origins"],
  reference: LossOptions["reference"],
  memory: HostTensor.Shared
): HostTensor.HostTensor => {
  const oldLogprobs = batch.tensors["oldLogprobs"] as HostTensor.HostTensor
  if (reference === undefined) return oldLogprobs
  const data = memory.float32(batch.shape.rows)
  batch.spans.forEach((spans, i) => {
    const { first, index } = origins[i] ?? { index: 0, first: 0 }
    spans.forEach(({ start }, c) => data.set(reference[index]?.[first + c] ?? [], start))
  })
  return { dtype: "float32", dims: oldLogprobs.dims, data }
}

const knobFeeds = (knobs: Readonly<Record<string, number>>): Record<string, HostTensor.HostTensor> =>
  Object.fromEntries(
    Object.entries(knobs).map((
      [name, value]
    ) => [name, { dtype: "float32" as const, dims: [], data: Float32Array.of(value) }])
  )
