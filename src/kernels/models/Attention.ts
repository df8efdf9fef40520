/** Scaled dot-product attention with grouped key-value heads, over tensors laid out `[batch, heads, length, width]`. */
import {
  add,
  concat,
  constant,
  lessOrEqual,
  matmul,
  mul,
  reshape,
  softmax,
  split,
  sub,
  sum,
  type Tensor,
  transpose,
  withVjp
} from "../graph/index.ts"

/** `[batch·length, heads·width]` → `[batch, heads, length, width]`. */
export const splitHeads = (x: Tensor, batch: number, length: number, heads: number): Tensor =>
  transpose(reshape(x, [batch, length, heads, (x.shape[1] as number) / heads]), [0, 2, 1, 3])

/** `[batch, heads, length, width]` → `[batch·length, heads·width]`. */
export const joinHeads = (x: Tensor): Tensor => {
  const [batch, heads, length, width] = x.shape as [number, number, number, number]
  return reshape(transpose(x, [0, 2, 1, 3]), [batch * length, heads * width])
}

/** Added to the score of a key that is not to be seen. */
export const MASKED = -1e9

/** Whether the key of a column comes before the query of a row or with it: `[length, length]`. */
export const causal = (length: number): Tensor => {
  const order = Int32Array.from({ length }, (_, i) => i)
  return lessOrEqual(constant(order, [1, length]), constant(order, [length, 1]))
}

/** Keys that queries are compared with, and the values that they choose from. */
export interface Choice {
  /** `[…, keys, d]`, as `values`. */
  readonly keys: Tensor
  readonly values: Tensor
  /** How the leading axes of queries are folded for this product: `[…, queries, d]`, as many values as in `q`. */
  readonly fold: ReadonlyArray<number>
}

/**
 * softmax(q·kᵀ/√d + bias)·v, where keys lie in one tensor or several that the softmax sees side by side.
 *
 * Its backward pass takes the softmax's inner product Σ g·y from result and cotangent, which are narrower than the
 * weights (Dao et al. 2022, FlashAttention, section B.2).
 *
 * @param q `[…, queries, d]`
 * @param bias broadcasts to `[…, queries, all keys]`
 */
export const choose = (q: Tensor, choices: ReadonlyArray<Choice>, bias?: Tensor): Tensor => {
  const width = q.shape.at(-1) as number
  const outer = q.shape.slice(0, -1)
  const alpha = 1 / Math.sqrt(width)
  const lengths = choices.map(({ keys }) => keys.shape.at(-2) as number)
  const scores = choices.map(({ fold, keys }, i) =>
    reshape(matmul(reshape(q, fold), keys, { transB: true, alpha }), [...outer, lengths[i] as number])
  )
  const joined = concat(scores, -1)
  const weights = split(softmax(bias === undefined ? joined : add(joined, bias)), -1, lengths)
  const chosen = (weight: Tensor, { fold, values }: Choice) =>
    reshape(matmul(reshape(weight, [...fold.slice(0, -1), values.shape.at(-2) as number]), values), q.shape)
  const result = choices
    .map((choice, i) => chosen(weights[i] as Tensor, choice))
    .reduce((total, part) => add(total, part))
  const count = choices.length
  return withVjp(
    result,
    [...scores, ...choices.map(({ values }) => values), ...weights],
    (g, inputs, result) => {
      const inner = reshape(sum(mul(g, result), [-1]), [...outer, 1])
      const parts = choices.map(({ fold }, i) => {
        const [values, weight] = [inputs[count + i] as Tensor, inputs[2 * count + i] as Tensor]
        const folded = reshape(g, fold)
        const keys = values.shape.at(-2) as number
        return {
          score: mul(weight, sub(reshape(matmul(folded, values, { transB: true }), weight.shape), inner)),
          values: matmul(reshape(weight, [...fold.slice(0, -1), keys]), folded, { transA: true })
        }
      })
      return [...parts.map(({ score }) => score), ...parts.map(({ values }) => values)]
    }
  )
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
  const kvHeads = k.shape[1] as number
  const fold = [batch, kvHeads, heads / kvHeads * length, width]
  return choose(q, [{ keys: k, values: v, fold }], bias)
}
