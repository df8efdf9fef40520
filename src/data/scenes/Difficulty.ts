/**
 * What makes a scene hard to read, by degree: from 0, as it is drawn otherwise, to 1.
 *
 * The embedded checkpoint names what is in a plain scene with a precision of 0.98, so that hardly a chain of its is
 * wrong, and no filter of chains can help. In a harder world it sees too little or what is not there:
 *
 * - *small and dim*: objects shrink to 45% of their side, and let up to 75% of the background through;
 * - *occlusion*: up to two thirds of them have a third of their box behind a bar;
 * - *look-alikes*: up to three faint ghosts of other objects, which the annotation knows nothing of;
 * - *noise* on every pixel, uniform within ±55 of 255.
 *
 * What is in the scene, its annotation and its cues stay the same: only the picture is harder. Every draw is keyed by
 * the scene.
 *
 * @module
 */
import * as Keyed from "../../kernels/math/Keyed.ts"
import type { Placement, Scene } from "./Scene.ts"
import { type ObjectName, objects, side } from "./World.ts"

/** A sprite that is drawn with less than its whole strength. */
export interface Faint {
  readonly name: ObjectName
  readonly placement: Placement
  /** Share of its opacity, in (0, 1]. */
  readonly strength: number
}

const SMALLEST = 0.45
const FAINTEST = 0.25
const OCCLUDED = 2 / 3
const BAR = 1 / 3
const GHOSTS = 3
const NOISE = 55

const stream = ({ id, seed }: Scene, what: string) => Keyed.stream(seed, `${id}/difficulty/${what}`)

/** The scene's objects as they are drawn: smaller about their centres, and fainter. */
export const objectsOf = (scene: Scene, difficulty: number): ReadonlyArray<Faint> => {
  const placed = scene.objects.flatMap((name, i) => {
    const placement = scene.placements[i]
    return placement === undefined ? [] : [{ name, placement, strength: 1 }]
  })
  if (difficulty === 0) return placed
  const random = stream(scene, "objects")
  return placed.map(({ name, placement }) => {
    const [shrinks, fades] = [random.next(), random.next()]
    const size = Math.round(placement.size * (1 - difficulty * (1 - SMALLEST) * (0.5 + shrinks / 2)))
    const moved = (placement.size - size) >> 1
    return {
      name,
      placement: { ...placement, size, x: placement.x + moved, y: placement.y + moved },
      strength: 1 - difficulty * (1 - FAINTEST) * (0.5 + fades / 2)
    }
  })
}

/** Faint sprites of objects that are not in the scene. */
export const ghosts = (scene: Scene, difficulty: number): ReadonlyArray<Faint> => {
  if (difficulty === 0) return []
  const random = stream(scene, "ghosts")
  const others = objects.filter((name) => !scene.objects.includes(name))
  // Drawn in full and cut, so that a harder scene has the ghosts of an easier one.
  const all = Array.from({ length: GHOSTS }, () => {
    const size = 14 + random.int(9)
    return {
      name: random.pick(others),
      placement: { size, x: random.int(side - size), y: random.int(side - size), mirrored: random.next() < 0.5 },
      strength: 0.3 + 0.3 * random.next()
    }
  })
  return all.slice(0, Math.round(GHOSTS * difficulty))
}

/**
 * Bars over some of the objects, painted into the pixels.
 *
 * @param drawn the scene's objects as they were drawn
 */
export const occlude = (
  canvas: Uint8ClampedArray,
  scene: Scene,
  drawn: ReadonlyArray<Faint>,
  difficulty: number
): void => {
  const random = stream(scene, "bars")
  for (const { placement: { size, x, y } } of drawn) {
    const hidden = random.next() < OCCLUDED * difficulty
    const upright = random.next() < 0.5
    const at = random.next()
    const colour = [random.int(256), random.int(256), random.int(256)]
    if (!hidden) continue
    const width = Math.max(1, Math.round(size * BAR))
    const from = Math.round(at * (size - width))
    for (let row = upright ? 0 : from; row < (upright ? size : from + width); row++) {
      for (let column = upright ? from : 0; column < (upright ? from + width : size); column++) {
        const [px, py] = [x + column, y + row]
        if (px >= 0 && px < side && py >= 0 && py < side) canvas.set(colour, (py * side + px) * 3)
      }
    }
  }
}

/** Noise on every pixel. */
export const speckle = (canvas: Uint8ClampedArray, scene: Scene, difficulty: number): void => {
  const random = stream(scene, "noise")
  const most = 2 * NOISE * difficulty
  for (let i = 0; i < canvas.length; i++) canvas[i] = canvas[i]! + (random.next() - 0.5) * most
}
