/** Cutting pixels into patches in plain loops: where there is no WebAssembly, and what its loops are held against. */
import type { Pixels } from "./Image.ts"
import type { PatchOptions } from "./PatchOptions.ts"

/** One pass over the pixels. */
export const patchLoops = (
  { data, height, width }: Pixels,
  { mergeSize, patchSize, table, temporalPatchSize }: PatchOptions,
  patches: Float32Array
): void => {
  const gridHeight = height / patchSize
  const gridWidth = width / patchSize
  const area = patchSize * patchSize
  const channelLength = temporalPatchSize * area
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
}
