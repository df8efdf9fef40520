/** Rotary angles of both towers, as tables the graph reads, and the positions of M-RoPE (Qwen2-VL, section 2.1). */
import type { Config, VisionConfig } from "./Config.ts"

/** Cosines and sines, `[rows, width]` each. */
export interface Angles {
  readonly cosines: Float32Array
  readonly sines: Float32Array
}

const frequencies = (count: number, theta: number): Float32Array =>
  // Single precision as the reference computes them, so that angles agree to the last bit.
  Float32Array.from({ length: count }, (_, j) => Math.fround(1 / Math.fround(Math.pow(theta, Math.fround(j / count)))))

/**
 * Angles of a vision grid in merge-block order: half of the frequencies follow the row, half the column.
 *
 * @returns tables `[t·h·w, headWidth / 2]`
 */
export const visionAngles = ({ heads, merge, width }: VisionConfig, [t, h, w]: readonly [number, number, number]): Angles => {
  const quarter = width / heads / 4
  const inverse = frequencies(quarter, 10_000)
  const rows = t * h * w
  const cosines = new Float32Array(rows * quarter * 2)
  const sines = new Float32Array(rows * quarter * 2)
  let at = 0
  for (let frame = 0; frame < t; frame++) {
    for (let blockRow = 0; blockRow < h; blockRow += merge) {
      for (let blockColumn = 0; blockColumn < w; blockColumn += merge) {
        for (let i = 0; i < merge; i++) {
          for (let j = 0; j < merge; j++) {
            for (const position of [blockRow + i, blockColumn + j]) {
              for (let k = 0; k < quarter; k++) {
                const angle = Math.fround(position * inverse[k]!)
                cosines[at] = Math.cos(angle)
                sines[at++] = Math.sin(angle)
              }
            }
          }
        }
      }
    }
  }
  return { cosines, sines }
}

/** Angle of frequency j at position p, for positions `0…limit-1`: `[limit, headWidth / 2]`. */
export const positionAngles = ({ headWidth, ropeTheta }: Config, limit: number): Angles => {
  const half = headWidth / 2
  const inverse = frequencies(half, ropeTheta)
  const cosines = new Float32Array(limit * half)
  const sines = new Float32Array(limit * half)
  for (let p = 0; p < limit; p++) {
    for (let j = 0; j < half; j++) {
      const angle = Math.fround(p * inverse[j]!)
      cosines[p * half + j] = Math.cos(angle)
      sines[p * half + j] = Math.sin(angle)
    }
  }
  return { cosines, sines }
}

/** Temporal, height and width position of each token. */
export interface Positions {
  readonly temporal: Int32Array
  readonly height: Int32Array
  readonly width: Int32Array
  /** Position of the token after the last. */
  readonly next: number
}

/**
 * Positions of one sequence: text advances all three together; an image spans its merged grid and then all three
 * continue after its larger side.
 *
 * @param grids `[t, h, w]` in patches, one an image, in order
 */
export const mropePositions = (
  tokens: ArrayLike<number>,
  imageToken: number,
  merge: number,
  grids: ReadonlyArray<readonly [number, number, number]>
): Positions => {
  const n = tokens.length
  const temporal = new Int32Array(n)
  const height = new Int32Array(n)
  const width = new Int32Array(n)
  let position = 0
  let image = 0
  for (let i = 0; i < n;) {
    const grid = tokens[i] === imageToken ? grids[image] : undefined
    if (grid === undefined) {
      temporal[i] = height[i] = width[i] = position++
      i++
      continue
    }
    image++
    const [frames, rows, columns] = [grid[0], grid[1] / merge, grid[2] / merge]
    for (let f = 0; f < frames; f++) {
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < columns && i < n; c++, i++) {
          temporal[i] = position + f
          height[i] = position + r
          width[i] = position + c
        }
      }
    }
    position += Math.max(rows, columns)
  }
  return { temporal, height, width, next: position }
}

/**
 * Writes the angles of each token into a table row: frequency j follows the position its M-RoPE section names.
 *
 * @param table angles by position, from `positionAngles`
 * @param row first row of `out` to write
 */
export const writeMropeAngles = (config: Config, table: Angles, positions: Positions, out: Angles, row: number): void => {
  const half = config.headWidth / 2
  const [first, second] = config.mropeSection
  for (let i = 0; i < positions.temporal.length; i++) {
    for (let j = 0; j < half; j++) {
      const position = j < first ? positions.temporal[i]! : j < first + second ? positions.height[i]! : positions.width[i]!
      out.cosines[(row + i) * half + j] = table.cosines[position * half + j]!
      out.sines[(row + i) * half + j] = table.sines[position * half + j]!
    }
  }
}
