/**
 * Where patches stand in the vision tower.
 *
 * The tower runs over frames of equally many slots, so that images of different grids share a batch. Without windows a
 * patch's slot is its place in the pre-processor's output. With windows (Qwen2.5-VL, section 2.1) slots go window by
 * window, and a window that the image's edge cuts leaves slots empty: window attention is then a plain batch, and the
 * tower never permutes anything. Empty slots are masked, and their output is never read.
 */
import { type Angles, visionAngles } from "./Rope.ts"
import type { VisionConfig } from "./VisionConfig.ts"
import { type PlaceArrays, writePlace } from "./VisionPlaces.ts"

/** In patches: time, height, width. */
export type Grid = readonly [t: number, h: number, w: number]

/** Static shape of a tower run: `frames × slots` rows. */
export interface VisionShape {
  /** An image has one frame. */
  readonly frames: number
  readonly slots: number
  /** Whether some slots may be empty, so that attention is masked. */
  readonly padded: boolean
}

/** One frame of a grid. */
interface Layout {
  /** Slots it takes. */
  readonly slots: number
  /** Slot of each patch, in the pre-processor's merge-block order. */
  readonly slotOf: Int32Array
}

/** Slots of a window; 1 without windows. */
export const windowSlots = ({ merge, windows }: VisionConfig): number =>
  windows === undefined ? 1 : (windows.side * merge) ** 2

const layout = (vision: VisionConfig, [, h, w]: Grid): Layout => {
  const slotOf = new Int32Array(h * w)
  const { merge, windows } = vision
  if (windows === undefined) return { slots: h * w, slotOf: slotOf.map((_, i) => i) }
  const { side } = windows
  const [rows, columns, block] = [h / merge, w / merge, merge * merge]
  const across = Math.ceil(columns / side)
  for (let r = 0, at = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const window = Math.floor(r / side) * across + Math.floor(c / side)
      const token = window * side * side + r % side * side + c % side
      for (let i = 0; i < block; i++) slotOf[at++] = token * block + i
    }
  }
  return { slots: Math.ceil(rows / side) * across * side * side * block, slotOf }
}

const frames = (grids: ReadonlyArray<Grid>): number => grids.reduce((n, [t]) => n + t, 0)

/** Slots are rounded up to about this many where grids differ, so that few different shapes are compiled. */
const GRAIN = 64

/** The shape that holds the given images: no slot is empty where all grids take the same number and none is cut. */
export const shapeFor = (vision: VisionConfig, grids: ReadonlyArray<Grid>): VisionShape => {
  const taken = grids.map((grid) => layout(vision, grid))
  const most = taken.reduce((n, { slots }) => Math.max(n, slots), 0)
  const full = taken.every(({ slotOf, slots }) => slots === most && slotOf.length === slots)
  const unit = windowSlots(vision)
  const grain = Math.ceil(GRAIN / unit) * unit
  return { frames: frames(grids), slots: full ? most : Math.ceil(most / grain) * grain, padded: !full }
}

/** Row of the tower's output, `[frames·slots / merge², width]`, of every visual token of the images, in order. */
export const tokenRows = (vision: VisionConfig, { slots }: VisionShape, grids: ReadonlyArray<Grid>): Int32Array => {
  const block = vision.merge * vision.merge
  const out = new Int32Array(grids.reduce((n, [t, h, w]) => n + t * h * w / block, 0))
  let at = 0
  let frame = 0
  for (const grid of grids) {
    const { slotOf } = layout(vision, grid)
    for (let f = 0; f < grid[0]; f++, frame++) {
      for (let patch = 0; patch < slotOf.length; patch += block) out[at++] = (frame * slots + slotOf[patch]!) / block
    }
  }
  return out
}

/** What a tower run reads, by graph input name; rows are `frames × slots`. */
export interface VisionArrays extends Angles {
  /** `[rows, patchLength]` */
  readonly patches: Float32Array
  /** `[rows]`: 1 where a patch stands, else 0. */
  readonly filled: Int32Array
  /** Where the tower has learned positions. */
  readonly places?: PlaceArrays | undefined
}

/** Row and column of a patch, of which there are `w` in a row, by its number in the pre-processor's order. */
const placeOf = (patch: number, w: number, merge: number): readonly [row: number, column: number] => {
  const [block, within] = [Math.floor(patch / merge ** 2), patch % merge ** 2]
  const across = w / merge
  return [
    Math.floor(block / across) * merge + Math.floor(within / merge),
    block % across * merge + within % merge
  ]
}

/** An image that writes its patches, in the pre-processor's order. */
export interface Written {
  readonly grid: Grid
  readonly write: (patches: Float32Array) => void
}

/**
 * Writes images into arrays of the given shape, which are zeroed but for the patches: those may hold anything, and are
 * zeroed where none stands. Frames beyond the images stay empty.
 */
export const fill = (
  vision: VisionConfig,
  { slots }: VisionShape,
  images: ReadonlyArray<Written>,
  out: VisionArrays
): void => {
  const half = vision.width / vision.heads / 2
  let frame = 0
  const length = out.patches.length / out.filled.length
  for (const { grid, write } of images) {
    const { slotOf } = layout(vision, grid)
    const angles = visionAngles(vision, grid)
    const count = grid[0] * slotOf.length
    // Without windows slots follow patches: they are written where they stand.
    const isStraight = vision.windows === undefined && (grid[0] === 1 || slots === slotOf.length)
    const own = isStraight
      ? out.patches.subarray(frame * slots * length, (frame * slots + count) * length)
      : new Float32Array(count * length)
    write(own)
    // Patches whose slots follow each other: all of a frame, or those of a merge block.
    const run = isStraight ? slotOf.length : vision.merge ** 2
    for (let f = 0; f < grid[0]; f++, frame++) {
      for (let patch = 0; patch < slotOf.length; patch += run) {
        const row = frame * slots + slotOf[patch]!
        const from = f * slotOf.length + patch
        if (!isStraight) out.patches.set(own.subarray(from * length, (from + run) * length), row * length)
        out.cosines.set(angles.cosines.subarray(patch * half, (patch + run) * half), row * half)
        out.sines.set(angles.sines.subarray(patch * half, (patch + run) * half), row * half)
        out.filled.fill(1, row, row + run)
        if (vision.places === undefined || out.places === undefined) continue
        for (let i = 0; i < run; i++) {
          writePlace(vision.places, grid, ...placeOf(patch + i, grid[2], vision.merge), out.places, row + i)
        }
      }
    }
  }
  out.filled.forEach((filled, row) => {
    if (filled === 0) out.patches.fill(0, row * length, (row + 1) * length)
  })
}
