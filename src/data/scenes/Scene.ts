/**
 * A scene as plain data: what is in the picture and where. Made from a key, never from call order.
 *
 * @module
 */
import * as Keyed from "../../kernels/math/Keyed.ts"
import type { Background, Face, ObjectName, Style } from "./World.ts"
import { backgrounds, faces, objects, side, styles } from "./World.ts"

/** Where a sprite stands: top-left corner and side, in pixels of the 112 × 112 scene. */
export interface Placement {
  /** Left edge, in pixels. */
  readonly x: number
  /** Upper edge, in pixels. */
  readonly y: number
  /** Side, in pixels. */
  readonly size: number
  /** Flipped left to right. */
  readonly mirrored: boolean
}

/** What is to be seen, without positions. */
export interface Composition {
  readonly style: Style
  readonly background: Background
  readonly face: Face
  /** One to three different objects. */
  readonly objects: ReadonlyArray<ObjectName>
}

/** A composition with a place for everything in it. */
export interface Scene extends Composition {
  /** Unique among scenes of one seed; also keys the background's jitter. */
  readonly id: string
  /** Keys all draws, together with `id`. */
  readonly seed: number
  /** Where the face stands. */
  readonly facePlacement: Placement
  /** In the order of `objects`. */
  readonly placements: ReadonlyArray<Placement>
}

/** A sprite by name and where it stands. */
export interface Standing {
  readonly name: string
  readonly placement: Placement
}

/** Everything that stands in a scene: the face, under the name that it is to have, then the objects. */
export const standing = (
  { facePlacement, objects, placements }: Scene,
  face: string
): readonly [Standing, ...ReadonlyArray<Standing>] => [
  { name: face, placement: facePlacement },
  ...objects.map((name, i) => ({ name, placement: placements[i] ?? facePlacement }))
]

/** What compositions are drawn from. */
export interface Pool {
  readonly styles: ReadonlyArray<Style>
  readonly objects: ReadonlyArray<ObjectName>
}

/** Everything, as pretraining sees it. */
export const wholeWorld: Pool = { styles, objects }

const faceSize = { least: 40, most: 56 }
const objectSize = { least: 26, most: 40 }
/** The most that two boxes may share, as a share of the smaller one's area. */
export const overlapLimit = 0.1

/** The overlap of two boxes as a share of the smaller one's area, in [0, 1]. */
export const overlap = (a: Placement, b: Placement): number => {
  const width = Math.min(a.x + a.size, b.x + b.size) - Math.max(a.x, b.x)
  const height = Math.min(a.y + a.size, b.y + b.size) - Math.max(a.y, b.y)
  if (width <= 0 || height <= 0) return 0
  const smaller = Math.min(a.size, b.size)
  return (width * height) / (smaller * smaller)
}

/** Draws what is in a scene: uniform over style, background, face and one to three objects. */
export const compose = (random: Keyed.Stream, pool: Pool): Composition => {
  const style = random.pick(pool.styles)
  const background = random.pick(backgrounds)
  const face = random.pick(faces)
  const count = 1 + random.int(3)
  const chosen: Array<ObjectName> = []
  while (chosen.length < count) {
    const name = random.pick(pool.objects)
    if (!chosen.includes(name)) chosen.push(name)
  }
  return { style, background, face, objects: chosen }
}

const place = (random: Keyed.Stream, range: { readonly least: number; readonly most: number }): Placement => {
  const size = Math.round(range.least + random.next() * (range.most - range.least))
  return {
    size,
    x: Math.round(random.next() * (side - size)),
    y: Math.round(random.next() * (side - size)),
    mirrored: random.next() < 0.5
  }
}

/** Attempts at one sprite before the whole layout is drawn again, and layouts before the quadrants are used. */
const attempts = { sprite: 24, layout: 12 }

const layout = (random: Keyed.Stream, count: number): ReadonlyArray<Placement> => {
  for (let round = 0; round < attempts.layout; round++) {
    const placed: Array<Placement> = [place(random, faceSize)]
    for (let i = 0; i < count; i++) {
      for (let attempt = 0; attempt < attempts.sprite; attempt++) {
        const candidate = place(random, objectSize)
        if (placed.every((other) => overlap(candidate, other) < overlapLimit)) {
          placed.push(candidate)
          break
        }
      }
      if (placed.length < i + 2) break
    }
    if (placed.length === count + 1) return placed
  }
  // Rare: one sprite to each quadrant of 56 px never overlaps.
  const quadrants = random.shuffle([0, 1, 2, 3])
  return Array.from({ length: count + 1 }, (_, i) => {
    const { mirrored, size } = place(random, i === 0 ? faceSize : objectSize)
    const quadrant = quadrants[i] ?? 0
    const slack = side / 2 - size
    return {
      size,
      x: (quadrant % 2) * (side / 2) + Math.round(random.next() * slack),
      y: Math.floor(quadrant / 2) * (side / 2) + Math.round(random.next() * slack),
      mirrored
    }
  })
}

/** Gives a composition its places. */
export const arrange = (seed: number, id: string, composition: Composition): Scene => {
  const [facePlacement, ...placements] = layout(Keyed.stream(seed, `${id}/layout`), composition.objects.length)
  if (facePlacement === undefined) throw new Error("a layout always holds the face")
  return { ...composition, id, seed, facePlacement, placements }
}

/** The scene of a seed and an id. */
export const make = (seed: number, id: string, pool: Pool = wholeWorld): Scene =>
  arrange(seed, id, compose(Keyed.stream(seed, `${id}/composition`), pool))
