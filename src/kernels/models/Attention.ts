/** Scaled dot-product attention with grouped key-value heads, over tensors laid out `[batch, heads, length, width]`. */
import { add, matmul, reshape, softmax, type Tensor, transpose } from "../graph/index.ts"

/** `[batch·length, heads·width]` → `[batch, heads, length, width]`. */
export const splitHeads = (x: Tensor, batch: number, length: number, heads: number): Tensor =>
  transpose(reshape(x, [batch, length, heads, (x.shape[1] as number) / heads]), [0, 2, 1, 3])

/** `[batch, heads, length, width]` → `[batch·length, heads·width]`. */
export const joinHeads = (x: Tensor): Tensor => {
  const [batch, heads, length, width] = x.shape as [number, number, number, number]
  return reshape(transpose(x, [0, 2, 1, 3]), [batch * length, heads * width])
}

/**
 * softmax(q·kᵀ/√d + bias)·v. Query heads share key-value heads in runs (GQA, Ainslie et al. 2023) by folding the run
 * into the length, so keys are never repeated.
 *
 * @param q `[batch, heads, length, d]`
 * @param k `[batch, kvHeads, keys, d]`, as `v`
 * @param bias broadcasts to `[batch, heads, length, keys]`
 */
export const attention = (q: Tensor, k: Tensor, v: Tensor, bias?: Tensor): Tensor => {
  const [batch, heads, length, width] = q.shape as [number, number, number, number]
  const [, kvHeads, keys] = k.shape as [number, number, number]
  const folded = reshape(q, [batch, kvHeads, heads / kvHeads * length, width])
  const scores = reshape(matmul(folded, k, { transB: true, alpha: 1 / Math.sqrt(width) }), [batch, heads, length, keys])
  const weights = softmax(bias === undefined ? scores : add(scores, bias))
  return reshape(matmul(reshape(weights, [batch, kvHeads, heads / kvHeads * length, keys]), v), [
    batch,
    heads,
    length,
    width
  ])
}
