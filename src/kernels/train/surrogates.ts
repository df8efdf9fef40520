/** What of a ratio's and an advantage's product is maximised, by how far the ratio may go. */
import {
  div,
  equals,
  less,
  maximum,
  minimum,
  mul,
  not,
  scalar,
  sigmoid,
  stopGradient,
  sub,
  type Tensor,
  where
} from "../graph/index.ts"

/** One of `surrogates`. */
export type Surrogate = "clipped" | "weighted" | "gated"

interface Inputs {
  /** ρ, of the token or of its sequence. */
  readonly ratio: Tensor
  readonly logprobs: Tensor
  readonly advantages: Tensor
  readonly clipLow: Tensor
  readonly clipHigh: Tensor
  readonly gate: { readonly positive: Tensor; readonly negative: Tensor } | undefined
}

interface Made {
  /** `[rows]`, to maximise. */
  readonly value: Tensor
  /** Whether a bound holds the row; absent where there are no bounds. */
  readonly clipped?: Tensor
}

const bounded = ({ clipHigh, clipLow, ratio }: Inputs): Tensor => minimum(maximum(ratio, clipLow), clipHigh)

/** min(ρ·A, clip(ρ)·A): PPO's (Schulman et al. 2017), which GRPO, Dr. GRPO, DAPO and GSPO keep. */
const clipped = (inputs: Inputs): Made => {
  const { advantages, ratio } = inputs
  const clipped = bounded(inputs)
  const plain = mul(ratio, advantages)
  const within = mul(clipped, advantages)
  return { value: minimum(plain, within), clipped: less(within, plain) }
}

/**
 * sg[clip(ρ)]·A·log π: CISPO (MiniMax 2025, "MiniMax-M1", arXiv 2506.13585, eq. 4 and 5). The ratio is a weight through
 * which no gradient flows: bounded it still lets every token learn.
 */
const weighted = (inputs: Inputs): Made => {
  const { advantages, logprobs, ratio } = inputs
  const weight = bounded(inputs)
  return { value: mul(mul(stopGradient(weight), advantages), logprobs), clipped: not(equals(weight, ratio)) }
}

/**
 * 4/τ·σ(τ·(ρ − 1))·A: SAPO (Gao et al. 2025, "Soft Adaptive Policy Optimization", arXiv 2511.20347). The gradient
 * fades as the ratio leaves 1, at once faster where the advantage is not above 0.
 */
const gated = ({ advantages, gate, ratio }: Inputs): Made => {
  if (gate === undefined) throw new Error("a gated surrogate needs its temperatures")
  const temperature = where(less(scalar(0), advantages), gate.positive, gate.negative)
  const open = sigmoid(mul(temperature, sub(ratio, scalar(1))))
  return { value: mul(mul(open, div(scalar(4), temperature)), advantages) }
}

/** By name. */
export const surrogates: Readonly<Record<Surrogate, (inputs: Inputs) => Made>> = { clipped, weighted, gated }
