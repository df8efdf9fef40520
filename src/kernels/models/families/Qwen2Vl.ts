/** Qwen2-VL (Wang et al. 2024). */
import { Effect, Schema } from "effect"
import { Count, decode, optional, visionFields } from "../ConfigFields.ts"
import { everyRope, everyText, everyVision, type Family, sharedVision, type Tower } from "./Family.ts"

/** `hidden_size` is the language model's. */
const Vision = Schema.Struct({
  ...visionFields,
  embed_dim: Count,
  hidden_size: Count,
  mlp_ratio: optional(Schema.Finite)
})

const tower = Effect.fnUntraced(function*(json: unknown) {
  const fields = yield* decode(Vision, json, "vision_config")
  const tower: Tower = {
    vision: {
      ...yield* sharedVision(fields),
      width: fields.embed_dim,
      mlpWidth: Math.trunc(fields.embed_dim * (fields.mlp_ratio ?? 4)),
      block: "quickGelu",
      windows: undefined,
      positionsPerSecond: undefined,
      places: undefined,
      deepstack: []
    },
    out: fields.hidden_size,
    names: { width: "vision_config.embed_dim", out: "vision_config.hidden_size" }
  }
  return tower
})

/** What Qwen2's decoder is, in both families that have it. */
export const qwen2: Pick<Family, "decoder" | "defaults" | "flat"> & { readonly text: Family["implemented"]["text"] } = {
  decoder: { attention: "biased", mrope: "stretches", names: "published" },
  flat: true,
  text: { ...everyText, attention_bias: [true], mrope_interleaved: [false], use_qk_norm: [false] },
  defaults: {
    maxPositions: 32768,
    mropeSection: [16, 24, 24],
    normEpsilon: 1e-5,
    ropeTheta: 1_000_000,
    kvHeads: undefined,
    headWidth: undefined
  }
}

const { text, ...decoder } = qwen2

export const qwen2Vl: Family = {
  ...decoder,
  tower,
  implemented: {
    text,
    rope: { ...everyRope, mrope_interleaved: [false] },
    vision: { ...everyVision, hidden_act: ["quick_gelu"] }
  }
}
