/** One ratio for all tokens of a sequence. */
import { gather, mul, reshape, scatterAdd, type Tensor, zeros } from "../graph/index.ts"

/** Which sequence each row is of. */
export interface Sequences {
  /** Their number, padded. */
  readonly count: number
  /** Int `[rows]`, from 0; any for padding. */
  readonly of: Tensor
  /** `[rows]`: 1 by the length of the row's sequence; 0 for padding. */
  readonly share: Tensor
}

/**
 * The mean of log-ratios over the sequence of each row: the log of GSPO's ratio, (π(y) / π_old(y))^(1/|y|) (Zheng et
 * al. 2025, "Group Sequence Policy Optimization", arXiv 2507.18071).
 *
 * @param logRatios `[rows]`; 0 for padding
 */
export const ofSequences = (logRatios: Tensor, { count, of, share }: Sequences): Tensor => {
  const rows = logRatios.shape[0] as number
  const means = scatterAdd(zeros([count, 1]), of, reshape(mul(logRatios, share), [rows, 1]))
  return reshape(gather(means, of), [rows])
}
