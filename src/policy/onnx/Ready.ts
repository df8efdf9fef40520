/**
 * Whether a model directory would load and take a picture, without the memory that loading takes.
 *
 * @module
 */
import { Effect } from "effect"
import { Image } from "../../kernels/image/index.ts"
import * as ContextLimit from "./ContextLimit.ts"
import * as Model from "./Model.ts"

/** The side of a small picture, in pixels. */
const SIDE = 224

/** A grey picture, and a question about it. */
const prompt = {
  images: [
    Image.rendered("ready", () => ({ width: SIDE, height: SIDE, data: new Uint8Array(SIDE * SIDE * 3).fill(127) }))
  ] as const,
  text: "What is this?"
}

/**
 * Fails on what loading the directory would fail on, and on what the first picture would: a chat template that has no
 * place for one, a pre-processor that contradicts itself, too few positions.
 */
export const check = Effect.fnUntraced(function*(path: string) {
  const { config, encoder, preprocessor, specs, tokenizer } = yield* Model.look(path, () => Effect.void)
  const { grid } = yield* preprocessor.process(prompt.images[0])
  const encoded = yield* encoder.prompt(prompt, [grid])
  yield* ContextLimit.check({ config, preprocessor }, encoded, 1)
  return { config, specs, tokenizer }
})
