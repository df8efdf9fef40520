/**
 * Writes everything of the embedded checkpoints but weights and model cards: tokenizer, chat template, configuration.
 *
 * Run it when the scenes' language changes, then `npm run pretrain`: token ids are part of the weights.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, FileSystem } from "effect"
import { fileURLToPath } from "node:url"
import { tokenizerJson } from "../src/kernels/text/WordTokenizer.ts"
import { specials, words } from "./pretrain/Vocabulary.ts"

/** Images first, then text, as Qwen2-VL's template does, without its default system turn. */
const chatTemplate = "{% for message in messages %}<|im_start|>{{ message.role }}\n" +
  "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}" +
  "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% elif part.type == 'text' %}{{ " +
  "part.text }}{% endif %}" +
  "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"

interface Rotary {
  readonly theta: number
  readonly sections: readonly [temporal: number, height: number, width: number]
}

/**
 * At 18 frequencies and a 4 × 4 grid the usual base of 10,000 leaves height and width all but unturned (0.006 rad from
 * edge to edge in the best width channel), so that no layer could tell where a patch is. With 10 it is 0.7 rad; but
 * then no channel turns so slowly that contents compare alike over twenty tokens and two. What has to find a thing by a
 * name that may stand anywhere gets a base between, and height its frequencies before width: 0.65 and 0.3 rad in their
 * best channels, and a dozen that hardly turn.
 */
const checkpoints: Readonly<Record<string, Rotary>> = {
  "scene-vl": { theta: 10, sections: [4, 7, 7] },
  "scene-vl-places": { theta: 1000, sections: [4, 2, 12] }
}

/** Qwen2-VL at toy width: 2.1M parameters at this vocabulary. */
const config = ({ sections, theta }: Rotary, id: (token: string) => number, tokens: number) => ({
  architectures: ["Qwen2VLForConditionalGeneration"],
  model_type: "qwen2_vl",
  torch_dtype: "float16",
  hidden_size: 144,
  intermediate_size: 384,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  hidden_act: "silu",
  rms_norm_eps: 1e-6,
  rope_theta: theta,
  rope_scaling: { type: "mrope", mrope_section: sections },
  max_position_embeddings: 1024,
  use_sliding_window: false,
  sliding_window: 1024,
  max_window_layers: 4,
  attention_dropout: 0.0,
  initializer_range: 0.02,
  tie_word_embeddings: true,
  use_cache: true,
  vocab_size: Math.ceil(tokens / 16) * 16,
  bos_token_id: id("<|endoftext|>"),
  eos_token_id: id("<|im_end|>"),
  pad_token_id: id("<|endoftext|>"),
  vision_start_token_id: id("<|vision_start|>"),
  vision_end_token_id: id("<|vision_end|>"),
  vision_token_id: id("<|image_pad|>"),
  image_token_id: id("<|image_pad|>"),
  video_token_id: id("<|video_pad|>"),
  vision_config: {
    model_type: "qwen2_vl",
    depth: 4,
    embed_dim: 128,
    num_heads: 4,
    mlp_ratio: 3,
    hidden_size: 144,
    hidden_act: "quick_gelu",
    in_channels: 3,
    in_chans: 3,
    patch_size: 14,
    spatial_patch_size: 14,
    spatial_merge_size: 2,
    temporal_patch_size: 1
  }
})

/** Every picture is brought to 112 × 112 pixels' worth of patches: 64 patches, 16 visual tokens. */
const preprocessor = {
  image_processor_type: "Qwen2VLImageProcessor",
  processor_class: "Qwen2VLProcessor",
  do_convert_rgb: true,
  do_resize: true,
  do_rescale: true,
  do_normalize: true,
  rescale_factor: 1 / 255,
  resample: 3,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
  min_pixels: 112 * 112,
  max_pixels: 112 * 112,
  patch_size: 14,
  temporal_patch_size: 1,
  merge_size: 2
}

const program = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const tokenizer = tokenizerJson(words(), specials)
  const ids = new Map<string, number>(tokenizer.added_tokens.map(({ content, id }) => [content, id]))
  const id = (token: string) => ids.get(token) ?? -1
  const size = Math.max(...Object.values(tokenizer.model.vocab), ...ids.values()) + 1
  const special = { bos_token: null, eos_token: "<|im_end|>", pad_token: "<|endoftext|>" }
  const files: Record<string, unknown> = {
    "tokenizer.json": tokenizer,
    "tokenizer_config.json": {
      tokenizer_class: "PreTrainedTokenizerFast",
      processor_class: "Qwen2VLProcessor",
      ...special,
      unk_token: null,
      add_prefix_space: false,
      add_bos_token: false,
      clean_up_tokenization_spaces: false,
      errors: "replace",
      model_max_length: 1024,
      added_tokens_decoder: Object.fromEntries(
        tokenizer.added_tokens.map(({ content, id: key, ...flags }) => [String(key), { content, ...flags }])
      ),
      additional_special_tokens: specials.filter((token) => token.startsWith("<|")),
      chat_template: chatTemplate
    },
    "special_tokens_map.json": {
      additional_special_tokens: specials.filter((token) => token.startsWith("<|")),
      eos_token: special.eos_token,
      pad_token: special.pad_token
    },
    "generation_config.json": {
      do_sample: true,
      temperature: 1.0,
      top_p: 1.0,
      max_new_tokens: 64,
      bos_token_id: id("<|endoftext|>"),
      eos_token_id: [id("<|im_end|>"), id("<|endoftext|>")],
      pad_token_id: id("<|endoftext|>")
    },
    "preprocessor_config.json": preprocessor
  }
  for (const [checkpoint, rotary] of Object.entries(checkpoints)) {
    const folder = fileURLToPath(new URL(`../assets/${checkpoint}/`, import.meta.url))
    yield* fs.makeDirectory(folder, { recursive: true })
    for (const [name, value] of Object.entries({ ...files, "config.json": config(rotary, id, size) })) {
      yield* fs.writeFileString(
        `${folder}${name}`,
        `${JSON.stringify(value, null, name === "tokenizer.json" ? 1 : 2)}\n`
      )
    }
    // transformers' processor looks for it here and nowhere else.
    yield* fs.writeFileString(`${folder}chat_template.jinja`, chatTemplate)
  }
  yield* Console.log(`${Object.keys(checkpoints).join(", ")}: ${size} tokens`)
})

program.pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
