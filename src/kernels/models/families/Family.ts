/** What a family of models is: everything in which one differs from another, as its `config.json` is read. */
import { Effect } from "effect"
import { type ConfigError, type Implemented, requireRope, type VisionFields } from "../ConfigFields.ts"
import type { VisionConfig } from "../VisionConfig.ts"

/** How a family's decoder differs from others. */
export interface DecoderKind {
  /**
   * `biased`: queries, keys and values have biases (Qwen2). `normed`: they have none, and each head's queries and keys
   * are normed before they are turned (Qwen3).
   */
  readonly attention: "biased" | "normed"
  /** How M-RoPE deals frequencies to the three positions: in one stretch each, or in turns (Qwen3-VL). */
  readonly mrope: "stretches" | "turns"
  /**
   * Names of tensors in a directory that is saved: `published`, as Qwen2-VL's are on the hub ("visual.…",
   * "model.layers.…"), or `nested`, as transformers calls modules ("model.visual.…", "model.language_model.layers.…").
   */
  readonly names: "published" | "nested"
}

/** The tower, and how wide its visual tokens are. */
export interface Tower {
  readonly vision: VisionConfig
  readonly out: number
  /** Names of the fields with the tower's own width and with its output's. */
  readonly names: { readonly width: string; readonly out: string }
}

export interface Family {
  readonly decoder: DecoderKind
  /** Reads `vision_config`. */
  readonly tower: (fields: unknown) => Effect.Effect<Tower, ConfigError>
  /** Whether the text fields may stand at the top of the file, beside `vision_config`. */
  readonly flat: boolean
  readonly implemented: { readonly text: Implemented; readonly rope: Implemented; readonly vision: Implemented }
  /** What transformers' classes take for a text field that a file leaves out. */
  readonly defaults: {
    readonly maxPositions: number
    readonly mropeSection: ReadonlyArray<number>
    readonly normEpsilon: number
    readonly ropeTheta: number
    /** Undefined: as many as there are heads. */
    readonly kvHeads: number | undefined
    /** Undefined: width ÷ heads, and nothing else is implemented. */
    readonly headWidth: number | undefined
  }
}

/** Values of text fields that every family has. */
export const everyText: Implemented = {
  hidden_act: ["silu"],
  attention_dropout: [0],
  mlp_bias: [false],
  use_sliding_window: [false],
  partial_rotary_factor: [1]
}

/** Values of `rope_parameters`, or `rope_scaling`, that every family has. */
export const everyRope: Implemented = { partial_rotary_factor: [1] }

/** Values of a tower's fields that every family has. */
export const everyVision: Implemented = { in_channels: [3], in_chans: [3] }

/** What towers say in the same words. */
export const sharedVision = Effect.fnUntraced(function*(fields: VisionFields) {
  yield* requireRope(fields.rope_parameters ?? {}, "vision_config.rope_parameters", ["axial", "default"])
  return {
    depth: fields.depth,
    heads: fields.num_heads,
    patch: fields.patch_size,
    temporalPatch: fields.temporal_patch_size ?? 2,
    merge: fields.spatial_merge_size ?? 2,
    channels: 3,
    ropeTheta: fields.rope_parameters?.rope_theta ?? 10_000
  }
})
