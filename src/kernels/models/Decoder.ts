/** The decoder of Qwen2 and Qwen3: pre-norm blocks with rotary grouped-query attention and a SwiGLU. */
import { add, checkpoint, gather, mul, reshape, rmsNorm, silu, type Tensor } from "../graph/index.ts"
import type { Config } from "./Config.ts"
import { adapted, biasedProduct, type Lookup, product } from "./Lookup.ts"

/**
 * How a layer attends: given queries `[rows, heads·d]` and keys, values `[rows, kvHeads·d]`, the mixed `[rows,
 * heads·d]`.
 */
export type Attend = (layer: number, q: Tensor, k: Tensor, v: Tensor) => Tensor

/**
 * Runs the layers over hidden states `[rows, width]` and returns the normed result. Attention is passed in, for the
 * three ways it is used (whole sequences, prefill, one token against a cache) differ in nothing else.
 *
 * @param added what the images' tokens are given behind the first layers, `[rows, width]` for each (DeepStack)
 * @param onLayer called with the hidden states behind each layer, `[rows, width]`, before the final norm
 * @param wanted int32 `[n]`: rows whose result is needed, in the order they come back. The others still lend the last
 * layer their keys and values, and are spared the rest of it.
 */
export const decoder = (
  config: Config,
  p: Lookup,
  hidden: Tensor,
  attend: Attend,
  { added = [], onLayer, wanted }: {
    readonly added?: ReadonlyArray<Tensor>
    readonly wanted?: Tensor | undefined
    readonly onLayer?: (output: Tensor) => void
  } = {}
): Tensor => {
  const { attention, headWidth, layers, normEpsilon } = config
  let x = checkpoint(hidden)
  for (let i = 0; i < layers; i++) {
    const at = `model.layers.${i}`
    const biased = (input: Tensor, name: string) =>
      adapted(p, `${at}.${name}`, input, biasedProduct(p, `${at}.${name}`, input))
    const plain = (input: Tensor, name: string) =>
      adapted(p, `${at}.${name}`, input, product(p, `${at}.${name}.weight`, input))
    /** Each head's part of a row normed by itself. */
    const byHead = (input: Tensor, name: string) =>
      reshape(rmsNorm(reshape(input, [-1, headWidth]), p(`${at}.${name}.weight`), normEpsilon), input.shape)
    const normed = rmsNorm(x, p(`${at}.input_layernorm.weight`), normEpsilon)
    const mixed = attention === "biased"
      ? attend(
        i,
        biased(normed, "self_attn.q_proj"),
        biased(normed, "self_attn.k_proj"),
        biased(normed, "self_attn.v_proj")
      )
      : attend(
        i,
        byHead(plain(normed, "self_attn.q_proj"), "self_attn.q_norm"),
        byHead(plain(normed, "self_attn.k_proj"), "self_attn.k_norm"),
        plain(normed, "self_attn.v_proj")
      )
    const going = wanted !== undefined && i === layers - 1
      ? (rows: Tensor) => gather(rows, wanted)
      : (rows: Tensor) => rows
    x = add(going(x), plain(going(mixed), "self_attn.o_proj"))
    const second = rmsNorm(x, p(`${at}.post_attention_layernorm.weight`), normEpsilon)
    x = add(x, plain(mul(silu(plain(second, "mlp.gate_proj")), plain(second, "mlp.up_proj")), "mlp.down_proj"))
    const extra = added[i]
    x = checkpoint(extra === undefined ? x : add(x, going(extra)))
    onLayer?.(x)
  }
  return readable(config, p, x)
}

/** A layer's output as the output embedding reads it. */
export const readable = (config: Config, p: Lookup, x: Tensor): Tensor =>
  rmsNorm(x, p("model.norm.weight"), config.normEpsilon)

/** The parameter that is the output embedding. */
const headName = (config: Config): string => config.tied ? "model.embed_tokens.weight" : "lm_head.weight"

/** The output embedding `[vocabulary, width]`. */
export const head = (config: Config, p: Lookup): Tensor => p(headName(config))

/** Logits `[rows, vocabulary]` of normed hidden states. */
export const logits = (config: Config, p: Lookup, hidden: Tensor): Tensor => product(p, headName(config), hidden)
