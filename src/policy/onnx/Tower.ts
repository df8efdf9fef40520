/** What graphs read of images: patches on their way through the vision tower, or the visual tokens of a frozen one. */
import type { Image } from "../../kernels/image/Image.ts"
import type { Patchify } from "../../kernels/image/index.ts"
import { Config, VisionLayout, VisionPlaces } from "../../kernels/models/index.ts"
import type { HostTensor } from "../../kernels/runtime/index.ts"
import type { LossGraphs } from "../../kernels/train/index.ts"
import type { Features } from "./Features.ts"
import { roundUp } from "./roundUp.ts"

/**
 * The inputs that `visionInputs` declares, in shared memory. Frames beyond the images stay empty.
 */
export const tensors = (
  vision: Config.VisionConfig,
  shape: VisionLayout.VisionShape,
  images: ReadonlyArray<Patchify.Cut>,
  memory: HostTensor.Shared
): Record<string, HostTensor.HostTensor> => {
  const { channels, heads, patch, places, temporalPatch, width } = vision
  const rows = shape.frames * shape.slots
  const length = channels * temporalPatch * patch * patch
  const half = width / heads / 2
  const { emptyFloat32, float32, int32 } = memory
  const arrays: VisionLayout.VisionArrays = {
    patches: emptyFloat32(rows * length),
    cosines: float32(rows * half),
    sines: float32(rows * half),
    filled: int32(rows),
    places: places === undefined
      ? undefined
      : { taps: int32(rows * VisionPlaces.TAPS), weights: float32(rows * VisionPlaces.TAPS) }
  }
  const taps = [rows, VisionPlaces.TAPS]
  VisionLayout.fill(vision, shape, images, arrays)
  return {
    patches: { dtype: "float32", dims: [rows, length], data: arrays.patches },
    patchCosines: { dtype: "float32", dims: [rows, half], data: arrays.cosines },
    patchSines: { dtype: "float32", dims: [rows, half], data: arrays.sines },
    patchFilled: { dtype: "int32", dims: [rows], data: arrays.filled },
    ...(arrays.places !== undefined && {
      patchTaps: { dtype: "int32", dims: taps, data: arrays.places.taps },
      patchTapWeights: { dtype: "float32", dims: taps, data: arrays.places.weights }
    })
  }
}

/** Images a tower run has room for: few sizes beyond a handful, so that few graphs are compiled. */
export const imageSlots = (images: number): number => images <= 4 ? images : roundUp(images, 4)

/** What is known of the images: pixels for a tower under training, visual tokens of a frozen one. */
export type Known =
  | { readonly kind: "pixels"; readonly cuts: ReadonlyMap<Image, Patchify.Cut> }
  | { readonly kind: "features"; readonly features: ReadonlyMap<Image, Features> }

/** Where a batch's visual tokens come from, and at which row of them each token finds its own. */
export interface VisualRows {
  readonly shape: LossGraphs.BatchShape["visual"]
  readonly rows: number
  readonly rowOf?: Int32Array
  /** Into memory that is zeroed. */
  readonly feeds: (memory: HostTensor.Shared) => Record<string, HostTensor.HostTensor>
}

/**
 * Visual tokens of a batch. Each image goes through the tower with its own grid, whatever company it has.
 *
 * @param pictures in the order of their tokens
 */
export const visualRows = (config: Config.Config, pictures: ReadonlyArray<Image>, known: Known): VisualRows => {
  if (pictures.length === 0) return { shape: { kind: "none" }, rows: 0, feeds: () => ({}) }
  const merge = config.vision.merge * config.vision.merge
  if (known.kind === "pixels") {
    const images = pictures.flatMap((image) => known.cuts.get(image) ?? [])
    const grids = images.map(({ grid }) => grid)
    const needed = VisionLayout.shapeFor(config.vision, grids)
    const shape = { ...needed, frames: imageSlots(needed.frames) }
    return {
      shape: { kind: "pixels", ...shape },
      rows: shape.frames * shape.slots / merge,
      rowOf: VisionLayout.tokenRows(config.vision, shape, grids),
      feeds: (memory) => tensors(config.vision, shape, images, memory)
    }
  }
  const parts = pictures.flatMap((image) => known.features.get(image) ?? [])
  const width = Config.visualWidth(config)
  const rows = roundUp(parts.reduce((n, { features }) => n + features.length / width, 0), 64)
  return {
    shape: { kind: "features", rows },
    rows,
    feeds: (memory) => {
      const data = memory.float32(rows * width)
      let at = 0
      for (const { features } of parts) {
        data.set(features, at)
        at += features.length
      }
      return { visual: { dtype: "float32", dims: [rows, width], data } }
    }
  }
}
