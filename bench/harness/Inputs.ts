/** What a model directory makes of prompts, for peers that are given the very tokens and patches that we read. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { Preprocess } from "../../src/kernels/image/index.ts"
import { Config, Parameters } from "../../src/kernels/models/index.ts"
import { Tokenizer } from "../../src/kernels/text/index.ts"
import { Lora } from "../../src/kernels/train/index.ts"
import { ModelDirectory } from "../../src/kernels/weights/index.ts"
import { templateVariables } from "../../src/policy/chat/Controls.ts"
import * as Encoder from "../../src/policy/chat/Encoder.ts"
import type { Prompt } from "../../src/policy/index.ts"

/** A prompt as a peer reads it from JSON. */
export interface Inputs {
  /** Image tokens as often as a picture has visual tokens. */
  readonly tokens: ReadonlyArray<number>
  readonly pictures: ReadonlyArray<{
    readonly grid: ReadonlyArray<number>
    /** Float32 values, base64. */
    readonly patches: string
  }>
}

const base64 = ({ buffer, byteLength, byteOffset }: Float32Array) =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64")

/** Prompts as the policy encodes them. */
export const of = (model: string, prompts: ReadonlyArray<Prompt>) =>
  Effect.gen(function*() {
    const directory = yield* ModelDirectory.open(model)
    const config = yield* Config.fromJson(directory.config, model)
    const preprocessor = yield* Preprocess.fromConfig(directory.preprocessorConfig)
    const encoder = Encoder.make(
      yield* Tokenizer.fromDirectory(directory),
      { source: directory.chatTemplate, variables: templateVariables(directory) },
      { image: config.imageToken, video: config.videoToken },
      preprocessor.mergedTokens
    )
    return yield* Effect.forEach(
      prompts,
      Effect.fnUntraced(function*(prompt) {
        const pictures = yield* Effect.forEach(prompt.images, preprocessor.process)
        const { tokens } = yield* encoder.prompt(prompt, pictures.map(({ grid }) => grid))
        const inputs: Inputs = {
          tokens: [...tokens],
          pictures: pictures.map(({ grid, patches }) => ({ grid, patches: base64(patches) }))
        }
        return inputs
      })
    )
  }).pipe(Effect.provide(NodeServices.layer))

const values = (specs: ReadonlyArray<{ readonly shape: ReadonlyArray<number> }>) =>
  specs.reduce((n, { shape }) => n + shape.reduce((m, d) => m * d, 1), 0)

/** Values of a model, with an adapter where one is given, and tokens of a prompt. */
export const sizes = (model: string, prompt: Prompt, adapter?: Lora.Options) =>
  Effect.gen(function*() {
    const directory = yield* ModelDirectory.open(model)
    const config = yield* Config.fromJson(directory.config, model)
    const lora = adapter === undefined ? [] : Lora.specs(config, yield* Lora.make(config, adapter))
    const [inputs] = yield* of(model, [prompt])
    return { parameters: values(Parameters.specs(config)) + values(lora), tokens: inputs?.tokens.length ?? 0 }
  }).pipe(Effect.provide(NodeServices.layer))
