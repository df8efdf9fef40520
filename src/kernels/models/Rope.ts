/** Rotary angles of both towers, as tables the graph reads, and the positions of M-RoPE (Qwen2-VL, section 2.1). */
import type { Config } from "./Config.ts"
import type { VisionConfig } from "./VisionConfig.ts"

/** Cosines and sines, `[rows, width]` each. */
export interface Angles {
  readonly cosines: Float32Array
  readonly sines: Float32Array
}

const frequencies = (count: number, theta: number): Float32Array =>
  // Single precision as the reference computes them, so that angles agree to the last bit.
  Float32Array.from({ length: count }, (_, j) => Math.fround(1 / Math.fround(Math.pow(theta, Math.fround(j / count)))))

/** `[limit, frequencies]`: position × frequency. */
const tableOf = (inverse: Float32Array, limit: number): Angles => {
  const cosines = new Float32Array(limit * inverse.length)
  const sines = new Float32Array(limit * inverse.length)
  for (let p = 0, at = 0; p < limit; p++) {
    for (const frequency of inverse) {
      const angle = Math.fround(p * frequency)
      cosines[at] = Math.cos(angle)
      sines[at++] = Math.sin(angle)
    }
  }
  return { cosines, sines }
}

/**
 * Angles of the vision tower's rows and columns, for places `0…limit-1`: `[limit, headWidth / 4]`. A patch's own are
 * those of its row, and behind them those of its column.
 */
export const placeAngles = ({ heads, ropeTheta, width }: VisionConfig, limit: number): Angles =>
  tableOf(frequencies(width / heads / 4, ropeTheta), limit)

/**
 * Angles of one frame of a vision grid in merge-block order: half of the frequencies follow the row, half the column.
 *
 * @returns tables `[h·w, headWidth / 2]`
 */
export const visionAngles = (
  vision: VisionConfig,
  [, h, w]: readonly [number, number, number]
): Angles => {
  const { heads, merge, width } = vision
  const quarter = width / heads / 4
  const byPosition = placeAngles(vision, Math.max(h, w))
  const cosines = new Float32Array(h * w * quarter * 2)
  const sines = new Float32Array(h * w * quarter * 2)
  let at = 0
  for (let blockRow = 0; blockRow < h; blockRow += merge) {
    for (let blockColumn = 0; blockColumn < w; blockColumn += merge) {
      for (let i = 0; i < merge; i++) {
        for (let j = 0; j < merge; j++) {
          for (const position of [blockRow + i, blockColumn + j]) {
            for (let k = position * quarter; k < (position + 1) * quarter; k++) {
              cosines[at] = byPosition.cosines[k]!
              sines[at++] = byPosition.sines[k]!
            }
          }
        }
      }
    }
  }
  return { cosines, sines }
}

/** Angle of frequency j at position p, for positions `0…limit-1`: `[limit, headWidth / 2]`. */
export const positionAngles = ({ headWidth, ropeTheta }: Config, limit: number): Angles =>
  tableOf(frequencies(headWidth / 2, ropeTheta), limit)

/** Temporal, height and width position of each token. */
export interface Positions {
  readonly temporal: Int32Array
  readonly height: Int32Array
  readonly width: Int32Array
  /** Position of the token after the last. */
  readonly next: number
}

/**
 * Temporal positions from one frame of patches to the next: one each in Qwen2-VL; in Qwen2.5-VL positions follow
 * absolute time, `positionsPerSecond` of them a second (section 2.1.2). A still image has one frame and no such
 * distance.
 *
 * @param seconds time between frames of patches
 */
export const temporalInterval = ({ positionsPerSecond }: VisionConfig, seconds: number): number =>
  positionsPerSecond === undefined ? 1 : positionsPerSecond * seconds

/**
 * Positions of one sequence: text advances all three together; an image spans its merged grid and then all three
 * continue after its larger side.
 *
 * @param grids `[t, h, w]` in patches, one an image, in order
 * @param intervals temporal positions between frames of each grid, whole positions after multiplication
 * (`temporalInterval`); default 1
 */
export const mropePositions = (
  tokens: ArrayLike<number>,
  imageToken: number,
  merge: number,
  grids: ReadonlyArray<readonly [number, number, number]>,
  intervals: ReadonlyArray<number> = []
): Positions => {
  const n = tokens.length
  const temporal = new Int32Array(n)
  const height = new Int32Array(n)
  const width = new Int32Array(n)
  let position = 0
  let last = -1
  let image = 0
  for (let i = 0; i < n;) {
    const grid = tokens[i] === imageToken ? grids[image] : undefined
    if (grid === undefined) {
      last = Math.max(last, position)
      temporal[i] = height[i] = width[i] = position++
      i++
      continue
    }
    const interval = intervals[image++] ?? 1
    const [frames, rows, columns] = [grid[0], grid[1] / merge, grid[2] / merge]
    for (let f = 0; f < frames; f++) {
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < columns && i < n; c++, i++) {
          temporal[i] = position + Math.trunc(f * interval)
          height[i] = position + r
          width[i] = position + c
        }
      }
    }
    last = Math.max(last, position + Math.trunc((frames - 1) * interval), position + Math.max(rows, columns) - 1)
    position += Math.max(rows, columns)
  }
  // A long video reaches further in time than the text behind it has counted: nothing new may come before its end.
  return { temporal, height, width, next: Math.max(position, last + 1) }
}

/**
 * Which of the three positions each frequency follows, temporal, height or width: in stretches as long as the sections
 * say, or in turns, height and width each as often as its section says (Qwen3-VL).
 */
export const axesOf = (
  { headWidth, mrope, mropeSection }: Pick<Config, "headWidth" | "mrope" | "mropeSection">
): ReadonlyArray<0 | 1 | 2> => {
  const [first, second, third] = mropeSection
  return Array.from({ length: headWidth / 2 }, (_, j) => {
    if (mrope === "stretches") return j < first ? 0 : j < first + second ? 1 : 2
    const turn = j % 3
    return turn === 1 && j < 3 * second ? 1 : turn === 2 && j < 3 * third ? 2 : 0
  })
}

/** The same as neighbours that follow one position. */
export const stretchesOf = (
  config: Pick<Config, "headWidth" | "mrope" | "mropeSection">
): ReadonlyArray<{ readonly axis: 0 | 1 | 2; readonly from: number; readonly to: number }> => {
  const axes = axesOf(config)
  const starts = axes.flatMap((axis, j) => axis === axes[j - 1] ? [] : [{ axis, from: j }])
  return starts.map((start, i) => ({ ...start, to: starts[i + 1]?.from ?? axes.length }))
}

/**
 * Writes the angles of each token into a table row: frequency j follows the position that `axesOf` names.
 *
 * @param table angles by position, from `positionAngles`
 * @param row first row of `out` to write
 */
export const writeMropeAngles = (
  config: Config,
  table: Angles,
  positions: Positions,
  out: Angles,
  row: number
): void => {
  const half = config.headWidth / 2
  const axes = axesOf(config)
  const places = [positions.temporal, positions.height, positions.width] as const
  for (let i = 0; i < positions.temporal.length; i++) {
    for (let j = 0; j < half; j++) {
      const position = places[axes[j]!][i]!
      out.cosines[(row + i) * half + j] = table.cosines[position * half + j]!
      out.sines[(row + i) * half + j] = table.sines[position * half + j]!
    }
  }
}
