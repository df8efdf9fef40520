/** Options that the types forbid: a script in JavaScript, or a variable of the environment that is not set. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Policy from "../../src/policy/layers.ts"

type Given = Readonly<Record<string, unknown>>

const failure = (layer: Layer.Layer<Policy.Policy, { readonly message: string }>) =>
  Effect.map(Effect.flip(Effect.scoped(Layer.build(layer))), ({ message }) => message)

const onnx = (options: Given) => failure(Policy.onnx(options as unknown as Policy.OnnxOptions))
const openai = (options: Given) => failure(Policy.openai(options as unknown as Policy.OpenAiOptions))

describe("Policy.onnx", () => {
  const model = "embedded"
  const cases: ReadonlyArray<readonly [Given, string]> = [
    [{ model: undefined }, `model is undefined, expected "embedded" or a Hugging Face directory`],
    [{ model: "" }, `model is "", expected "embedded" or a Hugging Face directory`],
    [{ model: 7 }, `model is 7, expected "embedded" or a Hugging Face directory`],
    [{ model, sed: 1 }, "sed is 1, expected no setting of this name: there are model, seed, trainable"],
    [{ model, lora: 16 }, "lora is 16, expected a record such as { rank: 16 }"],
    [{ model, lora: { rnk: 4 } }, "lora.rnk is 4, expected no setting of this name: there are adapter, rank, alpha"],
    [{ model, lora: { adapter: "" } }, `lora.adapter is "", expected the directory of a PEFT adapter`],
    [{ model, recompute: "yes" }, `recompute is "yes", expected true or false`],
    [{ model, mapWeights: 1 }, "mapWeights is 1, expected true or false"],
    [{ model, cache: false }, "cache is false, expected a folder"],
    [{ model, packFrom: 8 }, "packFrom is 8, expected [least, greatest] number of weights"],
    [{ model, packFrom: [8] }, "packFrom is [8], expected [least, greatest] number of weights"],
    [
      { model, decode: "step", packFrom: [0, Infinity] },
      "packFrom is [0,Infinity], expected nothing beside decode \"step\", which never prepacks weights"
    ],
    [
      { model, trainable: "none", recompute: true },
      "recompute is true, expected nothing beside trainable \"none\", where nothing is trained"
    ],
    [{ model, trainable: "none", optimizer: { beta2: 0.9 } }, "optimizer is {\"beta2\":0.9}, expected nothing beside"],
    [{ model, workers: "2" }, "workers is \"2\", expected a whole number from 1 to"],
    [{ model, device: "gpu" }, `device is "gpu", expected "cpu" or "webgpu" or "cuda"`]
  ]
  for (const [options, says] of cases) {
    it.effect(`says that ${says}`, () => Effect.map(onnx(options), (message) => assert.include(message, says)))
  }
})

describe("Policy.openai", () => {
  const sound = { baseUrl: "http://127.0.0.1:1/v1", model: "vl", apiKey: "k" }
  const duration = `a duration such as "2 minutes", or milliseconds from 0`
  const cases: ReadonlyArray<readonly [Given, string]> = [
    [{ baseUrl: undefined }, "baseUrl is undefined, expected an address such as http://localhost:8000/v1"],
    [{ model: undefined }, "model is undefined, expected the name the server knows it by"],
    [{ model: "" }, "model is empty, expected the name the server knows it by"],
    [{ apiKey: 7 }, "apiKey is a number, expected a string or a Redacted string"],
    [{ modle: "x" }, `modle is "x", expected no setting of this name: there are baseUrl, model`],
    [{ system: 1 }, "system is 1, expected text"],
    [{ baseUrl: [] }, "baseUrl is an empty list, expected an address such as http://localhost:8000/v1"],
    [{ grammars: "vllm" }, "grammars is \"vllm\", expected true or false"],
    [{ charactersPerToken: 0 }, "charactersPerToken is 0, expected a number above 0"],
    [
      { charactersPerToken: 2 },
      "charactersPerToken is 2, expected nothing beside grammars, without which texts are held to no grammar"
    ],
    [{ maxTokensField: "tokens" }, `maxTokensField is "tokens", expected "max_tokens" or "max_completion_tokens"`],
    [{ logprobs: 1 }, "logprobs is 1, expected true or false"],
    [{ images: { maxSide: 0 } }, "images.maxSide is 0, expected a whole number from 1"],
    [{ images: { maxSize: 1 } }, "images.maxSize is 1, expected no setting of this name: there are maxSide, maxBytes"],
    [{ extra: "{}" }, `extra is "{}", expected a record of fields`],
    [{ attemptTimeout: "soon" }, `attemptTimeout is "soon", expected ${duration}`],
    [{ timeLimit: {} }, `timeLimit is {}, expected ${duration}`],
    [{ backoff: NaN }, `backoff is NaN, expected ${duration}`]
  ]
  for (const [options, says] of cases) {
    it.effect(`says that ${says}`, () =>
      Effect.map(openai({ ...sound, ...options }), (message) => assert.include(message, says)))
  }

  it.effect("takes durations in every way they are written, and sends nothing", () =>
    Effect.scoped(
      Layer.build(Policy.openai({ ...sound, attemptTimeout: "1 minute", timeLimit: 5000, backoff: "10 millis" }))
    ))
})

describe("Policy.tinker", () => {
  it.effect("says which option does nothing beside another, before anything is sent", () =>
    Effect.forEach([{ quality: 80 }, { format: "png", quality: 80 }] as const, (images) =>
      Effect.map(
        failure(Policy.tinker({ baseUrl: "http://127.0.0.1:1", model: "vl", tokenizer: "nowhere", images })),
        (message) => {
          assert.include(message, "images.quality is 80, expected nothing beside images.format")
          assert.include(message, "PNG, the default, loses nothing")
        }
      )))
})
