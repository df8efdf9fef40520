/** Published configurations, and fields that would change the arithmetic. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Config, Parameters } from "../../../src/kernels/models/index.ts"
import { json } from "./fixture.ts"

const tokens = {
  image_token_id: 151655,
  video_token_id: 151656,
  vision_start_token_id: 151652,
  vision_end_token_id: 151653
}
const text = {
  hidden_act: "silu",
  max_position_embeddings: 32768,
  rms_norm_eps: 1e-6,
  rope_theta: 1_000_000,
  use_sliding_window: false,
  sliding_window: 32768,
  attention_dropout: 0,
  rope_scaling: { type: "mrope", mrope_section: [16, 24, 24] },
  ...tokens
}
const tower2 = {
  depth: 32,
  embed_dim: 1280,
  mlp_ratio: 4,
  num_heads: 16,
  in_chans: 3,
  patch_size: 14,
  spatial_merge_size: 2,
  spatial_patch_size: 14,
  temporal_patch_size: 2
}
const tower25 = {
  depth: 32,
  hidden_act: "silu",
  hidden_size: 1280,
  intermediate_size: 3420,
  num_heads: 16,
  in_chans: 3,
  patch_size: 14,
  spatial_merge_size: 2,
  window_size: 112,
  fullatt_block_indexes: [7, 15, 23, 31],
  tokens_per_second: 2,
  temporal_patch_size: 2
}

/** config.json as on the Hub, and the number of parameters that the Hub shows. */
const published = {
  "Qwen2-VL-2B": [{
    ...text,
    model_type: "qwen2_vl",
    hidden_size: 1536,
    intermediate_size: 8960,
    num_hidden_layers: 28,
    num_attention_heads: 12,
    num_key_value_heads: 2,
    tie_word_embeddings: true,
    vocab_size: 151936,
    vision_config: { ...tower2, hidden_size: 1536 }
  }, 2_208_985_600],
  "Qwen2-VL-7B": [{
    ...text,
    model_type: "qwen2_vl",
    hidden_size: 3584,
    intermediate_size: 18944,
    num_hidden_layers: 28,
    num_attention_heads: 28,
    num_key_value_heads: 4,
    tie_word_embeddings: false,
    vocab_size: 152064,
    vision_config: { ...tower2, hidden_size: 3584 }
  }, 8_291_375_616],
  "Qwen2.5-VL-3B": [{
    ...text,
    model_type: "qwen2_5_vl",
    hidden_size: 2048,
    intermediate_size: 11008,
    num_hidden_layers: 36,
    num_attention_heads: 16,
    num_key_value_heads: 2,
    tie_word_embeddings: true,
    vocab_size: 151936,
    vision_config: { ...tower25, out_hidden_size: 2048 }
  }, 3_754_622_976]
} as const

const read = (config: object) => Effect.runSync(Config.fromJson(config))

describe("published configurations", () => {
  for (const [name, [config, parameters]] of Object.entries(published)) {
    it(`${name} has its ${parameters} parameters`, () => {
      const count = Parameters.specs(read(config)).reduce((n, { shape }) => n + shape.reduce((m, d) => m * d, 1), 0)
      assert.strictEqual(count, parameters)
    })
  }

  it("windows are 4 × 4 visual tokens, and time is absolute, in Qwen2.5-VL alone", () => {
    const { vision } = read(published["Qwen2.5-VL-3B"][0])
    assert.deepStrictEqual([vision.block, vision.windows, vision.positionsPerSecond], ["swiglu", {
      side: 4,
      full: [7, 15, 23, 31]
    }, 2])
    const older = read(published["Qwen2-VL-2B"][0]).vision
    assert.deepStrictEqual([older.block, older.windows, older.positionsPerSecond], ["quickGelu", undefined, undefined])
  })

  it("say the same flat and nested", () => {
    const [flat] = published["Qwen2.5-VL-3B"]
    const { model_type, rope_scaling, rope_theta, vision_config, ...rest } = flat
    const nested = {
      ...tokens,
      model_type,
      vision_config,
      text_config: {
        ...rest,
        model_type: "qwen2_5_vl_text",
        rope_parameters: { ...rope_scaling, rope_type: "default", rope_theta },
        layer_types: Array.from({ length: 36 }, () => "full_attention")
      }
    }
    assert.deepStrictEqual(read(nested), read(flat))
  })

  it("take what they leave out from transformers", () => {
    const { image_token_id, rms_norm_eps, rope_theta, ...rest } = published["Qwen2-VL-2B"][0]
    const { imageToken, normEpsilon, ropeTheta } = read(rest)
    assert.deepStrictEqual([imageToken, normEpsilon, ropeTheta], [151655, 1e-5, 1_000_000])
  })

  it("are read from directories of both layouts", () => {
    const small = [json<object>("../parity/qwen2-vl/config.json"), json<object>("../parity/qwen2.5-vl/config.json")]
      .map(read)
    assert.deepStrictEqual(small.map(({ modelType, tied }) => [modelType, tied]), [["qwen2_vl", true], [
      "qwen2_5_vl",
      false
    ]])
    assert.deepStrictEqual(small.map(({ ropeTheta }) => ropeTheta), [1_000_000, 10_000])
  })
})

describe("a field whose arithmetic is not implemented is an error that names it and its value", () => {
  const [older] = published["Qwen2-VL-2B"]
  const [newer] = published["Qwen2.5-VL-3B"]
  const vision = (fields: object) => ({ ...newer, vision_config: { ...newer.vision_config, ...fields } })
  const nested = (fields: object) => ({
    ...tokens,
    model_type: "qwen2_vl",
    vision_config: older.vision_config,
    text_config: { ...older, ...fields }
  })
  const cases: ReadonlyArray<readonly [object, field: string, value: string]> = [
    [{ ...older, model_type: "qwen3_vl" }, "model_type", `"qwen3_vl"`],
    // Another family may have none of the fields.
    [{ model_type: "llava" }, "model_type", `"llava"`],
    [{ ...older, hidden_act: "gelu" }, "hidden_act", `"gelu"`],
    [{ ...older, rope_scaling: { ...older.rope_scaling, type: "yarn", factor: 4 } }, "rope_scaling.type", `"yarn"`],
    [
      { ...older, rope_scaling: { rope_type: "dynamic", type: "mrope", mrope_section: [16, 24, 24] } },
      "rope_scaling.rope_type",
      `"dynamic"`
    ],
    [
      { ...older, rope_scaling: { type: "mrope", mrope_section: [16, 24, 20] } },
      "rope_scaling.mrope_section",
      "[16,24,20]"
    ],
    [{ ...older, use_sliding_window: true }, "use_sliding_window", "true"],
    [{ ...older, layer_types: ["full_attention", "sliding_attention"] }, "layer_types", "sliding_attention"],
    [{ ...older, attention_bias: false }, "attention_bias", "false"],
    [{ ...older, mlp_bias: true }, "mlp_bias", "true"],
    [{ ...older, attention_dropout: 0.1 }, "attention_dropout", "0.1"],
    [{ ...older, head_dim: 256 }, "head_dim", "256"],
    [{ ...older, partial_rotary_factor: 0.5 }, "partial_rotary_factor", "0.5"],
    [{ ...older, quantization_config: { quant_method: "awq", bits: 4 } }, "quantization_config", `"awq"`],
    [{ ...older, image_token_id: 200_000 }, "image_token_id", "200000"],
    [{ ...older, num_key_value_heads: 5 }, "num_key_value_heads", "5"],
    [{ ...older, vision_config: { ...older.vision_config, hidden_act: "gelu" } }, "vision_config.hidden_act", `"gelu"`],
    [{ ...older, vision_config: { ...older.vision_config, hidden_size: 1024 } }, "vision_config.hidden_size", "1024"],
    [nested({ hidden_act: "relu" }), "text_config.hidden_act", `"relu"`],
    [nested({ model_type: "qwen3_text" }), "text_config.model_type", `"qwen3_text"`],
    [vision({ hidden_act: "quick_gelu" }), "vision_config.hidden_act", `"quick_gelu"`],
    [vision({ out_hidden_size: 3584 }), "vision_config.out_hidden_size", "3584"],
    [vision({ window_size: 20 }), "vision_config.window_size", "20"],
    [vision({ in_channels: 4 }), "vision_config.in_channels", "4"],
    [vision({ model_type: "qwen3_vl" }), "vision_config.model_type", `"qwen3_vl"`],
    [vision({ rope_parameters: { rope_type: "yarn" } }), "vision_config.rope_parameters.rope_type", `"yarn"`],
    [vision({ quantization_config: { quant_method: "fp8" } }), "vision_config.quantization_config", `"fp8"`]
  ]
  for (const [config, field, value] of cases) {
    it(`${field} ${value}`, () => {
      const error = Effect.runSync(Effect.flip(Config.fromJson(config)))
      assert.strictEqual(error._tag, "ConfigError")
      assert.strictEqual(error.field, field)
      assert.include(error.message, value)
    })
  }

  const impossible: ReadonlyArray<readonly [field: string, values: ReadonlyArray<unknown>, expected: string]> = [
    ["rope_theta", [0, -1, 0.5, 1e300, "10000", true], "a number from 1 to 1000000000000"],
    ["rms_norm_eps", [-1e-6, 0, 1e-320, 2], "a number from 1e-30 to 1"],
    ["num_hidden_layers", [0, 1e9, 2.5, -1], "a whole number from 1 to 1024"],
    ["vocab_size", [0, 1e12], "a whole number from 1 to 16777216"],
    ["hidden_size", [0, 1e9, "1536"], "a whole number from 1 to 131072"],
    ["intermediate_size", [0, 1e9], "a whole number from 1 to 1048576"],
    ["num_attention_heads", [0, 1e6, 2.5], "a whole number from 1 to 4096"],
    ["num_key_value_heads", [0, -2], "a whole number from 1 to 4096"],
    ["max_position_embeddings", [0, 1e12], "a whole number from 1 to 134217728"],
    ["rope_scaling.rope_theta", [0], "a number from 1 to"],
    ["rope_parameters.rope_theta", [0, -5], "a number from 1 to"],
    ["vision_config.depth", [0, 1e9], "a whole number from 1 to 1024"],
    ["vision_config.num_heads", [0, 1e9], "a whole number from 1 to 4096"],
    ["vision_config.patch_size", [0, -14, 1e9, 1.5], "a whole number from 1 to 256"],
    ["vision_config.spatial_merge_size", [0, 1e6], "a whole number from 1 to 16"],
    ["vision_config.temporal_patch_size", [0, 1e6], "a whole number from 1 to 16"],
    ["vision_config.hidden_size", [0, 1e9], "a whole number from 1 to 131072"],
    ["vision_config.intermediate_size", [0, 1e9], "a whole number from 1 to 1048576"],
    ["vision_config.out_hidden_size", [0], "a whole number from 1 to 131072"],
    ["vision_config.window_size", [0, 1e9], "a whole number from 1 to 16384"],
    ["vision_config.tokens_per_second", [0, -2, 1e9], "a number from 0.001 to 1000"],
    ["vision_config.rope_parameters.rope_theta", [0], "a number from 1 to"],
    ["vision_config.fullatt_block_indexes", [[-1], [7, 32]], "numbers of blocks, from 0 to 31"]
  ]
  /** The fields with one of them, at any depth, set to a value. */
  const setAt = (fields: object, [name = "", ...rest]: ReadonlyArray<string>, value: unknown): object => ({
    ...fields,
    [name]: rest.length === 0 ? value : setAt({ ...(fields as Record<string, object>)[name] }, rest, value)
  })
  for (const [field, values, expected] of impossible) {
    it(`${field} ${values.map((value) => JSON.stringify(value)).join(", ")} is impossible`, () => {
      for (const value of values) {
        const error = Effect.runSync(Effect.flip(Config.fromJson(setAt(newer, field.split("."), value))))
        assert.strictEqual(error._tag, "ConfigError")
        assert.include(error.message, `config.json: ${field} is ${JSON.stringify(value)}, expected ${expected}`)
      }
    })
  }

  it("Qwen2-VL's tower has limits of its own, and text fields have them where they are nested", () => {
    const tower = { ...older, vision_config: { ...older.vision_config, mlp_ratio: 0 } }
    assert.include(
      Effect.runSync(Effect.flip(Config.fromJson(tower))).message,
      "vision_config.mlp_ratio is 0, expected a number from 0.01 to 64"
    )
    assert.include(
      Effect.runSync(Effect.flip(Config.fromJson(nested({ rms_norm_eps: -1 })))).message,
      "text_config.rms_norm_eps is -1, expected"
    )
  })

  it("so is a part that is missing", () => {
    const { vision_config, ...without } = older
    assert.include(Effect.runSync(Effect.flip(Config.fromJson(without))).message, "vision_config")
    const { hidden_size, ...rest } = older
    assert.include(Effect.runSync(Effect.flip(Config.fromJson(rest))).message, "hidden_size")
  })
})
