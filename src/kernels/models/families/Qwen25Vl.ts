/** Qwen2.5-VL (Bai et al. 2025): Qwen2's decoder behind a tower with windows. */
import { Effect, Schema } from "effect"
import { Count, decode, optional, require, visionFields } from "../ConfigFields.ts"
import { everyRope, everyVision, type Family, sharedVision, type Tower } from "./Family.ts"
import { qwen2 } from "./Qwen2Vl.ts"

/** `hidden_size` is the tower's own. */
const Vision = Schema.Struct({
  ...visionFields,
  hidden_size: Count,
  intermediate_size: Count,
  out_hidden_size: Count,
  window_size: optional(Count),
  fullatt_block_indexes: optional(Schema.Array(Schema.Int)),
  tokens_per_second: optional(Schema.Finite)
})

const defaults = { windowSize: 112, fullBlocks: [7, 15, 23, 31], tokensPerSecond: 4 } as const

const tower = Effect.fnUntraced(function*(json: unknown) {
  const fields = yield* decode(Vision, json, "vision_config")
  const of = yield* sharedVision(fields)
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
      positionsPerSecond: fields.tokens_per_second ?? defaults.tokensPerSecond,
      places: undefined,
      deepstack: []
    },
    out: fields.out_hidden_size,
    names: { width: "vision_config.hidden_size", out: "vision_config.out_hidden_size" }
  }
  return tower
})

const { text, ...decoder } = qwen2

export const qwen25Vl: Family = {
  ...decoder,
  tower,
  implemented: {
    text,
    rope: { ...everyRope, mrope_interleaved: [false] },
    vision: { ...everyVision, hidden_act: ["silu"] }
  }
}
