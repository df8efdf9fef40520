/** An image's visual tokens are its own: alone or in company, in whatever order, they have the same bits. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { fileURLToPath } from "node:url"
import * as Image from "../../../src/kernels/image/Image.ts"
import { Runtime, SharedPool } from "../../../src/kernels/runtime/index.ts"
import { ParameterStore } from "../../../src/kernels/train/index.ts"
import { directoryOf } from "../../../src/policy/Embedded.ts"
import * as Images from "../../../src/policy/onnx/Images.ts"
import * as Model from "../../../src/policy/onnx/Model.ts"
import * as SessionCache from "../../../src/policy/onnx/SessionCache.ts"

const noise = (id: string, width: number, height: number) =>
  Image.rendered(id, () => {
    const data = new Uint8Array(width * height * 3)
    let x = id.charCodeAt(0)
    for (let i = 0; i < data.length; i++) {
      x = Math.imul(x, 1664525) + 1013904223 >>> 0
      data[i] = x >>> 24
    }
    return { width, height, data }
  })

const parity = (name: string) => fileURLToPath(new URL(`../../fixtures/parity/${name}`, import.meta.url))

describe("visual tokens of an image", () => {
  const directories = [directoryOf("embedded"), parity("qwen2-vl"), parity("qwen2.5-vl"), parity("qwen3-vl")]
  for (const [directory, threadsPerWorker] of directories.flatMap((path) => [[path, 1], [path, 2]] as const)) {
    it.effect(`do not depend on its company: ${directory.split("/").at(-1)}, ${threadsPerWorker} threads`, () =>
      Effect.gen(function*() {
        const model = yield* Model.load(directory, { trainable: "none", seed: 0 })
        const sessions = yield* SessionCache.make
        const images = () =>
          Images.make({
            config: model.config,
            cut: model.preprocessor.cut,
            sessions,
            name: "policy",
            weights: ParameterStore.tensors(model.store),
            mapped: model.mapped,
            frozen: true,
            memory: SharedPool.make(2 ** 24)
          })
        const side = model.preprocessor.patchSize * model.preprocessor.mergeSize
        for (const [across, down] of [[4, 4], [2, 2], [5, 3], [1, 1], [1, 3]]) {
          const all = ["a", "b", "c", "d", "e"].map((id) => noise(id, across! * side, down! * side))
          const together = yield* (yield* images()).features(all)
          for (const image of all.slice(0, 2)) {
            const alone = yield* (yield* images()).features([image])
            const [found, expected] = [alone.get(image), together.get(image)]
            assert.isAbove(found?.features.length ?? 0, 0)
            assert.deepStrictEqual(found, expected, `${across} × ${down}`)
          }
        }
      }).pipe(
        Effect.scoped,
        Effect.provide(Layer.merge(Runtime.layer({ workers: 1, threadsPerWorker }), NodeServices.layer))
      ))
  }
})
