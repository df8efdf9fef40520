/** Random boxes and annotations for property tests. */
import { Arbitrary, Schema } from "effect"
import { Keyed } from "../../../src/kernels/math/index.ts"
import type { Annotation, Target } from "../../../src/tasks/detection/index.ts"
import { Box } from "../../../src/tasks/detection/index.ts"

export const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e9 }))
export const runs = { arbitrary: { runs: 400 } }

export const names = ["cup", "beer glass", "glass", "hat"] as const

/** A box on the grid of `step` inside a frame, from its corners. */
export const box = <S extends Box.Space>(draw: Keyed.Stream, frame: Box.Frame<S>, step: number): Box.Box<S> => {
  const side = (length: number) => {
    const cells = Math.round(length / step)
    const low = draw.int(cells)
    return [low / cells * length, (low + 1 + draw.int(cells - low)) / cells * length] as const
  }
  const [left, right] = side(frame.width)
  const [top, bottom] = side(frame.height)
  // What a reader of decimals gets.
  const exact = (value: number) => Number(value.toFixed(4))
  return Box.fromCorners(frame.space, [exact(left), exact(top), exact(right), exact(bottom)])
}

/** Up to `most` targets, some of them near each other. */
export const annotation = <S extends Box.Space>(draw: Keyed.Stream, frame: Box.Frame<S>, options: {
  readonly most: number
  readonly least?: number
  readonly step?: number
  readonly labels?: ReadonlyArray<string>
}): Annotation<S> => {
  const { labels, least = 0, most, step = 1 } = options
  const targets: Array<Target<S>> = []
  const count = least + draw.int(most - least + 1)
  while (targets.length < count) {
    targets.push({ box: box(draw, frame, step), ...(labels === undefined ? {} : { label: draw.pick(labels) }) })
  }
  return targets
}

export const drawn = <A>(key: string, make: (draw: Keyed.Stream) => A) =>
  Arbitrary.map(Arbitrary.schema(Seed), (seed) => make(Keyed.stream(seed, key)))
