/** Names and shapes of the tensors of a checkpoint, as Qwen2-VL's are on the hub. */
import type { Config } from "./Config.ts"
import { type Block, kinds } from "./VisionBlock.ts"
import type { VisionConfig } from "./VisionConfig.ts"

export interface ParameterSpec {
  readonly name: string
  readonly shape: ReadonlyArray<number>
  /** Norms and biases are spared from weight decay. */
  readonly decay: boolean
  readonly part: "vision" | "decoder"
  /**
   * Whether it is the matrix of a linear layer between others: what adapters are put on and what is rounded. Embeddings
   * are looked up, the output matrix reads the whole vocabulary, and a convolution has other axes.
   */
  readonly linear: boolean
}

const table = (name: string, ...shape: ReadonlyArray<number>) => ({ name, shape, decay: true, linear: false })
const matrix = (name: string, out: number, inner: number) => ({ name, shape: [out, inner], decay: true, linear: true })
const vector = (name: string, length: number) => ({ name, shape: [length], decay: false, linear: false })
const dense = (
  name: string,
  out: number,
  inner: number
) => [matrix(`${name}.weight`, out, inner), vector(`${name}.bias`, out)]
const visionNorm = (
  name: string,
  width: number,
  { norm }: Block
) => [vector(`${name}.weight`, width), ...(norm === "rms" ? [] : [vector(`${name}.bias`, width)])]

const visionBlock = (index: number, { block, mlpWidth, width }: VisionConfig) => {
  const at = `visual.blocks.${index}`
  const kind = kinds[block]
  return [
    ...visionNorm(`${at}.norm1`, width, kind),
    ...dense(`${at}.attn.qkv`, 3 * width, width),
    ...dense(`${at}.attn.proj`, width, width),
    ...visionNorm(`${at}.norm2`, width, kind),
    ...kind.mlp.flatMap(([name, way]) =>
      way === "wide" ? dense(`${at}.mlp.${name}`, mlpWidth, width) : dense(`${at}.mlp.${name}`, width, mlpWidth)
    )
  ]
}

/** @param normed width of what the norm reads: a patch, or the patches of a visual token */
const merger = (at: string, out: number, { block, merge, width }: VisionConfig, normed: number) => {
  const kind = kinds[block]
  const merged = width * merge * merge
  return [
    ...visionNorm(`${at}.${kind.merger.norm}`, normed, kind),
    ...dense(`${at}.${kind.merger.first}`, merged, merged),
    ...dense(`${at}.${kind.merger.second}`, out, merged)
  ]
}

const tower = (vision: VisionConfig, out: number) => {
  const { channels, deepstack, depth, merge, patch, places, temporalPatch, width } = vision
  return [
    table("visual.patch_embed.proj.weight", width, channels, temporalPatch, patch, patch),
    ...(kinds[vision.block].patchBias ? [vector("visual.patch_embed.proj.bias", width)] : []),
    ...(places === undefined ? [] : [table("visual.pos_embed.weight", places * places, width)]),
    ...range(depth).flatMap((i) => visionBlock(i, vision)),
    ...merger("visual.merger", out, vision, width),
    ...deepstack.flatMap((_, i) => merger(`visual.deepstack_merger_list.${i}`, out, vision, width * merge * merge))
  ]
}

const decoderLayer = (index: number, { attention, headWidth, heads, kvHeads, mlpWidth, width }: Config) => {
  const at = `model.layers.${index}`
  const projection = (name: string, count: number) =>
    attention === "biased"
      ? dense(`${at}.self_attn.${name}`, count * headWidth, width)
      : [matrix(`${at}.self_attn.${name}.weight`, count * headWidth, width)]
  return [
    vector(`${at}.input_layernorm.weight`, width),
    ...projection("q_proj", heads),
    ...projection("k_proj", kvHeads),
    ...projection("v_proj", kvHeads),
    ...(attention === "normed"
      ? [vector(`${at}.self_attn.q_norm.weight`, headWidth), vector(`${at}.self_attn.k_norm.weight`, headWidth)]
      : []),
    matrix(`${at}.self_attn.o_proj.weight`, width, heads * headWidth),
    vector(`${at}.post_attention_layernorm.weight`, width),
    matrix(`${at}.mlp.gate_proj.weight`, mlpWidth, width),
    matrix(`${at}.mlp.up_proj.weight`, mlpWidth, width),
    matrix(`${at}.mlp.down_proj.weight`, width, mlpWidth)
  ]
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i)

/** The table of tokens, and the output matrix, which may be the same. */
export const [embedding, head] = ["model.embed_tokens.weight", "lm_head.weight"] as const

/** Every tensor of the model, vision tower first. */
export const specs = (config: Config): ReadonlyArray<ParameterSpec> => [
  ...tower(config.vision, config.width).map((spec) => ({ ...spec, part: "vision" as const })),
  ...[
    table(embedding, config.vocabulary, config.width),
    ...range(config.layers).flatMap((i) => decoderLayer(i, config)),
    vector("model.norm.weight", config.width),
    ...(config.tied ? [] : [table(head, config.vocabulary, config.width)])
  ].map((spec) => ({ ...spec, part: "decoder" as const }))
]

/**
 * The published name of a tensor that newer transformers versions write as `model.visual.…` or
 * `model.language_model.…`.
 */
export const canonicalName = (name: string): string =>
  name.startsWith("model.visual.") ?
    name.slice("model.".length)
    : name.startsWith("model.language_model.") ?
    `model.${name.slice("model.language_model.".length)}`
    : name

/**
 * Whether a checkpoint may hold a tensor that the model has no parameter for: rotary frequencies, which follow from the
 * configuration, and the output matrix of a model whose configuration ties it to the embedding. Any other is a sign of
 * arithmetic that is not implemented.
 */
export const isSpare = (config: Config, name: string): boolean =>
  name.endsWith("inv_freq") || config.tied && name === head

/** The other way round: the name in transformers 5, which is also PEFT's. */
export const currentName = (name: string): string =>
  name.startsWith("visual.")
    ? `model.${name}`
    : name.startsWith("model.")
    ? `model.language_model.${name.slice("model.".length)}`
    : name

/** The name of a parameter in a directory that is saved: the one that transformers looks for. */
export const savedName = ({ names }: Pick<Config, "names">, name: string): string =>
  names === "published" ? name : currentName(name)
