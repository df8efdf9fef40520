/**
 * Scene → pixels: background, then objects, then the face, by bilinear sampling and alpha blending.
 *
 * Plain loops on purpose: pretraining draws half a million scenes on the thread that feeds the workers, so a scene has
 * to cost a fraction of a millisecond and no call out of JavaScript.
 *
 * @module
 */
import type { Image, Pixels } from "../../kernels/image/Image.ts"
import * as Images from "../../kernels/image/Image.ts"
import * as Keyed from "../../kernels/math/Keyed.ts"
import type { Atlas, Sprite } from "./Atlas.ts"
import { paint } from "./Backgrounds.ts"
import * as Difficulty from "./Difficulty.ts"
import type { Placement, Scene } from "./Scene.ts"
import { side } from "./World.ts"

/** Source column (or row) and weight of the second of the two texels that a target pixel lies between. */
interface Taps {
  readonly first: Int32Array
  readonly second: Int32Array
  /** In 1/256. */
  readonly weight: Int32Array
}

const taps = (size: number, source: number, mirrored: boolean): Taps => {
  const first = new Int32Array(size)
  const second = new Int32Array(size)
  const weight = new Int32Array(size)
  const scale = source / size
  for (let i = 0; i < size; i++) {
    const centre = ((mirrored ? size - 1 - i : i) + 0.5) * scale - 0.5
    const low = Math.max(0, Math.min(source - 1, Math.floor(centre)))
    first[i] = low
    second[i] = Math.min(source - 1, low + 1)
    weight[i] = Math.max(0, Math.min(256, Math.round((centre - low) * 256)))
  }
  return { first, second, weight }
}

const tapsCache = new Map<number, Taps>()
const cachedTaps = (size: number, source: number, mirrored: boolean): Taps => {
  const key = (size * 128 + source) * 2 + (mirrored ? 1 : 0)
  let found = tapsCache.get(key)
  if (found === undefined) {
    found = taps(size, source, mirrored)
    tapsCache.set(key, found)
  }
  return found
}

/** @param strength share of its opacity that the sprite is drawn with */
const draw = (
  canvas: Uint8ClampedArray,
  sprite: Sprite,
  { mirrored, size, x, y }: Placement,
  strength = 1
): void => {
  const small = size < sprite.side * 0.75
  const texels = small ? sprite.half : sprite.full
  const source = small ? sprite.side / 2 : sprite.side
  const columns = cachedTaps(size, source, mirrored)
  const rows = cachedTaps(size, source, false)
  for (let row = 0; row < size; row++) {
    const upper = rows.first[row]! * source
    const lower = rows.second[row]! * source
    const down = rows.weight[row]!
    let to = ((y + row) * side + x) * 3
    for (let column = 0; column < size; column++, to += 3) {
      const right = columns.weight[column]!
      const a = (upper + columns.first[column]!) * 4
      const b = (upper + columns.second[column]!) * 4
      const c = (lower + columns.first[column]!) * 4
      const d = (lower + columns.second[column]!) * 4
      const wd = right * down
      const wc = (down << 8) - wd
      const wb = (right << 8) - wd
      const wa = 65536 - wb - wc - wd
      const alpha = texels[a + 3]! * wa + texels[b + 3]! * wb + texels[c + 3]! * wc + texels[d + 3]! * wd
      if (alpha === 0) continue
      const through = 1 - strength * alpha / (65536 * 255)
      for (let k = 0; k < 3; k++) {
        const colour = texels[a + k]! * wa + texels[b + k]! * wb + texels[c + k]! * wc + texels[d + k]! * wd
        canvas[to + k] = strength * colour / 65536 + canvas[to + k]! * through
      }
    }
  }
}

/**
 * Draws a scene at 112 × 112.
 *
 * @param difficulty how hard it is to read, in [0, 1] (`Difficulty`)
 */
export const render = (atlas: Atlas, scene: Scene, difficulty = 0): Pixels => {
  const canvas = new Uint8ClampedArray(side * side * 3)
  paint(canvas, scene.background, Keyed.stream(scene.seed, `${scene.id}/background`))
  const objects = Difficulty.objectsOf(scene, difficulty)
  for (const { name, placement, strength } of [...Difficulty.ghosts(scene, difficulty), ...objects]) {
    draw(canvas, atlas.sprite(scene.style, name), placement, strength)
  }
  draw(canvas, atlas.sprite(scene.style, scene.face), scene.facePlacement)
  if (difficulty > 0) {
    Difficulty.occlude(canvas, scene, objects, difficulty)
    Difficulty.speckle(canvas, scene, difficulty)
  }
  return { width: side, height: side, data: new Uint8Array(canvas.buffer) }
}

/** The scene as an image that is drawn when its pixels are asked for. */
export const image = (atlas: Atlas, scene: Scene, difficulty = 0): Image =>
  Images.rendered(
    `scene:${scene.seed}/${scene.id}${difficulty === 0 ? "" : `/difficulty=${difficulty}`}`,
    () => render(atlas, scene, difficulty),
    { isToldById: true }
  )
