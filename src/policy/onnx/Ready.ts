/**
 * Whether a model directory would load and take a picture, without the memory that loading takes.
 *
 * @module
 */
import { Effect } from "effect"
import { Image } from "../../kernels/image/index.ts"
import * as ContextLimit from "./ContextLimit.ts"
import * as Model from "./Model.ts"

/** Patches along a side of a small picture. */
const PATCHES = 8

/** A grey picture, which is not resized. */
const grey = (side: number) =>
  Image.rendered("ready", () => ({ width: side, height: side, data: new Uint8Array(side * side * 3).fill(127) }))

/**
 * Fails on what loading the directory would fail on, and on what the first picture would: a chat template that has no
 * place for one, a pre-processor that contradicts itself, too few positions.
 */
export const check = Effect.fnUntraced(function*(path: string) {
  const { config, encoder, preprocessor, specs, tokenizer } = yield* Model.look(path, () => Effect.void)
  const image = grey(PATCHES * preprocessor.mergeSize * preprocessor.patchSize)
  const { grid } = yield* preprocessor.process(image)
  const encoded = yield* encoder.prompt({ images: [image], text: "What is this?" }, [grid])
  yield* ContextLimit.check({ config, preprocessor }, encoded, 1)
  return { config, specs, tokenizer }
})
