/** Published configurations, and fields that would change the arithmetic. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Config, Parameters, Rope } from "../../../src/kernels/models/index.ts"
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

const tower3 = {
  deepstack_visual_indexes: [5, 11, 17],
  depth: 24,
  hidden_act: "gelu_pytorch_tanh",
  hidden_size: 1024,
  in_channels: 3,
  initializer_range: 0.02,
  intermediate_size: 4096,
  model_type: "qwen3_vl",
  num_heads: 16,
  num_position_embeddings: 2304,
  patch_size: 16,
  spatial_merge_size: 2,
  temporal_patch_size: 2
}
const text3 = {
  attention_bias: false,
  attention_dropout: 0,
  bos_token_id: 151643,
  dtype: "bfloat16",
  eos_token_id: 151645,
  head_dim: 128,
  hidden_act: "silu",
  initializer_range: 0.02,
  max_position_embeddings: 262144,
  model_type: "qwen3_vl_text",
  num_key_value_heads: 8,
  rms_norm_eps: 1e-6,
  rope_scaling: { mrope_interleaved: true, mrope_section: [24, 20, 20], rope_type: "default" },
  rope_theta: 5_000_000,
  use_cache: true,
  vocab_size: 151936
}
const top3 = { architectures: ["Qwen3VLForConditionalGeneration"], model_type: "qwen3_vl", ...tokens }

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
  }, 3_754_622_976],
  "Qwen3-VL-2B": [{
    ...top3,
    tie_word_embeddings: true,
    text_config: {
      ...text3,
      hidden_size: 2048,
      intermediate_size: 6144,
      num_attention_heads: 16,
      num_hidden_layers: 28,
      tie_word_embeddings: true
    },
    vision_config: { ...tower3, out_hidden_size: 2048 }
  }, 2_127_532_032],
  "Qwen3-VL-4B": [{
    ...top3,
    tie_word_embeddings: true,
    text_config: {
      ...text3,
      hidden_size: 2560,
      intermediate_size: 9728,
      num_attention_heads: 32,
      num_hidden_layers: 36,
      tie_word_embeddings: true
    },
    vision_config: { ...tower3, out_hidden_size: 2560 }
  }, 4_437_815_808],
  "Qwen3-VL-8B": [{
    ...top3,
    tie_word_embeddings: false,
    text_config: {
      ...text3,
      hidden_size: 4096,
      intermediate_size: 12288,
      num_attention_heads: 32,
      num_hidden_layers: 36
    },
    vision_config: {
      ...tower3,
      deepstack_visual_indexes: [8, 16, 24],
      depth: 27,
      hidden_size: 1152,
      intermediate_size: 4304,
      out_hidden_size: 4096
    }
  }, 8_767_123_696]
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

  it("positions are dealt in turns, heads are normed and wider than the model, in Qwen3-VL", () => {
    const four = read(published["Qwen3-VL-4B"][0])
    assert.deepStrictEqual([four.attention, four.headWidth * four.heads, four.width], ["normed", 4096, 2560])
    assert.deepStrictEqual([four.vision.places, four.vision.deepstack], [48, [5, 11, 17]])
    assert.strictEqual(Config.visualWidth(four), 4 * 2560)
    const axes = Rope.axesOf(four)
    assert.deepStrictEqual([0, 1, 2].map((axis) => axes.filter((own) => own === axis).length), [24, 20, 20])
    assert.deepStrictEqual([axes.slice(0, 7), axes.slice(57)], [[0, 1, 2, 0, 1, 2, 0], [0, 1, 2, 0, 0, 0, 0]])
    const two = read(published["Qwen2-VL-2B"][0])
    assert.deepStrictEqual(Rope.stretchesOf(two), [
      { axis: 0, from: 0, to: 16 },
      { axis: 1, from: 16, to: 40 },
      { axis: 2, from: 40, to: 64 }
    ])
    assert.strictEqual(Config.visualWidth(two), two.width)
  })

  it("say the same as transformers 4 and 5 write them", () => {
    const [older] = published["Qwen3-VL-2B"]
    const { rope_scaling, rope_theta, ...rest } = older.text_config
    const newer = {
      ...older,
      dtype: "bfloat16",
      text_config: { ...rest, rope_parameters: { ...rope_scaling, rope_theta } },
      vision_config: {
        ...older.vision_config,
        model_type: "qwen3_vl_vision",
        rope_parameters: { rope_theta: 10000, rope_type: "axial" }
      }
    }
    assert.deepStrictEqual(read(newer), read(older))
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

  it("of Qwen3-VL, too", () => {
    const { text_config, vision_config, ...top } = published["Qwen3-VL-8B"][0]
    const { head_dim, max_position_embeddings, num_key_value_heads, rope_scaling, rope_theta, ...text } = text_config
    const { deepstack_visual_indexes, num_position_embeddings, ...vision } = vision_config
    const bare = read({ ...top, text_config: text, vision_config: vision })
    assert.deepStrictEqual([bare.headWidth, bare.maxPositions, bare.kvHeads], [128, 128_000, 32])
    assert.deepStrictEqual([bare.mropeSection, bare.ropeTheta], [[24, 20, 20], 500_000])
    assert.deepStrictEqual([bare.vision.deepstack, bare.vision.places], [[8, 16, 24], 48])
    // As transformers has it: what the language model alone says of its output matrix is not looked at.
    const { tie_word_embeddings: _, ...said } = published["Qwen3-VL-2B"][0]
    assert.isFalse(read(said).tied)
    // Null is as many as heads.
    const none = { ...text, num_attention_heads: 16, num_key_value_heads: null }
    assert.strictEqual(read({ ...top, text_config: none, vision_config: vision }).kvHeads, 16)
  })

  it("are read from directories of both layouts", () => {
    const small = ["qwen2-vl", "qwen2.5-vl", "qwen3-vl"].map((name) =>
      read(json<object>(`../parity/${name}/config.json`))
    )
    assert.deepStrictEqual(small.map(({ modelType, tied }) => [modelType, tied]), [
      ["qwen2_vl", true],
      ["qwen2_5_vl", false],
      ["qwen3_vl", true]
    ])
    assert.deepStrictEqual(small.map(({ ropeTheta }) => ropeTheta), [1_000_000, 10_000, 5_000_000])
  })
})

describe("a field whose arithmetic is not implemented is an error that names it and its value", () => {
  const [older] = published["Qwen2-VL-2B"]
  const [newer] = published["Qwen2.5-VL-3B"]
  const vision = (fields: object) => ({ ...newer, vision_config: { ...newer.vision_config, ...fields } })
  const [third] = published["Qwen3-VL-2B"]
  const text3With = (fields: object) => ({ ...third, text_config: { ...third.text_config, ...fields } })
  const vision3With = (fields: object) => ({ ...third, vision_config: { ...third.vision_config, ...fields } })
  const nested = (fields: object) => ({
    ...tokens,
    model_type: "qwen2_vl",
    vision_config: older.vision_config,
    text_config: { ...older, ...fields }
  })
  const cases: ReadonlyArray<readonly [object, field: string, value: string]> = [
    [{ ...older, model_type: "qwen3_vl_moe" }, "model_type", `"qwen3_vl_moe"`],
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
    [vision({ quantization_config: { quant_method: "fp8" } }), "vision_config.quantization_config", `"fp8"`],
    [
      { ...older, rope_scaling: { ...older.rope_scaling, mrope_interleaved: true } },
      "rope_scaling.mrope_interleaved",
      "true"
    ],
    [
      { ...older, rope_scaling: { ...older.rope_scaling, partial_rotary_factor: 0.5 } },
      "rope_scaling.partial_rotary_factor",
      "0.5"
    ],
    // Of Qwen3-VL, transformers reads no text field at the top.
    [{ ...third, ...third.text_config, model_type: "qwen3_vl", text_config: undefined }, "text_config", "absent"],
    [text3With({ attention_bias: true }), "text_config.attention_bias", "true"],
    [text3With({ head_dim: 127 }), "head_dim", "127"],
    [
      text3With({ rope_scaling: { ...text3.rope_scaling, mrope_interleaved: false } }),
      "rope_scaling.mrope_interleaved",
      "false"
    ],
    [
      text3With({ rope_scaling: { ...text3.rope_scaling, rope_type: "yarn", factor: 3 } }),
      "rope_scaling.rope_type",
      `"yarn"`
    ],
    [text3With({ model_type: "qwen3_vl_moe_text" }), "text_config.model_type", `"qwen3_vl_moe_text"`],
    [text3With({ num_hidden_layers: 2 }), "vision_config.deepstack_visual_indexes", "[5,11,17]"],
    [vision3With({ hidden_act: "gelu" }), "vision_config.hidden_act", `"gelu"`],
    [vision3With({ patch_size: [16, 16] }), "vision_config.patch_size", "[16,16]"],
    [vision3With({ num_position_embeddings: 2305 }), "vision_config.num_position_embeddings", "2305"],
    [vision3With({ deepstack_visual_indexes: [5, 24] }), "vision_config.deepstack_visual_indexes", "[5,24]"],
    [vision3With({ deepstack_visual_indexes: [11, 5] }), "vision_config.deepstack_visual_indexes", "[11,5]"],
    [vision3With({ out_hidden_size: 3584 }), "vision_config.out_hidden_size", "3584"]
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
