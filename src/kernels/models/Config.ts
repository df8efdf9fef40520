/**
 * The arithmetic of a Qwen2-VL checkpoint, read from its Hugging Face `config.json`.
 *
 * Both layouts are read: text fields at the top (the published checkpoints) and under `text_config` (transformers 5).
 * A field that would change the arithmetic and is not implemented is an error, never a silent wrong answer.
 */
import { Effect, Schema } from "effect"

export class ConfigError extends Schema.TaggedError<ConfigError>()("ConfigError", {
  field: Schema.String,
  found: Schema.String,
  expected: Schema.String
}) {
  override get message() {
    return `config.json: ${this.field} is ${this.found}, expected ${this.expected}`
  }
}

export interface VisionConfig {
  readonly depth: number
  readonly width: number
  readonly heads: number
  readonly mlpWidth: number
  readonly patch: number
  readonly temporalPatch: number
  readonly merge: number
  readonly channels: number
}

export interface Config {
  readonly modelType: "qwen2_vl"
  readonly vocabulary: number
  readonly width: number
  readonly mlpWidth: number
  readonly layers: number
  readonly heads: number
  readonly kvHeads: number
  readonly headWidth: number
  readonly normEpsilon: number
  readonly ropeTheta: number
  /** How many frequencies follow the temporal, height and width position; sums to `headWidth / 2`. */
  readonly mropeSection: readonly [number, number, number]
  readonly maxPositions: number
  readonly tied: boolean
  readonly imageToken: number
  readonly vision: VisionConfig
}

const Count = Schema.Int.pipe(Schema.check(Schema.isGreaterThan(0)))

const Rope = Schema.Struct({
  type: Schema.optional(Schema.String),
  rope_type: Schema.optional(Schema.String),
  rope_theta: Schema.optional(Schema.Finite),
  mrope_section: Schema.optional(Schema.Array(Schema.Int))
})

const Text = Schema.Struct({
  vocab_size: Count,
  hidden_size: Count,
  intermediate_size: Count,
  num_hidden_layers: Count,
  num_attention_heads: Count,
  num_key_value_heads: Schema.optional(Schema.NullOr(Count)),
  hidden_act: Schema.optional(Schema.String),
  rms_norm_eps: Schema.optional(Schema.Finite),
  max_position_embeddings: Schema.optional(Count),
  rope_theta: Schema.optional(Schema.Finite),
  rope_scaling: Schema.optional(Schema.NullOr(Rope)),
  rope_parameters: Schema.optional(Schema.NullOr(Rope)),
  use_sliding_window: Schema.optional(Schema.NullOr(Schema.Boolean)),
  tie_word_embeddings: Schema.optional(Schema.Boolean)
})

const Vision = Schema.Struct({
  depth: Count,
  embed_dim: Count,
  hidden_size: Count,
  hidden_act: Schema.optional(Schema.String),
  mlp_ratio: Schema.optional(Schema.Finite),
  num_heads: Count,
  in_channels: Schema.optional(Count),
  in_chans: Schema.optional(Count),
  patch_size: Count,
  spatial_merge_size: Schema.optional(Count),
  temporal_patch_size: Schema.optional(Count)
})

const Top = Schema.Struct({
  model_type: Schema.String,
  image_token_id: Schema.Int,
  tie_word_embeddings: Schema.optional(Schema.Boolean),
  vision_config: Vision,
  text_config: Schema.optional(Schema.Unknown)
})

const decode = <S extends Schema.Codec<unknown, unknown>>(schema: S, value: unknown, where: string) =>
  Schema.decodeUnknownEffect(schema)(value).pipe(
    Effect.mapError((error) => new ConfigError({ field: where, found: "not readable", expected: String(error.message) }))
  )

const require = (holds: boolean, field: string, found: unknown, expected: string) =>
  holds ? Effect.void : Effect.fail(new ConfigError({ field, found: JSON.stringify(found) ?? "absent", expected }))

/** Reads and checks a parsed `config.json`. */
export const fromJson = Effect.fn("Config.fromJson")(function*(json: unknown) {
  const top = yield* decode(Top, json, "the file")
  yield* require(top.model_type === "qwen2_vl", "model_type", top.model_type, `"qwen2_vl"`)
  const text = yield* decode(Text, top.text_config ?? json, top.text_config === undefined ? "the text fields" : "text_config")
  const rope = text.rope_parameters ?? text.rope_scaling ?? {}
  const kind = rope.rope_type ?? rope.type ?? "default"
  yield* require(kind === "mrope" || kind === "default", "rope_scaling.type", kind, `"mrope" or "default"`)
  yield* require((text.hidden_act ?? "silu") === "silu", "hidden_act", text.hidden_act, `"silu"`)
  yield* require(text.use_sliding_window !== true, "use_sliding_window", true, "false")
  const vision = top.vision_config
  yield* require((vision.hidden_act ?? "quick_gelu") === "quick_gelu", "vision_config.hidden_act", vision.hidden_act, `"quick_gelu"`)
  yield* require(vision.hidden_size === text.hidden_size, "vision_config.hidden_size", vision.hidden_size, `hidden_size ${text.hidden_size}`)
  const heads = text.num_attention_heads
  const kvHeads = text.num_key_value_heads ?? heads
  yield* require(text.hidden_size % (2 * heads) === 0, "hidden_size", text.hidden_size, `a multiple of 2 × ${heads} heads`)
  yield* require(heads % kvHeads === 0, "num_key_value_heads", kvHeads, `a divisor of ${heads}`)
  yield* require(vision.embed_dim % (4 * vision.num_heads) === 0, "vision_config.embed_dim", vision.embed_dim, `a multiple of 4 × ${vision.num_heads} heads`)
  const headWidth = text.hidden_size / heads
  const section = rope.mrope_section ?? []
  yield* require(
    section.length === 3 && section.reduce((a, b) => a + b, 0) === headWidth / 2,
    "rope_scaling.mrope_section", section, `three numbers that sum to ${headWidth / 2}`
  )
  const config: Config = {
    modelType: "qwen2_vl",
    vocabulary: text.vocab_size,
    width: text.hidden_size,
    mlpWidth: text.intermediate_size,
    layers: text.num_hidden_layers,
    heads,
    kvHeads,
    headWidth,
    normEpsilon: text.rms_norm_eps ?? 1e-6,
    ropeTheta: rope.rope_theta ?? text.rope_theta ?? 1_000_000,
    mropeSection: section as unknown as readonly [number, number, number],
    maxPositions: text.max_position_embeddings ?? 32768,
    tied: top.tie_word_embeddings ?? text.tie_word_embeddings ?? false,
    imageToken: top.image_token_id,
    vision: {
      depth: vision.depth,
      width: vision.embed_dim,
      heads: vision.num_heads,
      mlpWidth: Math.trunc(vision.embed_dim * (vision.mlp_ratio ?? 4)),
      patch: vision.patch_size,
      temporalPatch: vision.temporal_patch_size ?? 2,
      merge: vision.spatial_merge_size ?? 2,
      channels: vision.in_channels ?? vision.in_chans ?? 3
    }
  }
  return config
})
