/**
 * One token a row from logits, inside the graph: temperature, nucleus and grammar, by inverse CDF from fed
 * uniforms.
 */
import {
  add,
  argmax,
  cast,
  concat,
  constant,
  cumulativeSum,
  div,
  gather,
  less,
  log,
  logSumExp,
  max,
  maximum,
  minimum,
  mul,
  pick,
  reshape,
  scalar,
  softmax,
  sortDescending,
  sub,
  sum,
  type Tensor,
  where,
  zeros
} from "../graph/index.ts"

/** How tokens are chosen; static, for each is another graph. */
export interface Sampling {
  readonly greedy: boolean
  readonly nucleus: boolean
}

export interface SamplerInputs {
  /** `[rows, vocabulary]` */
  readonly logits: Tensor
  /** `[rows]`, uniform in [0, 1) */
  readonly uniforms: Tensor
  /** Scalar; unused when greedy. */
  readonly temperature: Tensor
  /** Scalar in (0, 1]; unused without a nucleus. */
  readonly topP: Tensor
  /** Added to the logits, `[rows, vocabulary]`: a grammar's. */
  readonly bias?: Tensor
}

const column = (x: Tensor): Tensor => reshape(x, [x.shape[0] as number, 1])

/**
 * Holds the smallest set of most likely tokens whose mass reaches `topP` (Holtzman et al. 2020) and renormalises.
 *
 * @returns probabilities `[rows, vocabulary]`, zero outside the nucleus
 */
const nucleus = (probabilities: Tensor, topP: Tensor): Tensor => {
  const sorted = sortDescending(probabilities)
  const before = sub(cumulativeSum(sorted), sorted)
  // A token stays while the mass of the likelier ones has not reached topP: the first always does.
  const kept = where(less(before, topP), sorted, scalar(2))
  const threshold = mul(scalar(-1), max(mul(scalar(-1), kept), [1]))
  const inside = where(less(probabilities, column(threshold)), scalar(0), probabilities)
  return div(inside, column(sum(inside, [1])))
}

/** Tokens of a block: running sums over 64 and then over a vocabulary's few blocks, for `CumSum` is slow. */
const BLOCK = 64
/** The largest float32 below 1. */
const BELOW_ONE = 1 - 2 ** -24

/**
 * Index of the first of `masses` `[rows, n]` whose running sum exceeds `threshold` `[rows]`: as a float, with what lies
 * before. The last one where none does: so it is where masses are no numbers, and no table is read beyond its end.
 */
const firstAbove = (
  masses: Tensor,
  threshold: (total: Tensor) => Tensor
): { readonly index: Tensor; readonly rest: Tensor } => {
  const running = cumulativeSum(masses)
  const limit = threshold(max(running, [1]))
  const above = cast(less(column(limit), running), "f32")
  const before = sum(mul(masses, sub(scalar(1), above)), [1])
  const count = masses.shape[1] as number
  return { index: minimum(sub(scalar(count), sum(above, [1])), scalar(count - 1)), rest: sub(limit, before) }
}

/**
 * Draws by inverse CDF: first a block of the vocabulary by its mass, then a token in it. A token without mass is never
 * drawn.
 *
 * @param probabilities `[rows, vocabulary]`
 * @param uniforms `[rows]`, in [0, 1)
 * @returns int32 `[rows]`
 */
const draw = (probabilities: Tensor, uniforms: Tensor): Tensor => {
  const [rows, vocabulary] = probabilities.shape as [number, number]
  const blocks = Math.ceil(vocabulary / BLOCK)
  const missing = blocks * BLOCK - vocabulary
  const whole = missing === 0 ? probabilities : concat([probabilities, zeros([rows, missing])], 1)
  const table = reshape(whole, [rows * blocks, BLOCK])
  const masses = reshape(sum(table, [1]), [rows, blocks])
  const { index: block, rest } = firstAbove(masses, (total) => mul(uniforms, total))
  const start = constant(Float32Array.from({ length: rows }, (_, row) => row * blocks))
  const row = cast(add(start, block), "i32")
  const inside = gather(table, row)
  // What is left of the uniform inside the block; rounding must not carry it over either end.
  const share = minimum(maximum(div(rest, gather(reshape(masses, [rows * blocks]), row)), scalar(0)), scalar(BELOW_ONE))
  const { index } = firstAbove(inside, (total) => mul(share, total))
  return cast(minimum(add(mul(block, scalar(BLOCK)), index), scalar(vocabulary - 1)), "i32")
}

/**
 * The chosen token (int32 `[rows]`) and its log-probability in nats under the distribution it was drawn from. Where a
 * logit is NaN or +∞, or all are −∞, there is none: the token is any of the vocabulary, its log-probability NaN.
 */
export const sample = (
  sampling: Sampling,
  inputs: SamplerInputs
): { readonly tokens: Tensor; readonly logprobs: Tensor } => {
  const biased = (x: Tensor) => inputs.bias === undefined ? x : add(x, inputs.bias)
  if (sampling.greedy) {
    const logits = biased(inputs.logits)
    const tokens = cast(argmax(logits), "i32")
    return { tokens, logprobs: sub(pick(logits, tokens), logSumExp(logits, [1])) }
  }
  const logits = biased(div(inputs.logits, inputs.temperature))
  const full = softmax(logits)
  const probabilities = sampling.nucleus ? nucleus(full, inputs.topP) : full
  const tokens = draw(probabilities, inputs.uniforms)
  // A drawn token has mass: its logarithm loses nothing, and costs fewer passes than logits minus their log-sum-exp.
  return { tokens, logprobs: log(pick(probabilities, tokens)) }
}
