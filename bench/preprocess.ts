/**
 * `preprocess`: JPEGs to the patches of Qwen2-VL, as they are and shrunk to 448 × 448 pixels' worth. Ours are written
 * where the policy writes them, to memory that is lent to a run.
 */
import { NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import sharp from "sharp"
import { Image, Patchify, Preprocess } from "../src/kernels/image/index.ts"
import { Keyed } from "../src/kernels/math/index.ts"
import { SharedPool } from "../src/kernels/runtime/index.ts"
import { type Bench, fastest, timed } from "./harness/Contest.ts"
import { python } from "./harness/Peer.ts"
import { withWorkload } from "./harness/Workload.ts"

const PICTURES = 8
const POOLED_BYTES = 64 * 1024 * 1024
/** Qwen2-VL's, but for `max_pixels`. */
const settings = { patch_size: 14, temporal_patch_size: 2, merge_size: 2, min_pixels: 3136 }

/**
 * A JPEG with detail on all scales, as photographs have: octaves of noise, each half as large and as strong as the one
 * before.
 */
const photograph = (i: number, width: number, height: number) =>
  Effect.promise(async () => {
    const data = new Float32Array(width * height * 3).fill(128)
    for (let cell = 128, strength = 50; cell >= 1; cell /= 2, strength /= 1.7) {
      const [columns, rows] = [Math.ceil(width / cell) + 1, Math.ceil(height / cell) + 1]
      const draw = Keyed.stream(i, `photograph/${cell}`)
      const knots = Float32Array.from({ length: columns * rows * 3 }, () => strength * (2 * draw.next() - 1))
      for (let y = 0, at = 0; y < height; y++) {
        const [row, down] = [Math.floor(y / cell), y / cell % 1]
        for (let x = 0; x < width; x++) {
          const [column, right] = [Math.floor(x / cell), x / cell % 1]
          const knot = (row * columns + column) * 3
          for (let c = knot; c < knot + 3; c++, at++) {
            const upper = knots[c]! * (1 - right) + knots[c + 3]! * right
            const lower = knots[c + 3 * columns]! * (1 - right) + knots[c + 3 * columns + 3]! * right
            data[at] = data[at]! + upper * (1 - down) + lower * down
          }
        }
      }
    }
    const raw = { width, height, channels: 3 } as const
    return sharp(Uint8Array.from(data, (value) => Math.max(0, Math.min(255, value))), { raw })
      .jpeg({ quality: 90 })
      .toBuffer()
  })

const bench = (width: number, height: number, maxPixels: number, how: string): Bench => {
  const config = { ...settings, max_pixels: maxPixels }
  const photographs = Effect.runSync(Effect.cached(
    Effect.forEach(Array.from({ length: PICTURES }, (_, i) => i), (i) => photograph(i, width, height))
  ))
  const cutting = Effect.gen(function*() {
    const { cut } = yield* Preprocess.fromConfig(config)
    return { cut, images: (yield* photographs).map((jpeg, i) => Image.encoded(`photograph-${i}`, jpeg)) }
  })
  const processing = (concurrency: number) =>
    Effect.map(cutting, ({ cut, images }) => {
      const memory = SharedPool.make(POOLED_BYTES)
      return Effect.forEach(
        images,
        (image) =>
          Effect.flatMap(
            cut(image),
            ({ length, release, write }) =>
              memory.lend(({ emptyFloat32 }) =>
                Effect.sync(() => {
                  write(emptyFloat32(length))
                  release()
                })
              )
          ),
        { concurrency }
      )
    })
  return {
    name: "preprocess",
    shape: `${PICTURES} JPEGs of ${width} × ${height} to patches, ${how}`,
    unit: "items/s",
    amount: PICTURES,
    ours: fastest(
      [1, 4].map((concurrency) => Effect.map(processing(concurrency), (all) => timed(`${concurrency} at a time`, all)))
    ),
    peer: Effect.gen(function*() {
      const jpegs = (yield* photographs).map((jpeg) => jpeg.toString("base64"))
      const { cut, images } = yield* cutting
      const patches = (yield* Effect.forEach(images, cut)).map(Patchify.patchesOf)
      const values = patches.map(({ grid, patches }) => ({
        grid,
        mean: patches.reduce((sum, value) => sum + value, 0) / patches.length,
        square: patches.reduce((sum, value) => sum + value * value, 0) / patches.length
      }))
      return yield* withWorkload({ config, jpegs, values }, (path) => python("preprocess.py", [path]))
    }).pipe(Effect.provide(NodeServices.layer))
  }
}

export const benches: ReadonlyArray<Bench> = [
  bench(640, 480, 28 * 28 * 1280, "as they are, each side to the next multiple of 28"),
  bench(1280, 960, 448 * 448, "shrunk to at most 448 × 448 pixels")
]
