/**
 * Pixels to the flat patches that Qwen2-VL's vision tower reads, scaled and normalised on the way.
 */
import { Result } from "effect"
import type { Pixels } from "./Image.ts"
import type { Fault } from "./ImageError.ts"

/** In patches: time, height, width. An image has one time step. */
export type Grid = readonly [t: number, h: number, w: number]

/** Normalised value of each byte: `[3, 256]`, float32. */
export type Table = Float32Array

/**
 * `(byte × scale − mean) / std` for each channel, rounded to float32 after each step as the reference processor does.
 */
export const table = (scale: number, mean: ReadonlyArray<number>, std: ReadonlyArray<number>): Table =>
  Float32Array.from({ length: 768 }, (_, i) => {
    const channel = i >> 8
    const centred = Math.fround(Math.fround((i & 255) * scale) - Math.fround(mean[channel] ?? 0))
    return centred / Math.fround(std[channel] ?? 1)
  })

export interface PatchOptions {
  /** Side of a patch in pixels. */
  readonly patchSize: number
  /** Time steps in a patch; an image is repeated. */
  readonly temporalPatchSize: number
  /** Side in patches of the blocks that the model merges into one visual token. */
  readonly mergeSize: number
  readonly table: Table
}

export interface Patches {
  /**
   * `[t × h × w, 3 × temporalPatchSize × patchSize²]`. Patches go merge block by merge block, row-major within a block;
   * within a patch: channel, time, row, column.
   */
  readonly patches: Float32Array
  readonly grid: Grid
}

/** One pass over the pixels. Fails unless both sides are multiples of patch size × merge size. */
export const patchify = (
  { data, height, width }: Pixels,
  { mergeSize, patchSize, table, temporalPatchSize }: PatchOptions
): Result.Result<Patches, Fault> => {
  const factor = patchSize * mergeSize
  if (height < 1 || width < 1 || height % factor !== 0 || width % factor !== 0) {
    return Result.fail({
      reason: "does not divide into patches",
      found: `${width} × ${height}`,
      expected: `multiples of ${factor}`
    })
  }
  const gridHeight = height / patchSize
  const gridWidth = width / patchSize
  const area = patchSize * patchSize
  const channelLength = temporalPatchSize * area
  const patches = new Float32Array(gridHeight * gridWidth * 3 * channelLength)
  let at = 0
  for (let blockY = 0; blockY < gridHeight; blockY += mergeSize) {
    for (let blockX = 0; blockX < gridWidth; blockX += mergeSize) {
      for (let y = blockY; y < blockY + mergeSize; y++) {
        for (let x = blockX; x < blockX + mergeSize; x++) {
          for (let channel = 0; channel < 3; channel++) {
            const values = channel << 8
            const begin = at
            for (let row = 0; row < patchSize; row++) {
              let from = ((y * patchSize + row) * width + x * patchSize) * 3 + channel
              for (let column = 0; column < patchSize; column++, from += 3) patches[at++] = table[values + data[from]!]!
            }
            for (; at < begin + channelLength; at += area) patches.copyWithin(at, begin, begin + area)
          }
        }
      }
    }
  }
  return Result.succeed({ patches, grid: [1, gridHeight, gridWidth] })
}
