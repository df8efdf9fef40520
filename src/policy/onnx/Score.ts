/** Log-probabilities of drafts under given weights: packed batches through the scoring graphs. */
import { Effect } from "effect"
import * as Finite from "../../kernels/math/Finite.ts"
import type { HostTensor } from "../../kernels/runtime/index.ts"
import { type Lora, LossGraphs } from "../../kernels/train/index.ts"
import { NotFinite } from "../NotFinite.ts"
import type { PolicyContext } from "./Context.ts"
import * as GrammarTables from "./GrammarTables.ts"
import * as MappedWeights from "./MappedWeights.ts"
import * as PackedBatches from "./PackedBatches.ts"

export interface ScoreOptions {
  readonly weights: Readonly<Record<string, HostTensor.HostTensor>>
  /** Whose weights they are, "policy" or "reference": tells sessions apart. */
  readonly name: string
  /** The adapter that the weights hold values of. */
  readonly lora: Lora.Lora | undefined
}

/**
 * Log-probabilities of every candidate's tokens under the given weights, in the order of drafts. One that is not finite
 * is an error.
 */
export const score = (
  context: PolicyContext,
  drafts: ReadonlyArray<PackedBatches.Draft>,
  options: ScoreOptions
) => context.memory.lend((memory) => scoresOfBatches(memory, context, drafts, options))

const scoresOfBatches = Effect.fnUntraced(function*(
  memory: HostTensor.Shared,
  context: PolicyContext,
  drafts: ReadonlyArray<PackedBatches.Draft>,
  options: ScoreOptions
) {
  const { mapped } = context.model
  const prepared = yield* PackedBatches.prepare(context, drafts, false, memory)
  const scored = Effect.fnUntraced(function*(item: PackedBatches.PreparedBatch) {
    const { batch, grammar, origins, worker } = item
    const shape = PackedBatches.shapeOf(item)
    const session = context.sessions.of({
      key: `score ${options.name} ${JSON.stringify(shape)} ${grammar?.id ?? ""}`,
      worker,
      program: () => LossGraphs.scoring(context.model.config, shape, options.lora, mapped?.frozen),
      ...MappedWeights.session(mapped),
      bound: { ...options.weights, ...(grammar && GrammarTables.tables(grammar, context.model.ends)) }
    })
    const { logprobs } = yield* context.memory.lend((memory) => session.run(item.feeds(memory)))
    const values = logprobs?.data as Float32Array
    return yield* Effect.forEach(batch.spans, (spans, i) => {
      const { first = 0, index = 0 } = origins[i] ?? {}
      return Effect.forEach(
        spans,
        ({ length, start }, c) => scoresOf(values.slice(start, start + length), options.name, index, first + c)
      ).pipe(Effect.map((logprobs) => ({ index, first, logprobs })))
    })
  })
  // A worker takes one run after another: the visual tokens of the next are not written before its turn.
  const byWorker = [...Map.groupBy(prepared, ({ worker }) => worker).values()]
  const all = yield* Effect.forEach(byWorker, (items) => Effect.forEach(items, scored), { concurrency: "unbounded" })
  const parts = all.flat(2).sort((a, b) => a.index - b.index || a.first - b.first)
  return [...Map.groupBy(parts, ({ index }) => index).values()].map((group) =>
    group.flatMap(({ logprobs }) => logprobs)
  )
})

/** The scores of one text, if they are numbers. */
const scoresOf = (logprobs: Float32Array, name: string, index: number, candidate: number) => {
  const odd = Finite.firstBeyond(logprobs)
  if (odd < 0) return Effect.succeed(logprobs)
  const where = `token ${odd} of item ${index}, candidate ${candidate}`
  return Effect.fail(new NotFinite({ what: `the ${name}'s log-probability of ${where}, is ${logprobs[odd]}` }))
}
