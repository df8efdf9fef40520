/**
 * Attention within groups: candidates that share a prompt never see each other, so each is compared with the prompt's
 * keys, of which there is one copy, and with its own. Laid side by side in one square of scores, eight candidates of 50
 * tokens behind a prompt of 75 would leave four fifths of it masked.
 *
 * Everything else of a model works on rows, one after the other, without room for the longest candidate in each; only
 * here they stand in slots: prompts in one table, candidates in another.
 */
import {
  collect,
  concat,
  constant,
  deal,
  expand,
  input,
  less,
  reshape,
  rotary,
  rowPositions,
  scalar,
  type Slots,
  type Tensor,
  transpose,
  where
} from "../graph/index.ts"
import { causal, type Choice, choose, joinHeads, MASKED, splitHeads } from "./Attention.ts"
import type { Config } from "./Config.ts"
import type { Attend } from "./Decoder.ts"

/** How many slots there are. Of a batch's rows at least one is empty, and of its candidates' slots the last. */
export interface GroupShape {
  /** Slots of a prompt. */
  readonly prompt: number
  /** Candidates of a prompt. */
  readonly candidates: number
  /** Slots of a candidate. */
  readonly candidate: number
}

/** Where rows stand. What is empty points to a row or a slot that is. */
export interface GroupInputs extends GroupShape {
  /** int32 `[batch·prompt]`: the row in each slot. */
  readonly promptRows: Tensor
  /** int32 `[batch·candidates·candidate]` */
  readonly candidateRows: Tensor
  /** int32 `[rows]`: the slot of each row, prompts' slots first. */
  readonly slotOf: Tensor
  /** int32 `[batch]`: tokens of each prompt. */
  readonly promptLengths: Tensor
}

/** The graph inputs that say where the rows of `batch` sequences of `length` tokens stand. */
export const groupInputs = (batch: number, length: number, shape: GroupShape): GroupInputs => ({
  ...shape,
  promptRows: input("promptRows", [batch * shape.prompt], "i32"),
  candidateRows: input("candidateRows", [batch * shape.candidates * shape.candidate], "i32"),
  slotOf: input("slotOf", [batch * length], "i32"),
  promptLengths: input("promptLengths", [batch], "i32")
})

/** Additive `[queries, keys]`: a token sees those before it and itself. */
const past = (length: number): Tensor => where(causal(length), scalar(0), scalar(MASKED))

/**
 * How rows `[batch·length, …]` attend.
 *
 * @param cosines `[rows, headWidth / 2]`, as `sines`
 */
export const groupAttention = (
  config: Config,
  batch: number,
  cosines: Tensor,
  sines: Tensor,
  inputs: GroupInputs
): Attend => {
  const { candidate, candidates, prompt, promptLengths, promptRows } = inputs
  const { headWidth: d, heads, kvHeads } = config
  const repeat = heads / kvHeads
  const rows = cosines.shape[0] as number
  const slots: Slots = { rowIn: [promptRows, inputs.candidateRows], slotOf: inputs.slotOf }
  const positions = rowPositions(1, rows)
  const turned = (x: Tensor) =>
    reshape(rotary(reshape(x, [1, rows, x.shape[1] as number]), positions, cosines, sines), x.shape)

  const withinPrompt = reshape(past(prompt), [1, 1, prompt, prompt])
  const known = less(
    constant(Int32Array.from({ length: prompt }, (_, i) => i), [1, prompt]),
    reshape(promptLengths, [batch, 1])
  )
  const onPrompt = reshape(where(known, scalar(0), scalar(MASKED)), [batch, 1, 1, 1, 1, prompt])
  const onItself = reshape(past(candidate), [1, 1, 1, 1, candidate, candidate])
  const leading = [batch, 1, 1, repeat, candidate]
  const behindPrompt = reshape(
    concat([expand(onPrompt, [...leading, prompt]), expand(onItself, [...leading, candidate])], -1),
    [batch, 1, 1, repeat * candidate, prompt + candidate]
  )

  /** `[batch·candidates·candidate, heads·d]` → `[batch, kvHeads, candidates, heads of one·candidate, d]`. */
  const byCandidate = (x: Tensor, each: number) =>
    reshape(transpose(reshape(x, [batch, candidates, candidate, kvHeads, each, d]), [0, 3, 1, 4, 2, 5]), [
      batch,
      kvHeads,
      candidates,
      each * candidate,
      d
    ])

  return (_, q, k, v) => {
    const [promptQueries, queries] = deal(turned(q), slots) as [Tensor, Tensor]
    const [promptKeys, keys] = deal(turned(k), slots) as [Tensor, Tensor]
    const [promptValues, values] = deal(v, slots) as [Tensor, Tensor]
    const shared = {
      keys: splitHeads(promptKeys, batch, prompt, kvHeads),
      values: splitHeads(promptValues, batch, prompt, kvHeads)
    }
    const ofPrompts = choose(splitHeads(promptQueries, batch, prompt, heads), [
      { ...shared, fold: [batch, kvHeads, repeat * prompt, d] }
    ], withinPrompt)
    const own: Choice = {
      keys: byCandidate(keys, 1),
      values: byCandidate(values, 1),
      fold: [batch, kvHeads, candidates, repeat * candidate, d]
    }
    const ofCandidates = choose(
      byCandidate(queries, repeat),
      [{ ...shared, fold: [batch, kvHeads, candidates * repeat * candidate, d] }, own],
      behindPrompt
    )
    const back = reshape(
      transpose(reshape(ofCandidates, [batch, kvHeads, candidates, repeat, candidate, d]), [0, 2, 4, 1, 3, 5]),
      [batch * candidates * candidate, heads * d]
    )
    return collect([joinHeads(ofPrompts), back], slots)
  }
}
