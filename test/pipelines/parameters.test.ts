/** How large a model is by its configuration alone, against the models' own figures. */
import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import { readFileSync } from "node:fs"
import { parametersOf } from "../../src/pipelines/index.ts"

const within = (config: unknown, expected: number, share: number) => {
  const found = Option.getOrThrow(parametersOf(config))
  assert.isBelow(Math.abs(found / expected - 1), share, `${found} for ${expected}`)
}

describe("parameters of a configuration", () => {
  it("are those of the language model, of tied and untied words", () => {
    // Qwen2-VL-2B: 1.54 billion without the tower. Qwen3-VL-8B: 8.19 billion. Tables of their model cards.
    within(
      {
        hidden_size: 1536,
        num_hidden_layers: 28,
        vocab_size: 151936,
        num_attention_heads: 12,
        num_key_value_heads: 2,
        intermediate_size: 8960,
        tie_word_embeddings: true
      },
      1.54e9,
      0.01
    )
    within(
      {
        text_config: {
          hidden_size: 4096,
          num_hidden_layers: 36,
          vocab_size: 151936,
          num_attention_heads: 32,
          num_key_value_heads: 8,
          head_dim: 128,
          intermediate_size: 12288
        }
      },
      8.19e9,
      0.01
    )
  })

  it("are those that a token passes through, of a mixture of experts", () =>
    // Qwen3-30B-A3B: 3.3 billion are active.
    within(
      {
        hidden_size: 2048,
        num_hidden_layers: 48,
        vocab_size: 151936,
        num_attention_heads: 32,
        num_key_value_heads: 4,
        head_dim: 128,
        intermediate_size: 6144,
        moe_intermediate_size: 768,
        num_experts_per_tok: 8
      },
      3.3e9,
      0.02
    ))

  it("are counted of the embedded checkpoint's decoder", () =>
    within(
      JSON.parse(readFileSync(new URL("../../assets/scene-vl-places/config.json", import.meta.url), "utf8")),
      1_034_640,
      0.01
    ))

  it("are not known where a configuration does not say", () => {
    for (const config of [{}, null, { hidden_size: 0 }, { hidden_size: 8, num_hidden_layers: 2, vocab_size: 9 }]) {
      assert.isTrue(Option.isNone(parametersOf(config)))
    }
  })
})
