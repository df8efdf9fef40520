/**
 * What the numbers of a `config.json` can be at all: beyond, a file is damaged or made to do harm, and its arithmetic
 * would be of no numbers, or of more than any machine holds.
 */
import { Effect } from "effect"
import * as Rules from "../math/Rules.ts"
import { ConfigError } from "./ConfigFields.ts"

const { between, whole } = Rules

const width = whole(1, 2 ** 17)
const heads = whole(1, 4096)
const layers = whole(1, 1024)
/** The base of rotary frequencies: 0 or less has none, below 1 they would grow. */
const theta = between(1, 1e12)

/** Of the text fields. */
export const text: Rules.Table = {
  vocab_size: whole(1, 2 ** 24),
  hidden_size: width,
  intermediate_size: whole(1, 2 ** 20),
  num_hidden_layers: layers,
  num_attention_heads: heads,
  num_key_value_heads: heads,
  head_dim: whole(1, 2 ** 14),
  // Of a row of zeros the root is divided by: it is a number in float32, too.
  rms_norm_eps: between(1e-30, 1),
  max_position_embeddings: whole(1, 2 ** 27),
  rope_theta: theta,
  "rope_scaling.rope_theta": theta,
  "rope_parameters.rope_theta": theta
}

/** Of `vision_config`, in every family. */
export const vision: Rules.Table = {
  depth: layers,
  embed_dim: width,
  hidden_size: width,
  out_hidden_size: width,
  intermediate_size: whole(1, 2 ** 20),
  mlp_ratio: between(0.01, 64),
  num_heads: heads,
  patch_size: whole(1, 256),
  spatial_merge_size: whole(1, 16),
  temporal_patch_size: whole(1, 16),
  window_size: whole(1, 2 ** 14),
  tokens_per_second: between(1e-3, 1e3),
  num_position_embeddings: whole(1, 2 ** 24),
  "rope_parameters.rope_theta": theta
}

/** Fails at the first field that holds what it cannot. `prefix`: where the fields stand, as "vision_config.". */
export const check = (table: Rules.Table, fields: object, prefix = ""): Effect.Effect<void, ConfigError> =>
  Effect.suspend(() => {
    const broken = Rules.brokenIn(table, fields)
    if (broken === undefined) return Effect.void
    const { expected, setting, value } = broken
    return Effect.fail(new ConfigError({ field: `${prefix}${setting}`, found: value.slice(0, 120), expected }))
  })
