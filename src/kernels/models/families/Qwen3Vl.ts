/**
 * Qwen3-VL, dense (Bai et al. 2025b): Qwen3's decoder, and a tower with learned positions that feeds it in several
 * layers.
 */
import { Effect, Schema } from "effect"
import { Count, decode, optional, require, visionFields } from "../ConfigFields.ts"
import { everyRope, everyText, everyVision, type Family, sharedVision, type Tower } from "./Family.ts"

const Vision = Schema.Struct({
  ...visionFields,
  hidden_size: Count,
  intermediate_size: Count,
  out_hidden_size: Count,
  num_position_embeddings: optional(Count),
  deepstack_visual_indexes: optional(Schema.Array(Schema.Int))
})

const defaults = { places: 48 * 48, deepstack: [8, 16, 24] } as const

const tower = Effect.fnUntraced(function*(json: unknown) {
  const fields = yield* decode(Vision, json, "vision_config")
  const of = yield* sharedVision(fields)
  const places = fields.num_position_embeddings ?? defaults.places
  const side = Math.round(Math.sqrt(places))
  yield* require(
    side * side === places,
    "vision_config.num_position_embeddings",
    places,
    "the square of a whole number"
  )
  const deepstack = fields.deepstack_visual_indexes ?? defaults.deepstack
  yield* require(
    deepstack.every((block, i) => block > (deepstack[i - 1] ?? -1) && block < of.depth),
    "vision_config.deepstack_visual_indexes",
    deepstack,
    `numbers of blocks in ascending order, from 0 to ${of.depth - 1}`
  )
  const tower: Tower = {
    vision: {
      ...of,
      width: fields.hidden_size,
      mlpWidth: fields.intermediate_size,
      block: "geluTanh",
      windows: undefined,
      positionsPerSecond: undefined,
      places: side,
      deepstack
    },
    out: fields.out_hidden_size,
    names: { width: "vision_config.hidden_size", out: "vision_config.out_hidden_size" }
  }
  return tower
})

export const qwen3Vl: Family = {
  decoder: { attention: "normed", mrope: "turns", names: "nested" },
  tower,
  flat: false,
  implemented: {
    text: { ...everyText, attention_bias: [false] },
    rope: { ...everyRope, mrope_interleaved: [true] },
    vision: { ...everyVision, hidden_act: ["gelu_pytorch_tanh"] }
  },
  defaults: {
    maxPositions: 128_000,
    mropeSection: [24, 20, 20],
    normEpsilon: 1e-6,
    ropeTheta: 500_000,
    kvHeads: 32,
    headWidth: 128
  }
}
