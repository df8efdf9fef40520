/** Names and shapes of the tensors of a Qwen2-VL or Qwen2.5-VL checkpoint, in the published layout. */
import type { Config, VisionConfig } from "./Config.ts"

export interface ParameterSpec {
  readonly name: string
  readonly shape: ReadonlyArray<number>
  /** Norms and biases are spared from weight decay. */
  readonly decay: boolean
  readonly part: "vision" | "decoder"
}

const matrix = (name: string, ...shape: ReadonlyArray<number>) => ({ name, shape, decay: true })
const vector = (name: string, length: number) => ({ name, shape: [length], decay: false })
const dense = (
  name: string,
  out: number,
  inner: number
) => [matrix(`${name}.weight`, out, inner), vector(`${name}.bias`, out)]
/** Layer norms have a bias, root-mean-square norms none. */
const visionNorm = (
  name: string,
  width: number,
  block: VisionConfig["block"]
) => [vector(`${name}.weight`, width), ...(block === "swiglu" ? [] : [vector(`${name}.bias`, width)])]

const visionBlock = (index: number, { block, mlpWidth, width }: VisionConfig) => {
  const at = `visual.blocks.${index}`
  return [
    ...visionNorm(`${at}.norm1`, width, block),
    ...dense(`${at}.attn.qkv`, 3 * width, width),
    ...dense(`${at}.attn.proj`, width, width),
    ...visionNorm(`${at}.norm2`, width, block),
    ...(block === "swiglu"
      ? [
        ...dense(`${at}.mlp.gate_proj`, mlpWidth, width),
        ...dense(`${at}.mlp.up_proj`, mlpWidth, width),
        ...dense(`${at}.mlp.down_proj`, width, mlpWidth)
      ]
      : [...dense(`${at}.mlp.fc1`, mlpWidth, width), ...dense(`${at}.mlp.fc2`, width, mlpWidth)])
  ]
}

const decoderLayer = (index: number, { headWidth, kvHeads, mlpWidth, width }: Config) => {
  const at = `model.layers.${index}`
  return [
    vector(`${at}.input_layernorm.weight`, width),
    ...dense(`${at}.self_attn.q_proj`, width, width),
    ...dense(`${at}.self_attn.k_proj`, kvHeads * headWidth, width),
    ...dense(`${at}.self_attn.v_proj`, kvHeads * headWidth, width),
    matrix(`${at}.self_attn.o_proj.weight`, width, width),
    vector(`${at}.post_attention_layernorm.weight`, width),
    matrix(`${at}.mlp.gate_proj.weight`, mlpWidth, width),
    matrix(`${at}.mlp.up_proj.weight`, mlpWidth, width),
    matrix(`${at}.mlp.down_proj.weight`, width, mlpWidth)
  ]
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i)

/** Every tensor of the model, vision tower first. */
export const specs = (config: Config): ReadonlyArray<ParameterSpec> => {
  const { vision } = config
  const merged = vision.width * vision.merge * vision.merge
  return [
    ...[
      matrix(
        "visual.patch_embed.proj.weight",
        vision.width,
        vision.channels,
        vision.temporalPatch,
        vision.patch,
        vision.patch
      ),
      ...range(vision.depth).flatMap((i) => visionBlock(i, vision)),
      ...visionNorm("visual.merger.ln_q", vision.width, vision.block),
      ...dense("visual.merger.mlp.0", merged, merged),
      ...dense("visual.merger.mlp.2", config.width, merged)
    ].map((spec) => ({ ...spec, part: "vision" as const })),
    ...[
      matrix("model.embed_tokens.weight", config.vocabulary, config.width),
      ...range(config.layers).flatMap((i) => decoderLayer(i, config)),
      vector("model.norm.weight", config.width),
      ...(config.tied ? [] : [matrix("lm_head.weight", config.vocabulary, config.width)])
    ].map((spec) => ({ ...spec, part: "decoder" as const }))
  ]
}

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
  name.endsWith("inv_freq") || config.tied && name === "lm_head.weight"

/** The other way round: the name in transformers 5, which is also PEFT's. */
export const currentName = (name: string): string =>
  name.startsWith("visual.")
    ? `model.${name}`
    : name.startsWith("model.")
    ? `model.language_model.${name.slice("model.".length)}`
    : name
