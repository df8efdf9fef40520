/** Files of a model directory that are JSON. */
import { Effect } from "effect"
import { Preprocess } from "../../../src/kernels/image/index.ts"
import * as Config from "../../../src/kernels/models/Config.ts"
import { Tokenizer } from "../../../src/kernels/text/index.ts"
import { Json } from "../../../src/kernels/weights/index.ts"
import * as Peft from "../../../src/kernels/weights/Peft.ts"
import { Classification } from "../../../src/tasks/classification/index.ts"
import * as Codec from "../../../src/tasks/detection/Codec.ts"
import { Detection } from "../../../src/tasks/detection/index.ts"
import * as Saved from "../../../src/tasks/Saved.ts"
import { fixtures, put, values } from "../data.ts"
import { type Disk, holds, type Target } from "../Target.ts"

/** What a file's JSON is made into; what is no JSON is refused before. */
const of = (
  name: string,
  seeds: Target["seeds"],
  make: (json: unknown) => Effect.Effect<unknown, unknown, Disk>
): Target => ({
  name,
  kind: "json",
  seeds,
  run: (input) => {
    const json = Effect.try(() => Json.parse(Buffer.from(input).toString()))
    return Effect.match(Effect.flatMap(json, make), { onFailure: () => false, onSuccess: () => true })
  }
})

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

const small = {
  version: "1.0",
  added_tokens: [{ id: 0, content: "<|im_end|>", special: true }],
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: true },
  decoder: { type: "ByteLevel" },
  normalizer: null,
  post_processor: null,
  model: { type: "BPE", vocab: { "<|im_end|>": 0, a: 1, b: 2, ab: 3 }, merges: [["a", "b"]] }
}
const labels = ["sun", "rain"]
const weather = Classification.make({ name: "weather", labels, subject: "weather" }).described
const cups = Detection.make({ name: "cups", codec: Codec.qwen25Vl({ labels: ["cup"] }), subject: "cups" }).described

export const targets: ReadonlyArray<Target> = [
  of(
    "modelConfig",
    fixtures("parity/qwen2-vl/config.json", "parity/qwen2.5-vl/config.json", "parity/qwen3-vl/config.json"),
    Config.fromJson
  ),
  of(
    "preprocessor",
    fixtures("parity/qwen2-vl/preprocessor_config.json", "parity/qwen3-vl/preprocessor_config.json"),
    (json) =>
      Effect.map(Preprocess.fromConfig(json), ({ maxPixels, minPixels, patchLength }) => {
        holds(minPixels <= maxPixels && patchLength > 0, () => "a processor without patches")
      })
  ),
  of("tokenizer", values(small), (json) =>
    isObject(json)
      ? Effect.map(Tokenizer.fromJson(json, {}), ({ decode, encode }) => decode(encode("a ab <|im_end|>")))
      : Effect.fail("no object")),
  of("savedTask", values(weather, cups), (json) => Effect.fromResult(Saved.read(json))),
  {
    name: "adapterConfig",
    kind: "json",
    seeds: fixtures("lora/adapter/adapter_config.json", "lora/saved/adapter_config.json"),
    run: Effect.fnUntraced(function*(input, folder) {
      const [weights = new Uint8Array(0)] = yield* Effect.orDie(fixtures("lora/adapter/adapter_model.safetensors"))
      yield* put(folder, "adapter_model.safetensors", weights)
      yield* put(folder, "adapter_config.json", input)
      return yield* Effect.match(Peft.open(folder), { onFailure: () => false, onSuccess: () => true })
    })
  }
]
