/**
 * The arithmetic of a checkpoint, read from its Hugging Face `config.json`.
 *
 * Both layouts are read: text fields at the top (Qwen2-VL as published) and under `text_config` (transformers 5).
 * What a family has of its own is in `families/`. A field that would change the arithmetic and is not implemented is
 * an error, never a silent wrong answer. Absent fields have the values that transformers gives them.
 */
import { Effect } from "effect"
import {
  checkImplemented,
  checkValues,
  ConfigError,
  decode,
  Kind,
  require,
  requireRope,
  Text,
  Top,
  wrong
} from "./ConfigFields.ts"
import * as Limits from "./ConfigLimits.ts"
import type { DecoderKind, Family } from "./families/Family.ts"
import { families, isKnown, type ModelType } from "./families/index.ts"
import type { VisionConfig } from "./VisionConfig.ts"

export { ConfigError } from "./ConfigFields.ts"
export type { VisionConfig } from "./VisionConfig.ts"

export interface Config extends DecoderKind {
  readonly modelType: ModelType
  readonly vocabulary: number
  readonly width: number
  readonly mlpWidth: number
  readonly layers: number
  readonly heads: number
  readonly kvHeads: number
  /** Width of a head. All heads together may be wider than the model, or narrower (Qwen3). */
  readonly headWidth: number
  readonly normEpsilon: number
  readonly ropeTheta: number
  /** How many frequencies follow the temporal, height and width position; sums to `headWidth / 2`. */
  readonly mropeSection: readonly [number, number, number]
  readonly maxPositions: number
  readonly tied: boolean
  readonly imageToken: number
  /** Stands for a clip, which is refused. */
  readonly videoToken: number
  readonly vision: VisionConfig
}

/**
 * Values of a visual token wherever it is handed on: what stands at its place in the prompt, and behind that what
 * DeepStack adds to it in the decoder's first layers.
 */
export const visualWidth = ({ vision: { deepstack }, width }: Pick<Config, "vision" | "width">): number =>
  (1 + deepstack.length) * width

/** Ids that transformers' classes have for pictures and clips where a file leaves them out. */
const tokens = { image: 151655, video: 151656 } as const

const isTriple = (xs: ReadonlyArray<number>): xs is readonly [number, number, number] => xs.length === 3

/** Reads and checks a parsed `config.json`; errors name its directory, where that is given. */
export const fromJson = (json: unknown, directory?: string): Effect.Effect<Config, ConfigError> =>
  Effect.mapError(parse(json), (error) => directory === undefined ? error : new ConfigError({ ...error, directory }))

/** Heads of the decoder, and how wide one is. */
const headsOf = Effect.fnUntraced(function*(text: typeof Text.Type, { defaults }: Family) {
  const { hidden_size: width, num_attention_heads: heads } = text
  // Null is a value: as many as heads. A file that says nothing has what the class says.
  const kvHeads = text.num_key_value_heads === undefined
    ? defaults.kvHeads ?? heads
    : text.num_key_value_heads ?? heads
  if (defaults.headWidth === undefined) {
    yield* require(width % (2 * heads) === 0, "hidden_size", width, `a multiple of 2 × ${heads} heads`)
  }
  yield* require(heads % kvHeads === 0, "num_key_value_heads", kvHeads, `a divisor of ${heads}`)
  if (defaults.headWidth === undefined) {
    const headDim = text.head_dim ?? width / heads
    yield* require(headDim === width / heads, "head_dim", headDim, `hidden_size ÷ heads = ${width / heads}`)
    return { heads, kvHeads, headWidth: headDim }
  }
  const headWidth = text.head_dim ?? defaults.headWidth
  yield* require(headWidth % 2 === 0, "head_dim", headWidth, "an even number: values are turned in pairs")
  return { heads, kvHeads, headWidth }
})

/** How the decoder turns queries and keys. */
const ropeOf = Effect.fnUntraced(function*(text: typeof Text.Type, { defaults, implemented }: Family, half: number) {
  const rope = text.rope_parameters ?? text.rope_scaling ?? {}
  const field = text.rope_parameters ? "rope_parameters" : "rope_scaling"
  const section: ReadonlyArray<number> = rope.mrope_section ?? defaults.mropeSection
  yield* checkValues(rope, implemented.rope, `${field}.`)
  if (!isTriple(section) || section.some((n) => n < 0) || section.reduce((a, b) => a + b, 0) !== half) {
    return yield* wrong(`${field}.mrope_section`, section, `three numbers that sum to ${half}`)
  }
  return { ropeTheta: rope.rope_theta ?? text.rope_theta ?? defaults.ropeTheta, mropeSection: section }
})

const parse = Effect.fn("Config.fromJson")(function*(json: unknown): Effect.fn.Return<Config, ConfigError> {
  const { model_type: modelType } = yield* decode(Kind, json, "the file")
  if (!isKnown(modelType)) {
    return yield* wrong(
      "model_type",
      modelType,
      Object.keys(families).map((type) => JSON.stringify(type)).join(" or ")
    )
  }
  const family = families[modelType]
  const top = yield* decode(Top, json, "the file")
  const whole = json as Readonly<Record<string, unknown>>
  const nested = top.text_config ?? undefined
  yield* require(family.flat || nested !== undefined, "text_config", undefined, "the fields of the language model")
  yield* checkImplemented(modelType, whole, nested ?? whole, top.vision_config, family.implemented)
  yield* Limits.check(Limits.text, nested ?? whole, nested === undefined ? "" : "text_config.")
  yield* Limits.check(Limits.vision, top.vision_config, "vision_config.")
  const text = yield* decode(Text, nested ?? whole, nested === undefined ? "the text fields" : "text_config")

  const given = text.rope_parameters ?? text.rope_scaling ?? {}
  yield* requireRope(given, text.rope_parameters ? "rope_parameters" : "rope_scaling", ["mrope", "default"])
  const { names, out, vision } = yield* family.tower(top.vision_config)
  yield* require(out === text.hidden_size, names.out, out, `hidden_size ${text.hidden_size}`)
  yield* require(
    vision.width % (4 * vision.heads) === 0,
    names.width,
    vision.width,
    `a multiple of 4 × ${vision.heads} heads`
  )
  yield* require(
    vision.deepstack.length <= text.num_hidden_layers,
    "vision_config.deepstack_visual_indexes",
    vision.deepstack,
    `at most num_hidden_layers = ${text.num_hidden_layers} blocks`
  )

  const heads = yield* headsOf(text, family)
  const rope = yield* ropeOf(text, family, heads.headWidth / 2)
  const imageToken = top.image_token_id ?? tokens.image
  yield* require(
    imageToken >= 0 && imageToken < text.vocab_size,
    "image_token_id",
    imageToken,
    `an id below vocab_size ${text.vocab_size}`
  )

  return {
    ...family.decoder,
    modelType,
    vocabulary: text.vocab_size,
    width: text.hidden_size,
    mlpWidth: text.intermediate_size,
    layers: text.num_hidden_layers,
    ...heads,
    normEpsilon: text.rms_norm_eps ?? family.defaults.normEpsilon,
    ...rope,
    maxPositions: text.max_position_embeddings ?? family.defaults.maxPositions,
    // Where transformers reads no text field at the top, it looks for this one nowhere else.
    tied: top.tie_word_embeddings === true || family.flat && text.tie_word_embeddings === true,
    imageToken,
    videoToken: top.video_token_id ?? tokens.video,
    vision
  }
})
