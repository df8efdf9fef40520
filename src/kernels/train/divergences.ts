/**
 * Estimates of KL(π ‖ reference) from single tokens (Schulman 2020, "Approximating KL divergence"), as penalties: what
 * is minimised is their value, so it is their gradient that has to be right.
 */
import { exp, mul, neg, scalar, sub, type Tensor } from "../graph/index.ts"

/** One of `divergences`. */
export type Divergence = "k3" | "k1" | "k3-corrected"

/** e^g − g − 1, never below 0. */
const k3 = (gap: Tensor): Tensor => sub(sub(exp(gap), gap), scalar(1))

/**
 * By name, of the gap g = log reference − log π and the ratio ρ of the loss.
 *
 * - k3: e^g − g − 1, as GRPO has it (Shao et al. 2024, eq. 4)
 * - k1: ρ·(−g). Without the ratio its gradient would be that of log π, 0 in the mean, and hold nothing
 * - k3-corrected: ρ·(e^g − g − 1), whose gradient is that of the divergence (DeepSeek-AI 2025, "DeepSeek-V3.2", arXiv
 *   2512.02556)
 */
export const divergences: Readonly<Record<Divergence, (gap: Tensor, ratio: Tensor) => Tensor>> = {
  k3,
  k1: (gap, ratio) => mul(ratio, neg(gap)),
  "k3-corrected": (gap, ratio) => mul(ratio, k3(gap))
}
