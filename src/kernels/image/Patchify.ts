/**
 * Pixels to the flat patches that Qwen2-VL's vision tower reads, scaled and normalised on the way.
 */
import { Result } from "effect"
import { release } from "../runtime/release.ts"
import type { Pixels } from "./Image.ts"
import type { Fault } from "./ImageError.ts"
import { patchBands } from "./patchBands.ts"
import { patchLoops } from "./patchLoops.ts"
import type { PatchOptions, Table } from "./PatchOptions.ts"

export type { PatchOptions, Table }

/** In patches: time, height, width. An image has one time step. */
export type Grid = readonly [t: number, h: number, w: number]

/**
 * `(byte × scale − mean) / std` for each channel, rounded to float32 after each step as the reference processor does.
 */
export const table = (scale: number, mean: ReadonlyArray<number>, std: ReadonlyArray<number>): Table =>
  Float32Array.from({ length: 768 }, (_, i) => {
    const channel = i >> 8
    const centred = Math.fround(Math.fround((i & 255) * scale) - Math.fround(mean[channel] ?? 0))
    return centred / Math.fround(std[channel] ?? 1)
  })

/** A picture to be cut into patches: eight bytes and more of these for each that is held. */
export interface Cut {
  readonly grid: Grid
  /** Numbers in all of its patches. */
  readonly length: number
  /** What is held, in bytes. */
  readonly bytes: number
  /** Writes the patches, `length` numbers, to where they are read. */
  readonly write: (patches: Float32Array) => void
  /** Gives the memory of the pixels back, of which there are then none: nothing is written afterwards. */
  readonly release: () => void
}

export interface Patches {
  /**
   * `[t × h × w, 3 × temporalPatchSize × patchSize²]`. Patches go merge block by merge block, row-major within a block;
   * within a patch: channel, time, row, column.
   */
  readonly patches: Float32Array
  readonly grid: Grid
}

/** Fails unless both sides are multiples of patch size × merge size. */
export const cut = (pixels: Pixels, options: PatchOptions): Result.Result<Cut, Fault> => {
  const { height, width } = pixels
  const { mergeSize, patchSize, temporalPatchSize } = options
  const factor = patchSize * mergeSize
  if (height < 1 || width < 1 || height % factor !== 0 || width % factor !== 0) {
    return Result.fail({
      reason: "does not divide into patches",
      found: `${width} × ${height}`,
      expected: `multiples of ${factor}`
    })
  }
  return Result.succeed({
    grid: [1, height / patchSize, width / patchSize],
    length: height * width * 3 * temporalPatchSize,
    bytes: pixels.data.byteLength,
    write: (patches) => {
      if (pixels.data.length === 0) throw new Error("patches cannot be written after their pixels were given back")
      if (!patchBands(pixels, options, patches)) patchLoops(pixels, options, patches)
    },
    release: () => release(pixels.data)
  })
}

/** All patches in memory of their own. */
export const patchesOf = ({ grid, length, write }: Cut): Patches => {
  const patches = new Float32Array(length)
  write(patches)
  return { patches, grid }
}
