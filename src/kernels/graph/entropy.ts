/**
 * Entropy of the distributions that hidden states predict, straight from hidden states and the output embedding.
 *
 * With P the softmax, H = −Σ P·log P and ∂H/∂logit = −P·(log P + H). As in `logprob.ts`, rows are taken in chunks.
 */
import { sum } from "./broadcast.ts"
import { withVjp } from "./custom.ts"
import { add, log, mul, neg, sub } from "./elementwise.ts"
import { reshape, slice } from "./layout.ts"
import { matmul } from "./linear.ts"
import { inChunks, type LogprobOptions } from "./logprob.ts"
import { max } from "./reduce.ts"
import { fail } from "./Shape.ts"
import { softmax } from "./softmax.ts"
import { scalar, type Tensor } from "./Tensor.ts"

/**
 * −Σ p·log p of p = softmax(x·Eᵀ/T + bias) for each row. What a grammar forbids has no probability, and counts nothing.
 *
 * @param x `[rows, width]`
 * @param embedding `[vocabulary, width]`
 * @returns `[rows]`, nats
 */
export const entropy = (x: Tensor, embedding: Tensor, options: LogprobOptions = {}): Tensor => {
  const [rows, width] = x.shape as [number, number]
  const { bias, chunk, temperature = 1 } = options
  if (embedding.shape[1] !== width || (bias !== undefined && bias.shape[0] !== rows)) {
    return fail("entropy", "rows do not fit", x.shape, embedding.shape)
  }
  return inChunks(
    rows,
    chunk,
    (start, end) =>
      chunkEntropy(slice(x, 0, start, end), embedding, 1 / temperature, bias && slice(bias, 0, start, end))
  )
}

const chunkEntropy = (x: Tensor, embedding: Tensor, scale: number, bias: Tensor | undefined): Tensor => {
  const rows = x.shape[0] as number
  const product = matmul(x, embedding, { transB: true, alpha: scale })
  const logits = bias === undefined ? product : add(product, bias)
  const probabilities = softmax(logits)
  // The greatest probability is 1/Σ exp(logits − top), which cannot underflow as other entries do.
  const mass = sub(max(logits, [1]), log(max(probabilities, [1])))
  const surprise = mul(probabilities, sub(logits, reshape(mass, [rows, 1])))
  const value = neg(sum(surprise, [1]))
  return withVjp(value, [x, embedding], (d) => {
    const weight = reshape(d, [rows, 1])
    const slope = mul(add(surprise, mul(probabilities, reshape(value, [rows, 1]))), mul(weight, scalar(-scale)))
    return [matmul(slope, embedding), matmul(slope, x, { transA: true })]
  })
}
