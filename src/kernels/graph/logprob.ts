/**
 * Log-probabilities of given tokens, or of all tokens that a mask allows, straight from hidden states and the output
 * embedding.
 *
 * The gradient never materialises d(logits): with P the softmax and d the cotangent of the log-probabilities,
 * dX = d·(E[target] − P·E) and dE = scatter(d·X) − Pᵀ·(d·X). Rows are taken in chunks, so that a vocabulary of 150k
 * costs `chunk × vocabulary` floats of memory, not `rows × vocabulary`.
 */
import { sum } from "./broadcast.ts"
import { withVjp } from "./custom.ts"
import { add, log, minimum, mul, neg, sub } from "./elementwise.ts"
import { gather, pick, scatterAdd } from "./indexing.ts"
import { concat, reshape, slice } from "./layout.ts"
import { matmul } from "./linear.ts"
import { max } from "./reduce.ts"
import { fail } from "./Shape.ts"
import { logSumExp, softmax } from "./softmax.ts"
import { scalar, type Tensor } from "./Tensor.ts"

export interface LogprobOptions {
  /** Sampling temperature the tokens were drawn at. Default 1. */
  readonly temperature?: number
  /** Rows handled at a time. */
  readonly chunk?: number
  /** Added to the logits, `[rows, vocabulary]`: the grammar. Receives no gradient. */
  readonly bias?: Tensor
}

/**
 * log softmax(x·Eᵀ/T + bias)[target] for each row.
 *
 * @param x `[rows, width]`
 * @param embedding `[vocabulary, width]`
 * @param targets int `[rows]`
 * @returns `[rows]`, nats
 */
export const selectedLogprob = (
  x: Tensor,
  embedding: Tensor,
  targets: Tensor,
  options: LogprobOptions = {}
): Tensor => {
  const [rows, width] = x.shape as [number, number]
  if (embedding.shape[1] !== width || targets.shape[0] !== rows) {
    return fail("selectedLogprob", "rows do not fit", x.shape, embedding.shape)
  }
  return inChunks(
    rows,
    options.chunk,
    (start, end) =>
      chunkLogprob(
        slice(x, 0, start, end),
        embedding,
        slice(targets, 0, start, end),
        1 / (options.temperature ?? 1),
        options.bias && slice(options.bias, 0, start, end)
      )
  )
}

/** Rows taken so many at a time. */
export const inChunks = (rows: number, chunk = rows, part: (start: number, end: number) => Tensor): Tensor =>
  concat(Array.from({ length: Math.ceil(rows / chunk) }, (_, i) => part(i * chunk, Math.min(rows, (i + 1) * chunk))), 0)

const chunkLogprob = (
  x: Tensor,
  embedding: Tensor,
  targets: Tensor,
  scale: number,
  bias: Tensor | undefined
): Tensor => {
  const rows = x.shape[0] as number
  const product = matmul(x, embedding, { transB: true, alpha: scale })
  const logits = bias === undefined ? product : add(product, bias)
  const top = max(logits, [1])
  const probabilities = softmax(logits)
  // The greatest probability is 1/Σ exp(logits − top), which cannot underflow as other entries do.
  const mass = sub(top, log(max(probabilities, [1])))
  const chosen = gather(embedding, targets)
  const score = mul(sum(mul(x, chosen), [1]), scalar(scale))
  const value = bias === undefined ? score : add(score, pick(bias, targets))
  return withVjp(sub(value, mass), [x, embedding], (d) => {
    const weight = mul(reshape(d, [rows, 1]), scalar(scale))
    const weighted = mul(x, weight)
    return [
      mul(weight, sub(chosen, matmul(probabilities, embedding))),
      // The product first: the scatter then starts from it and no dense zero tensor is added.
      scatterAdd(matmul(probabilities, neg(weighted), { transA: true }), targets, weighted)
    ]
  })
}

/** What `allowedLogprob` reads of each token: it may come next; it may not; it is left out of the question. */
export const Choice = { allowed: 0, forbidden: -1e9, aside: -2e9 } as const

/**
 * log Σ softmax(x·Eᵀ) over the tokens that a mask allows, for each row: the log-probability that the next token is one
 * of them, given that it is none of those left aside.
 *
 * @param x `[rows, width]`
 * @param embedding `[vocabulary, width]`
 * @param bias `[rows, vocabulary]` of `Choice`; at least one token of a row is allowed. Receives no gradient.
 * @returns `[rows]`, nats, at most 0
 */
export const allowedLogprob = (x: Tensor, embedding: Tensor, bias: Tensor, chunk?: number): Tensor => {
  const [rows, width] = x.shape as [number, number]
  if (embedding.shape[1] !== width || bias.shape[0] !== rows) {
    return fail("allowedLogprob", "rows do not fit", x.shape, bias.shape)
  }
  return inChunks(
    rows,
    chunk,
    (start, end) => chunkAllowed(slice(x, 0, start, end), embedding, slice(bias, 0, start, end))
  )
}

const chunkAllowed = (x: Tensor, embedding: Tensor, bias: Tensor): Tensor => {
  const rows = x.shape[0] as number
  const product = matmul(x, embedding, { transB: true })
  const masked = add(product, bias)
  // What is forbidden counts again, what is aside does not.
  const logits = add(product, minimum(sub(bias, scalar(Choice.forbidden)), scalar(0)))
  // A softmax's own entries, so that value and gradient agree; the masked one is 1 in all where nothing is masked.
  const gap = sub(softmax(masked), softmax(logits))
  return withVjp(sub(logSumExp(masked, [1]), logSumExp(logits, [1])), [x, embedding], (d) => {
    const weight = reshape(d, [rows, 1])
    return [mul(weight, matmul(gap, embedding)), matmul(gap, mul(x, weight), { transA: true })]
  })
}
