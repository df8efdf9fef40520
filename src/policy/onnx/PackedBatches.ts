/** Drafts as batches: encoded, long groups cut, sorted by length, dealt to the workers. */
import { Effect } from "effect"
import type { Grammar } from "../../kernels/generate/index.ts"
import type { HostTensor } from "../../kernels/runtime/index.ts"
import type { LossGraphs } from "../../kernels/train/index.ts"
import type { EncodedPrompt } from "../chat/Encoder.ts"
import type { Auxiliary, Prompt } from "../Policy.ts"
import * as Auxiliaries from "./Auxiliary.ts"
import { type PolicyContext, withFeatures, withPatches } from "./Context.ts"
import * as GroupSlots from "./GroupSlots.ts"
import {
  type Batch,
  innerRowsOf,
  layOut,
  lengthOf,
  type PackedSequence,
  rowsOf,
  type ScoredToken
} from "./PackedSequences.ts"
import { roundUp } from "./roundUp.ts"
import * as Tower from "./Tower.ts"

/** A sequence before its prompt is encoded. */
export interface Draft {
  readonly prompt: Prompt
  readonly candidates: ReadonlyArray<ReadonlyArray<ScoredToken>>
  readonly auxiliary?: ReadonlyArray<Auxiliary>
  /** The distribution its tokens are scored under. */
  readonly temperature: number
  readonly grammar: Grammar | undefined
  /** Its tokens are not scored: the mass outside of the grammar is held down along them. */
  readonly underFormatLoss?: boolean
}

/** One batch of sequences that share temperature and grammar, and what is done with it. */
export interface PreparedBatch {
  readonly batch: Batch
  readonly visual: LossGraphs.BatchShape["visual"]
  /** What a run is fed, the visual tokens in memory of its own. */
  readonly feeds: (memory: HostTensor.Shared) => Record<string, HostTensor.HostTensor>
  readonly worker: number
  /** Which draft each sequence is of, and with which of its candidates it begins. */
  readonly origins: ReadonlyArray<{ readonly index: number; readonly first: number }>
  readonly temperature: number
  readonly grammar: Grammar | undefined
  readonly underFormatLoss: boolean
}

/**
 * Cuts a group's candidates into runs that fit the limit together with their prompt, which each run repeats; at least
 * one in each.
 */
const cut = (
  sequence: PackedSequence,
  limit: number
): ReadonlyArray<{ readonly sequence: PackedSequence; readonly first: number }> => {
  const parts: Array<{ sequence: PackedSequence; first: number }> = []
  const { auxiliary, ...plain } = sequence
  sequence.candidates.forEach((candidate, first) => {
    const last = parts.at(-1)
    const grown = last === undefined
      ? undefined
      : { ...last.sequence, candidates: [...last.sequence.candidates, candidate] }
    if (last !== undefined && grown !== undefined && lengthOf(grown) <= limit) last.sequence = grown
    else parts.push({ sequence: { ...(first === 0 ? sequence : plain), candidates: [candidate] }, first })
  })
  return parts.length === 0 ? [{ sequence, first: 0 }] : parts
}

/** Places in a batch for so many sequences: few sizes, so that few graphs are compiled. */
const places = (sequences: number): number => sequences <= 2 ? sequences : roundUp(sequences, 4)

/** How a worker is given sequences of at most `longest` tokens: how many at a time, in a batch with how many places. */
export const batchOf = (
  sequences: number,
  longest: number,
  { microBatch, microTokens, workers }: {
    readonly microBatch: number
    readonly microTokens: number
    readonly workers: number
  }
): { readonly each: number; readonly size: number } => {
  const count = Math.max(Math.ceil(sequences / microBatch), Math.min(workers, sequences))
  const each = Math.min(Math.ceil(sequences / count), Math.max(1, Math.floor(microTokens / longest)))
  return { each, size: places(each) * longest > microTokens ? each : places(each) }
}

/** Tokens of a sequence and scored rows of a batch, padded so that few shapes are compiled. */
export const padded = {
  length: (tokens: number): number => roundUp(tokens, 16),
  rows: (rows: number): number => roundUp(rows, 128)
}

/**
 * Sorts by length, cuts into micro-batches and deals them there and back, so that workers get like amounts.
 *
 * @param memory zeroed; holds the batches
 */
export const prepare = Effect.fnUntraced(
  function*(
    context: PolicyContext,
    drafts: ReadonlyArray<Draft>,
    throughTower: boolean,
    memory: HostTensor.Shared
  ) {
    const asked = drafts.map(({ candidates, prompt }) => ({
      prompt,
      following: candidates.reduce((n, tokens) => Math.max(n, tokens.length), 0)
    }))
    const { encoded, known } = throughTower
      ? yield* Effect.map(
        withPatches(context, asked),
        ({ cuts, encoded }) => ({ encoded, known: { kind: "pixels", cuts } satisfies Tower.Known })
      )
      : yield* Effect.map(
        withFeatures(context, asked),
        ({ encoded, features }) => ({ encoded, known: { kind: "features", features } satisfies Tower.Known })
      )
    const { config } = context.model
    const sequences = drafts.flatMap(
      ({ auxiliary, candidates, grammar, prompt, temperature, underFormatLoss = false }, index) => {
        const asked = encoded[index] as EncodedPrompt
        const read = () => [
          ...asked.tokens,
          ...candidates.flatMap((candidate) => candidate.slice(0, -1).map(({ token }) => token))
        ]
        const whole: PackedSequence = {
          prompt: asked,
          images: prompt.images,
          candidates,
          ...(auxiliary && { auxiliary: Auxiliaries.rowsOf(read(), config.imageToken, auxiliary) })
        }
        return cut(whole, context.microTokens).map(({ first, sequence }) => (
          {
            sequence,
            index,
            first,
            length: lengthOf(sequence),
            temperature,
            grammar,
            underFormatLoss,
            group: `${temperature}|${grammar?.id ?? ""}|${underFormatLoss}`
          }
        ))
      }
    )
    const groups = Map.groupBy(sequences, ({ group }) => group)
    const { workers } = context.runtime
    const batches = [...groups.values()].flatMap((group) => {
      const sorted = group.toSorted((a, b) => a.length - b.length || a.index - b.index || a.first - b.first)
      const { each, size } = batchOf(sorted.length, padded.length(sorted.at(-1)?.length ?? 1), { ...context, workers })
      return Array.from(
        { length: Math.ceil(sorted.length / each) },
        (_, i) => ({ size, items: sorted.slice(i * each, (i + 1) * each) })
      )
    }).map(({ items, size }, i): PreparedBatch => {
      const longest = items.reduce((n, item) => Math.max(n, item.length), 1)
      const groups = GroupSlots.wanted(items.map(({ sequence }) => sequence), longest)
      // Groups need a row that is empty.
      const length = padded.length(groups === undefined ? longest : longest + 1)
      const rows = padded.rows(items.reduce((n, { sequence }) => n + rowsOf(sequence), 1))
      const source = Tower.visualRows(config, items.flatMap(({ sequence }) => sequence.images), known)
      const inner = innerRowsOf(items.map(({ sequence }) => sequence)).map(({ layer, rows }) => ({
        layer,
        rows: padded.rows(rows)
      }))
      const shape = { batch: size, length, rows, inner, visualRows: source.rows, groups }
      const packed = items.map(({ sequence }) => sequence)
      const batch = layOut(config, context.positions, packed, shape, source.rowOf, memory)
      const turn = Math.floor(i / workers)
      return {
        batch,
        visual: source.shape,
        feeds: (memory) => ({ ...batch.tensors, ...source.feeds(memory) }),
        worker: turn % 2 === 0 ? i % workers : workers - 1 - i % workers,
        origins: items.map(({ first, index }) => ({ index, first })),
        temperature: items[0]?.temperature ?? 1,
        grammar: items[0]?.grammar,
        underFormatLoss: items[0]?.underFormatLoss ?? false
      }
    })
    return batches
  }
)

/** The static shape of a batch. */
export const shapeOf = ({ batch, grammar, temperature, visual }: PreparedBatch): LossGraphs.BatchShape => ({
  batch: batch.shape.batch,
  length: batch.shape.length,
  rows: batch.shape.rows,
  groups: batch.shape.groups,
  visual,
  ...(batch.shape.inner?.length && { inner: batch.shape.inner }),
  temperature,
  grammarStates: grammar?.states
})
