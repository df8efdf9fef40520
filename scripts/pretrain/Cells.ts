/**
 * The cells of a scene: what one visual token of the embedded checkpoints sees, row by row from 1.
 */
import { type Placement, type Scene, standing } from "../../src/data/scenes/Scene.ts"
import { side } from "../../src/data/scenes/World.ts"

/** Side of a cell in pixels. */
const cellSide = 28
const across = side / cellSide
const cells = Array.from(
  { length: across * across },
  (_, cell) => ({ column: cell % across, row: Math.floor(cell / across) })
)

/** The share of a cell that a sprite's box covers, in [0, 1]. */
const covered = ({ size, x, y }: Placement, { column, row }: typeof cells[number]): number => {
  const width = Math.min(x + size, (column + 1) * cellSide) - Math.max(x, column * cellSide)
  const height = Math.min(y + size, (row + 1) * cellSide) - Math.max(y, row * cellSide)
  return width <= 0 || height <= 0 ? 0 : (width * height) / (cellSide * cellSide)
}

/** The number of the cell that a sprite covers most of; the first where several tie. */
export const numberOf = (placement: Placement): number => {
  const shares = cells.map((cell) => covered(placement, cell))
  return shares.indexOf(Math.max(...shares)) + 1
}

/**
 * The name to predict at each visual token: the sprite that covers most of its cell if that is at least a fifth, the
 * background's name where less than a twentieth is covered, and none (undefined) between.
 */
export const names = (scene: Scene): ReadonlyArray<string | undefined> => {
  const sprites = standing(scene, scene.face)
  return cells.map((cell) => {
    const shares = sprites.map(({ name, placement }) => ({ name, share: covered(placement, cell) }))
    const best = shares.reduce((a, b) => b.share > a.share ? b : a)
    if (best.share >= 0.2) return best.name
    return best.share < 0.05 ? scene.background : undefined
  })
}

/**
 * The numbers as words, to predict at each visual token where places are asked for. Positions are relative, so where a
 * patch lies has to be worked out from its neighbours; this teaches the first layers to.
 */
export const numbers: ReadonlyArray<string> = cells.map((_, cell) => String(cell + 1))
