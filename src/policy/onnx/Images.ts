/**
 * What the policy knows of images: pixels to cut into patches, and the visual tokens the vision tower makes of them.
 *
 * While the tower is frozen, visual tokens are computed once per image and kept (least recently used go first, so that
 * memory does not grow with the data set). A trained tower's tokens are forgotten with every update. Images that are
 * asked about once leave nothing behind; those that were changed to be learned from put out no others.
 */
import { Effect } from "effect"
import type { Image } from "../../kernels/image/Image.ts"
import type { ImageError, Patchify } from "../../kernels/image/index.ts"
import { Config, VisionLayout } from "../../kernels/models/index.ts"
import { type HostTensor, Runtime, type SharedPool } from "../../kernels/runtime/index.ts"
import { type Lora, LossGraphs } from "../../kernels/train/index.ts"
import { PictureCache } from "../PictureCache.ts"
import { pictureKey } from "../PictureKey.ts"
import type { Features, Grid } from "./Features.ts"
import * as MappedWeights from "./MappedWeights.ts"
import type { Sessions } from "./SessionCache.ts"
import * as Tower from "./Tower.ts"

export interface Images {
  readonly cuts: (images: ReadonlyArray<Image>) => Effect.Effect<ReadonlyMap<Image, Patchify.Cut>, ImageError>
  readonly features: (
    images: ReadonlyArray<Image>
  ) => Effect.Effect<ReadonlyMap<Image, Features>, ImageError | Runtime.RuntimeError>
  /** Says that this image will be asked about once: nothing of it is kept. */
  readonly once: (image: Image) => Image
  /** The tower's weights have changed. */
  readonly forget: Effect.Effect<void>
}

/** Most images, and about how many patches, that go through the frozen tower in one run. */
const CHUNK = 8
const CHUNK_PATCHES = 1024

/** Images of one grid in a run: fixed by the grid, so that no image's tokens depend on its company (`placesFor`). */
export const chunkOf = ([t, h, w]: Grid): number =>
  Math.max(1, Math.min(CHUNK, Math.floor(CHUNK_PATCHES / (t * h * w))))

/** Visual tokens from which an image alone has a run of its own, without places for others. */
const ALONE = 4

/**
 * Places of a run. On one thread of a processor, products of matrices give each row the same bits whatever rows there
 * are beside it, but for a single row, which is multiplied by other code: there an image alone needs no empty places
 * beside it, unless its tokens are few. Several threads divide products by their size.
 */
const placesFor = (
  images: number,
  grid: Grid,
  merge: number,
  { device, threadsPerWorker }: Pick<Runtime.Runtime["Service"], "device" | "threadsPerWorker">
): number =>
  images === 1 && device === "cpu" && threadsPerWorker === 1 && grid[0] * grid[1] * grid[2] >= ALONE * merge ** 2
    ? 1
    : chunkOf(grid)

export interface Options {
  readonly config: Config.Config
  readonly cut: (image: Image) => Effect.Effect<Patchify.Cut, ImageError>
  readonly sessions: Sessions
  /** Whose weights they are: the policy's or its reference's. */
  readonly name: string
  readonly weights: Readonly<Record<string, HostTensor.HostTensor>>
  readonly lora?: Lora.Lora | undefined
  /** Where the model's own weights lie, when they are not among `weights`. */
  readonly mapped: MappedWeights.Mapped | undefined
  readonly frozen: boolean
  readonly memory: SharedPool.SharedPool
}

/** Of pixels and of features each. */
const CACHED_BYTES = 256 * 1024 * 1024

export const make = Effect.fnUntraced(function*(options: Options) {
  const { config, cut, frozen, memory, name, sessions, weights } = options
  const runtime = yield* Runtime.Runtime
  const cutCache = new PictureCache<Patchify.Cut>(CACHED_BYTES, ({ bytes }) => bytes)
  const featureCache = new PictureCache<Features>(CACHED_BYTES, ({ features }) => features.byteLength)

  const passing = new WeakSet<Image>()

  /** Calls `make` with one picture of those that are the same, and gives each of them what was made of it. */
  const shared = <V, E>(
    images: ReadonlyArray<Image>,
    make: (distinct: ReadonlyArray<Image>) => Effect.Effect<ReadonlyMap<Image, V>, E>
  ): Effect.Effect<ReadonlyMap<Image, V>, E> => {
    const groups = [...Map.groupBy(new Set(images), pictureKey).values()]
    return Effect.map(
      make(groups.flatMap(([first]) => first ?? [])),
      (found) =>
        new Map(groups.flatMap((same) => {
          const made = same[0] && found.get(same[0])
          return made === undefined ? [] : same.map((image) => [image, made] as const)
        }))
    )
  }

  const cutsOf: Images["cuts"] = Effect.fnUntraced(function*(images) {
    const found = yield* Effect.forEach(images, (image) => {
      const held = cutCache.get(image)
      if (held !== undefined) return Effect.succeed([image, held] as const)
      return Effect.map(cut(image), (made) => {
        // Frozen: the tokens are kept instead.
        if (!frozen && !passing.has(image)) cutCache.set(image, made)
        return [image, made] as const
      })
    }, { concurrency: 4 })
    return new Map(found)
  })

  /** An image that alone takes more than the model's positions: every prompt with it is refused by its grid. */
  const isBeyond = ([t, h, w]: Grid) => t * h * w / (config.vision.merge * config.vision.merge) > config.maxPositions

  /** Images of one grid through the tower. */
  const encode = Effect.fnUntraced(
    function*(chunk: ReadonlyArray<readonly [Image, Patchify.Cut]>, grid: Grid, worker: number) {
      const grids = Array.from({ length: placesFor(chunk.length, grid, config.vision.merge, runtime) }, () => grid)
      const shape = VisionLayout.shapeFor(config.vision, grids)
      const session = sessions.of({
        key: `vision ${name} ${JSON.stringify(shape)}`,
        worker,
        program: () => LossGraphs.visualFeatures(config, shape, options.lora, options.mapped?.frozen),
        ...MappedWeights.session(options.mapped),
        bound: weights
      })
      const images = chunk.map(([, cut]) => cut)
      const { features } = yield* memory.lend((memory) => {
        const feeds = Tower.tensors(config.vision, shape, images, memory)
        // Written, and kept by nobody.
        if (frozen) { for (const { release } of images) release() }
        return session.run(feeds)
      })
      const data = features?.data as Float32Array
      const rows = VisionLayout.tokenRows(config.vision, shape, grids)
      const each = rows.length / grids.length
      const width = Config.visualWidth(config)
      return chunk.map(([image], i) => {
        const own = new Float32Array(each * width)
        rows.subarray(i * each, (i + 1) * each).forEach((row, token) =>
          own.set(data.subarray(row * width, (row + 1) * width), token * width)
        )
        return [image, { grid, features: own }] as const
      })
    }
  )

  const featuresOf: Images["features"] = Effect.fnUntraced(function*(images) {
    const known = new Map<Image, Features>()
    for (const image of images) {
      const held = featureCache.get(image)
      if (held !== undefined) known.set(image, held)
    }
    const missing = images.filter((image) => !known.has(image))
    // A few chunks at a time: pixels of a whole data set would not fit.
    for (let at = 0; at < missing.length; at += CHUNK * runtime.workers) {
      const prepared = [...yield* cutsOf(missing.slice(at, at + CHUNK * runtime.workers))]
      for (const [image, { grid }] of prepared) {
        if (isBeyond(grid)) known.set(image, { grid, features: new Float32Array(0) })
      }
      const within = prepared.filter(([, { grid }]) => !isBeyond(grid))
      const byGrid = Map.groupBy(within, ([, { grid }]) => grid.join())
      const chunks = [...byGrid.values()].flatMap((same) => {
        const grid = same[0]?.[1].grid ?? [1, config.vision.merge, config.vision.merge]
        const size = chunkOf(grid)
        return Array.from(
          { length: Math.ceil(same.length / size) },
          (_, i) => ({ grid, images: same.slice(i * size, (i + 1) * size) })
        )
      })
      const encoded = yield* Effect.forEach(
        chunks,
        ({ grid, images }, i) => encode(images, grid, i % runtime.workers),
        { concurrency: "unbounded" }
      )
      for (const [image, value] of encoded.flat()) {
        known.set(image, value)
        if (!passing.has(image)) featureCache.set(image, value)
      }
    }
    return known
  })

  const made: Images = {
    cuts: (images) => shared(images, cutsOf),
    features: (images) => shared(images, featuresOf),
    once: (image) => {
      passing.add(image)
      return image
    },
    forget: frozen ? Effect.void : Effect.sync(() => featureCache.clear())
  }
  return made
})
