/** One token a row from logits, inside the graph: temperature, nucleus and format mask, by inverse CDF from fed uniforms. */
import {
  add, argmax, cast, cumulativeSum, div, less, log, logSumExp, max, mul, pick, reshape, scalar, softmax, sortDescending, sub, sum, type Tensor, where
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
  /** Additive mask `[rows, vocabulary]`. */
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

/** The chosen token (int32 `[rows]`) and its log-probability in nats under the distribution it was drawn from. */
export const sample = (sampling: Sampling, inputs: SamplerInputs): { readonly tokens: Tensor; readonly logprobs: Tensor } => {
  const masked = (x: Tensor) => inputs.bias === undefined ? x : add(x, inputs.bias)
  if (sampling.greedy) {
    const logits = masked(inputs.logits)
    const tokens = cast(argmax(logits), "i32")
    return { tokens, logprobs: sub(pick(logits, tokens), logSumExp(logits, [1])) }
  }
  const logits = masked(div(inputs.logits, inputs.temperature))
  const full = softmax(logits)
  const probabilities = sampling.nucleus ? nucleus(full, inputs.topP) : full
  const cumulative = cumulativeSum(probabilities)
  const vocabulary = logits.shape[1] as number
  const total = max(cumulative, [1])
  const above = less(column(mul(inputs.uniforms, total)), cumulative)
  const tokens = cast(sub(scalar(vocabulary), sum(cast(above, "f32"), [1])), "i32")
  // A drawn token has mass: its logarithm loses nothing, and costs fewer passes than logits minus their log-sum-exp.
  return { tokens, logprobs: log(pick(probabilities, tokens)) }
}
