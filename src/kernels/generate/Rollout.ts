/**
 * A group rollout as one graph: every prompt is prefilled once, its keys and values are shared by its whole group, and
 * the decode loop runs inside a single `Loop` until every sequence has ended.
 *
 * Rows are `prompts × group`; a row's own keys and values grow by one position a turn.
 */
import {
  add,
  cast,
  concat,
  constant,
  equals,
  gather,
  input,
  less,
  loop,
  matmul,
  maximum,
  mul,
  or,
  reshape,
  rotary,
  scalar,
  type Shape,
  slice,
  softmax,
  sub,
  sum,
  tail,
  type Tensor,
  transpose,
  where
} from "../graph/index.ts"
import {
  Config,
  decoder,
  type LayerCache,
  logits,
  type Lookup,
  sequence,
  type SequenceInputs
} from "../models/index.ts"
import * as Distance from "./Distance.ts"
import { sample, type Sampling } from "./Sampler.ts"

export interface RolloutShape {
  readonly prompts: number
  /** Candidates per prompt, G. */
  readonly group: number
  /** Prompt length in tokens, padded. */
  readonly length: number
  readonly newTokens: number
  /** Visual tokens in the batch; 0 for text only. */
  readonly visualRows: number
  /** Rows of the position table; no position may reach it. */
  readonly positions: number
  readonly endOfTurn: number
  /** Further tokens that end a row. */
  readonly otherEnds?: ReadonlyArray<number>
  readonly sampling: Sampling
  readonly grammarStates: number | undefined
}

/** The graph inputs that a rollout is fed with, by name (besides the model's parameters). */
export const sequenceInputs = (
  config: Config.Config,
  batch: number,
  length: number,
  visual: Tensor | undefined
): SequenceInputs => ({
  batch,
  length,
  tokens: input("tokens", [batch * length], "i32"),
  visualIndex: input("visualIndex", [batch * length], "i32"),
  visual,
  cosines: input("cosines", [batch * length, config.headWidth / 2]),
  sines: input("sines", [batch * length, config.headWidth / 2]),
  segments: input("segments", [batch * length], "i32")
})

/**
 * Shape of one layer's keys or values of so many own tokens of every row. Rows of one candidate each have no axis for
 * it: what would only be moved and turned around it is a third of the nodes of a turn.
 */
export const ownShape = (
  { headWidth, kvHeads }: Config.Config,
  { group, prompts }: Pick<RolloutShape, "group" | "prompts">,
  tokens: number
): Shape => [prompts, kvHeads, ...(group === 1 ? [] : [group]), tokens, headWidth]

/** Keys or values of one new token a row, `[rows, kvHeads·d]` in any shape, as they lie among the row's own. */
export const ownToken = (config: Config.Config, shape: RolloutShape, x: Tensor): Tensor => {
  const { group, prompts } = shape
  return group === 1
    ? reshape(x, ownShape(config, shape, 1))
    : transpose(reshape(x, [prompts, group, config.kvHeads, 1, config.headWidth]), [0, 2, 1, 3, 4])
}

/**
 * Attention of one new token a row: scores against the shared prompt and the row's own past are softmaxed together.
 * Queries are folded to `[prompts, kvHeads, group·repeat, d]`, so one product serves the whole group.
 *
 * @param keys of `ownShape`, as `values`
 * @param ownBias broadcasts to `[prompts, kvHeads, group·repeat, own positions]`
 */
export const decodeAttention = (
  config: Config.Config,
  { group, prompts }: RolloutShape,
  prompt: LayerCache,
  promptBias: Tensor,
  q: Tensor,
  keys: Tensor,
  values: Tensor,
  ownBias?: Tensor
): Tensor => {
  const { headWidth: d, heads, kvHeads } = config
  const repeat = heads / kvHeads
  const one = group === 1
  const grouped = one ? q : transpose(reshape(q, [prompts, group, kvHeads, repeat, d]), [0, 2, 1, 3, 4])
  const folded = reshape(grouped, [prompts, kvHeads, group * repeat, d])
  /** `[prompts, kvHeads, group·repeat, …]` as products with a row's own have it, and back. */
  const apart = (x: Tensor) => one ? x : reshape(x, [prompts, kvHeads, group, repeat, -1])
  const together = (x: Tensor, last: number) => one ? x : reshape(x, [prompts, kvHeads, group * repeat, last])
  const alpha = 1 / Math.sqrt(d)
  const shared = add(matmul(folded, prompt.keys, { transB: true, alpha }), promptBias)
  const own = together(matmul(one ? folded : grouped, keys, { transB: true, alpha }), -1)
  const weights = softmax(concat([shared, ownBias === undefined ? own : add(own, ownBias)], 3))
  const length = prompt.keys.shape[2] as number
  const mixed = add(
    matmul(slice(weights, 3, 0, length), prompt.values),
    together(matmul(apart(tail(weights, 3, length)), values), d)
  )
  const byRow = one ? mixed : transpose(reshape(mixed, [prompts, kvHeads, group, repeat, d]), [0, 2, 1, 3, 4])
  return reshape(byRow, [prompts * group, heads * d])
}

/** Whether each token ends its row. */
export const ends = ({ endOfTurn, otherEnds = [] }: RolloutShape, tokens: Tensor): Tensor =>
  [endOfTurn, ...otherEnds]
    .map((id) => equals(tokens, constant(Int32Array.of(id), [])))
    .reduce((any, one) => or(any, one))

/** What a graph reads of a grammar: `Distance`'s tables. */
export interface GrammarInputs {
  readonly need: Tensor
  readonly budget: Tensor
  readonly least: Tensor
}

/** The mask of each row's state after `turn` tokens: what the grammar allows and the budget has room for. */
export const maskAt = ({ budget, least, need }: GrammarInputs, state: Tensor, turn: Tensor): Tensor =>
  Distance.mask(gather(need, state), maximum(sub(gather(budget, state), cast(turn, "f32")), gather(least, state)))

/** Builds the rollout: outputs `sampled` int32 and `sampledLogprobs`, `[turns, rows]`. */
export const rollout = (
  config: Config.Config,
  p: Lookup,
  shape: RolloutShape
): Readonly<Record<"sampled" | "sampledLogprobs", Tensor>> => {
  const { group, length, newTokens, prompts } = shape
  const rows = prompts * group
  const visual = shape.visualRows > 0 ? input("visual", [shape.visualRows, Config.visualWidth(config)]) : undefined
  const inputs = sequenceInputs(config, prompts, length, visual)
  const prefill = sequence(config, p, inputs, input("lastRow", [prompts], "i32"))

  const embedding = p("model.embed_tokens.weight")
  const repeated = gather(prefill.hidden, constant(Int32Array.from({ length: rows }, (_, i) => Math.floor(i / group))))
  const unseen = equals(inputs.segments, constant(Int32Array.of(-1), []))
  const promptBias = reshape(where(unseen, scalar(-1e9), scalar(0)), [prompts, 1, 1, length])

  // Feeding per-turn uniforms as rows of a table keeps the draw of a token independent of when the loop stops.
  const uniforms = input("uniforms", [newTokens, rows])
  const temperature = input("temperature", [])
  const topP = input("topP", [])
  const start = input("startPosition", [rows, 1], "i64")
  const tableCosines = input("tableCosines", [shape.positions, config.headWidth / 2])
  const tableSines = input("tableSines", [shape.positions, config.headWidth / 2])
  const grammar = shape.grammarStates === undefined ? undefined : {
    need: input("grammarNeed", [shape.grammarStates, config.vocabulary]),
    budget: input("grammarBudget", [shape.grammarStates]),
    least: input("grammarLeast", [shape.grammarStates]),
    next: input("grammarNext", [shape.grammarStates * config.vocabulary], "i32")
  }
  const finishedAtStart = input("finished", [rows], "i32")
  const emptyCache = input("emptyCache", ownShape(config, shape, 0))
  const cacheShape = ownShape(config, shape, -1)

  const result = loop({
    trips: constant(BigInt64Array.of(BigInt(newTokens)), []),
    start: anyUnfinished(finishedAtStart),
    carried: [
      repeated,
      finishedAtStart,
      ...(grammar ? [input("grammarState", [rows], "i32")] : []),
      ...prefill.cache.flatMap(() => [emptyCache, emptyCache])
    ],
    shapes: [
      undefined,
      undefined,
      ...(grammar ? [undefined] : []),
      ...prefill.cache.flatMap(() => [cacheShape, cacheShape])
    ],
    body: (turn, carried) => {
      const hidden = carried[0] as Tensor
      const finished = carried[1] as Tensor
      const state = grammar ? carried[2] as Tensor : undefined
      const caches = carried.slice(grammar ? 3 : 2)
      const drawn = sample(shape.sampling, {
        logits: logits(config, p, hidden),
        uniforms: gather(uniforms, turn),
        temperature,
        topP,
        ...(grammar && state && { bias: maskAt(grammar, state, turn) })
      })
      const ended = or(ends(shape, drawn.tokens), equals(finished, constant(Int32Array.of(1), [])))
      const done = cast(ended, "i32")

      const grown: Array<Tensor> = []
      const positions = add(start, turn)
      const next = decoder(config, p, gather(embedding, drawn.tokens), (layer, q, k, v) => {
        const turned = (x: Tensor, heads: number) =>
          rotary(reshape(x, [rows, heads, 1, config.headWidth]), positions, tableCosines, tableSines)
        const keys = concat([caches[2 * layer] as Tensor, ownToken(config, shape, turned(k, config.kvHeads))], -2)
        const values = concat([caches[2 * layer + 1] as Tensor, ownToken(config, shape, v)], -2)
        grown.push(keys, values)
        return decodeAttention(
          config,
          shape,
          prefill.cache[layer] as LayerCache,
          promptBias,
          turned(q, config.heads),
          keys,
          values
        )
      })
      const advanced = grammar && state
        ? [
          where(
            ended,
            state,
            gather(grammar.next, add(mul(state, constant(Int32Array.of(config.vocabulary), [])), drawn.tokens))
          )
        ]
        : []
      return {
        proceed: anyUnfinished(done),
        carried: [next, done, ...advanced, ...grown],
        stacked: [drawn.tokens, drawn.logprobs]
      }
    }
  })
  return { sampled: result.stacked[0] as Tensor, sampledLogprobs: result.stacked[1] as Tensor }
}

/** Whether any of the flags (int32, 1 = finished) is 0. */
const anyUnfinished = (finished: Tensor): Tensor =>
  less(sum(cast(finished, "f32"), [0]), scalar(finished.shape[0] as number))
