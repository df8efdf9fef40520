/** What an engine sees of pictures that are no squares: it prepares what it is sent, as the local policy does. */
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { Image } from "../../../src/kernels/image/index.ts"
import type { Policy } from "../../../src/policy/index.ts"
import { engines, Local, local, remote } from "./engines.ts"

/** A picture of stripes, wider or higher than long. */
const striped = (width: number, height: number) =>
  Image.rendered(`${width} × ${height}`, () => {
    const data = new Uint8Array(width * height * 3)
    for (let i = 0; i < width * height; i++) data.fill((i % width) % 16 < 8 ? 240 : 30, i * 3, i * 3 + 2)
    return { width, height, data }
  })

const text = "A happy face beside a cake."

/** Log-probabilities of a text about each picture: as it is, and read ahead. */
const scores = (policy: Policy["Service"], images: ReadonlyArray<Image.Image>) =>
  Effect.scoped(Effect.gen(function*() {
    const { logprobs, prepare } = yield* policy.session
    const ahead = yield* Effect.forEach(images, (image) =>
      prepare === undefined ? Effect.succeed(image) : Effect.map(prepare(image), (prepared) => prepared.image))
    const tokens = Option.getOrThrow(policy.tokenizer).encode(text)
    return yield* logprobs([...images, ...ahead].map((image) => ({
      prompt: { images: [image], text: "What is in this picture?" },
      tokens
    })))
  }))

describe("pictures at an engine", () => {
  layer(Layer.merge(engines, local), { timeout: 300_000, excludeTestServices: true })((it) => {
    it.effect("are the local policy's, whatever their shape, read ahead or not", () =>
      Effect.gen(function*() {
        // The embedded checkpoint's limits leave no room: a size that they choose they would change once more.
        const images = [striped(168, 112), striped(112, 168), striped(150, 150), striped(112, 112)]
        const { policy } = yield* remote()
        const [here, there] = [yield* scores(yield* Local, images), yield* scores(policy, images)]
        here.forEach((values, i) => {
          values.forEach((value, k) => assert.approximately(there[i]?.[k] ?? Infinity, value, 1e-3, `${i}, token ${k}`))
        })
      }).pipe(Effect.scoped))
  })
})
