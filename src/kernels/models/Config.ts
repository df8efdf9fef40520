/**
 * The arithmetic of a Qwen2-VL or Qwen2.5-VL checkpoint, read from its Hugging Face `config.json`.
 *
 * Both layouts are read: text fields at the top (the published checkpoints) and under `text_config` (transformers 5).
 * A field that would change the arithmetic and is not implemented is an error, never a silent wrong answer. Absent
 * fields have the values that transformers gives them.
 */
import { Effect } from "effect"
import {
  checkImplemented,
  ConfigError,
  decode,
  Kind,
  require,
  requireRope,
  Text,
  Top,
  Vision2,
  Vision25,
  wrong
} from "./ConfigFields.ts"
import * as Limits from "./ConfigLimits.ts"

export { ConfigError } from "./ConfigFields.ts"

export interface VisionConfig {
  readonly depth: number
  readonly width: number
  readonly heads: number
  readonly mlpWidth: number
  readonly patch: number
  readonly temporalPatch: number
  readonly merge: number
  readonly channels: number
  readonly ropeTheta: number
  /**
   * `quickGelu`: layer norms and a two-matrix MLP (Qwen2-VL). `swiglu`: root-mean-square norms and a gated one
   * (Qwen2.5-VL).
   */
  readonly block: "quickGelu" | "swiglu"
  /**
   * Blocks attend within windows of `side` × `side` visual tokens, but for those numbered in `full` (Qwen2.5-VL, 2.1).
   */
  readonly windows: { readonly side: number; readonly full: ReadonlyArray<number> } | undefined
  /** Temporal positions in a second of video (Qwen2.5-VL); undefined: one a frame, whatever its time (Qwen2-VL). */
  readonly positionsPerSecond: number | undefined
}

export interface Config {
  readonly modelType: "qwen2_vl" | "qwen2_5_vl"
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

/** What transformers' Qwen2-VL classes take for a field that a file leaves out. */
const defaults = {
  imageToken: 151655,
  maxPositions: 32768,
  mropeSection: [16, 24, 24],
  normEpsilon: 1e-5,
  ropeTheta: 1_000_000,
  visionRopeTheta: 10_000,
  windowSize: 112,
  fullBlocks: [7, 15, 23, 31],
  tokensPerSecond: 4
} as const

/** What both towers say in the same words. */
const shared = Effect.fnUntraced(function*(fields: typeof Vision2.Type | typeof Vision25.Type) {
  yield* requireRope(fields.rope_parameters ?? {}, "vision_config.rope_parameters", ["axial", "default"])
  return {
    depth: fields.depth,
    heads: fields.num_heads,
    patch: fields.patch_size,
    temporalPatch: fields.temporal_patch_size ?? 2,
    merge: fields.spatial_merge_size ?? 2,
    channels: 3,
    ropeTheta: fields.rope_parameters?.rope_theta ?? defaults.visionRopeTheta
  }
})

/** The tower, and how wide its visual tokens are. */
interface Tower {
  readonly vision: VisionConfig
  readonly out: number
  /** Names of the fields with the tower's own width and with its output's. */
  readonly names: { readonly width: string; readonly out: string }
}

const tower2 = Effect.fnUntraced(function*(json: unknown) {
  const fields = yield* decode(Vision2, json, "vision_config")
  const tower: Tower = {
    vision: {
      ...yield* shared(fields),
      width: fields.embed_dim,
      mlpWidth: Math.trunc(fields.embed_dim * (fields.mlp_ratio ?? 4)),
      block: "quickGelu",
      windows: undefined,
      positionsPerSecond: undefined
    },
    out: fields.hidden_size,
    names: { width: "vision_config.embed_dim", out: "vision_config.hidden_size" }
  }
  return tower
})

const tower25 = Effect.fnUntraced(function*(json: unknown) {
  const fields = yield* decode(Vision25, json, "vision_config")
  const of = yield* shared(fields)
  const windowSize = fields.window_size ?? defaults.windowSize
  const side = Math.floor(windowSize / of.merge / of.patch)
  yield* require(
    side > 0,
    "vision_config.window_size",
    windowSize,
    `at least patch_size × spatial_merge_size = ${of.merge * of.patch}`
  )
  const full = fields.fullatt_block_indexes ?? undefined
  yield* require(
    full === undefined || full.every((block) => block >= 0 && block < of.depth),
    "vision_config.fullatt_block_indexes",
    full,
    `numbers of blocks, from 0 to ${of.depth - 1}`
  )
  const tower: Tower = {
    vision: {
      ...of,
      width: fields.hidden_size,
      mlpWidth: fields.intermediate_size,
      block: "swiglu",
      windows: { side, full: full ?? defaults.fullBlocks },
      positionsPerSecond: fields.tokens_per_second ?? defaults.tokensPerSecond
    },
    out: fields.out_hidden_size,
    names: { width: "vision_config.hidden_size", out: "vision_config.out_hidden_size" }
  }
  return tower
})

const readers = { qwen2_vl: tower2, qwen2_5_vl: tower25 }

const isKnown = (type: string): type is Config["modelType"] => Object.hasOwn(readers, type)

const isTriple = (xs: ReadonlyArray<number>): xs is readonly [number, number, number] => xs.length === 3

/** Reads and checks a parsed `config.json`; errors name its directory, where that is given. */
export const fromJson = (json: unknown, directory?: string): Effect.Effect<Config, ConfigError> =>
  Effect.mapError(parse(json), (error) => directory === undefined ? error : new ConfigError({ ...error, directory }))

const parse = Effect.fn("Config.fromJson")(function*(json: unknown): Effect.fn.Return<Config, ConfigError> {
  const { model_type: modelType } = yield* decode(Kind, json, "the file")
  if (!isKnown(modelType)) {
    return yield* wrong(
      "model_type",
      modelType,
      Object.keys(readers).map((type) => JSON.stringify(type)).join(" or ")
    )
  }
  const top = yield* decode(Top, json, "the file")
  const whole = json as Readonly<Record<string, unknown>>
  const nested = top.text_config ?? undefined
  yield* checkImplemented(modelType, whole, nested ?? whole, top.vision_config)
  yield* Limits.check(Limits.text, nested ?? whole, nested === undefined ? "" : "text_config.")
  yield* Limits.check(Limits.vision, top.vision_config, "vision_config.")
  const text = yield* decode(Text, nested ?? whole, nested === undefined ? "the text fields" : "text_config")

  const rope = text.rope_parameters ?? text.rope_scaling ?? {}
  const ropeField = text.rope_parameters ? "rope_parameters" : "rope_scaling"
  yield* requireRope(rope, ropeField, ["mrope", "default"])
  const { names, out, vision } = yield* readers[modelType](top.vision_config)
  yield* require(out === text.hidden_size, names.out, out, `hidden_size ${text.hidden_size}`)
  yield* require(
    vision.width % (4 * vision.heads) === 0,
    names.width,
    vision.width,
    `a multiple of 4 × ${vision.heads} heads`
  )

  const heads = text.num_attention_heads
  const kvHeads = text.num_key_value_heads ?? heads
  yield* require(
    text.hidden_size % (2 * heads) === 0,
    "hidden_size",
    text.hidden_size,
    `a multiple of 2 × ${heads} heads`
  )
  yield* require(heads % kvHeads === 0, "num_key_value_heads", kvHeads, `a divisor of ${heads}`)
  const headWidth = text.hidden_size / heads
  const headDim = (nested ?? whole)["head_dim"] ?? headWidth
  yield* require(headDim === headWidth, "head_dim", headDim, `hidden_size ÷ heads = ${headWidth}`)
  const section: ReadonlyArray<number> = rope.mrope_section ?? defaults.mropeSection
  if (!isTriple(section) || section.some((n) => n < 0) || section.reduce((a, b) => a + b, 0) !== headWidth / 2) {
    return yield* wrong(`${ropeField}.mrope_section`, section, `three numbers that sum to ${headWidth / 2}`)
  }
  const imageToken = top.image_token_id ?? defaults.imageToken
  yield* require(
    imageToken >= 0 && imageToken < text.vocab_size,
    "image_token_id",
    imageToken,
    `an id below vocab_size ${text.vocab_size}`
  )

  return {
    modelType,
    vocabulary: text.vocab_size,
    width: text.hidden_size,
    mlpWidth: text.intermediate_size,
    layers: text.num_hidden_layers,
    heads,
    kvHeads,
    headWidth,
    normEpsilon: text.rms_norm_eps ?? defaults.normEpsilon,
    ropeTheta: rope.rope_theta ?? text.rope_theta ?? defaults.ropeTheta,
    mropeSection: section,
    maxPositions: text.max_position_embeddings ?? defaults.maxPositions,
    tied: top.tie_word_embeddings === true || text.tie_word_embeddings === true,
    imageToken,
    vision
  }
})
