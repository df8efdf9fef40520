/**
 * Where things stand in a scene, as data sets of boxes say it.
 */
import type { Xywh } from "../../kernels/math/Iou.ts"
import type { Instance, Instances } from "../Instances.ts"
import type { Placement } from "./Scene.ts"
import { side } from "./World.ts"

/** Rounds pixels to whole hundredths of the picture's side. */
const hundredths = (pixels: number): number => Math.round(pixels / side * 100)

/**
 * A sprite's box in pixels, on the grid that the checkpoint writes: hundredths of the side, which are tens of its
 * thousandths. Rounded as pretraining's grounding rounds, so what a model already says is what a data set holds; inside
 * the picture.
 */
export const boxOf = ({ size, x, y }: Placement): Xywh => {
  const width = hundredths(size)
  const pixels = (count: number) => count * side / 100
  return [
    pixels(Math.min(hundredths(x), 100 - width)),
    pixels(Math.min(hundredths(y), 100 - width)),
    pixels(width),
    pixels(width)
  ]
}

/** A scene's picture with these things in it. */
export const instances = (things: ReadonlyArray<Instance>): Instances => ({
  width: side,
  height: side,
  instances: things
})
