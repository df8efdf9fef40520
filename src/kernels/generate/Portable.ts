/**
 * The decode of one picture and one prompt as three graphs that other programs run: vision tower, prefill and step.
 *
 * The arithmetic is that of `Step.ts`. What other graphs are fed from this project's memory (angles, segments, the last
 * row) is made inside, so that a host feeds whole numbers, patches and what the last run left. Shapes are fixed: a
 * picture fills as many slots as it has patches, a prompt as many rows as it has tokens, and the rest is masked.
 */
import {
  add,
  cast,
  concat,
  constant,
  div,
  gather,
  input,
  less,
  mul,
  reshape,
  scalar,
  slice,
  sub,
  type Tensor,
  transpose,
  where,
  zeros
} from "../graph/index.ts"
import type { Values } from "../image/Preprocess.ts"
import { Config, type Lookup, Rope, vision, VisionPlaces } from "../models/index.ts"
import { prefillOf, type Resident, step as stepOf } from "./Step.ts"

/** How much a graph has room for. */
export interface Room {
  /** Patches of a picture, those that a window leaves empty included: a multiple of `merge²` and of a window. */
  readonly slots: number
  /** Tokens of a prompt, those of its picture included. */
  readonly length: number
  readonly newTokens: number
}

const table = (values: Float32Array, width: number): Tensor => constant(values, [values.length / width, width])

/** Patches and where they stand, in a grid of so many rows and columns. */
interface Placed {
  readonly patches: Tensor
  readonly row: Tensor
  readonly column: Tensor
  readonly filled: Tensor
  /** Read by towers with learned positions alone. */
  readonly grid: () => { readonly rows: Tensor; readonly columns: Tensor }
}

const towerOf = (config: Config.Config, p: Lookup, { slots }: Room, { column, filled, grid, patches, row }: Placed) => {
  const { heads, merge, places, width } = config.vision
  const quarter = width / heads / 4
  // The narrowest picture is one block of patches wide.
  const angles = Rope.placeAngles(config.vision, slots / merge)
  const of = (values: Float32Array) => {
    const byPlace = table(values, quarter)
    return concat([gather(byPlace, row), gather(byPlace, column)], 1)
  }
  return {
    visual: vision(config, p, {
      frames: 1,
      slots,
      padded: true,
      patches,
      cosines: of(angles.cosines),
      sines: of(angles.sines),
      filled,
      ...(places !== undefined && { places: VisionPlaces.places(places, { row, column, ...grid() }) })
    })
  }
}

/** A square picture that fills a tower. */
export interface Square extends Values {
  /** In pixels. */
  readonly side: number
  /** The slot of each patch, row by row. */
  readonly slotOf: Int32Array
}

/**
 * The same of a square picture of one size: output `visual`. Fed: `pixels`, bytes `[side, side, 4]` of red, green, blue
 * and an alpha that is left alone, as a canvas gives them.
 */
export const square = (
  config: Config.Config,
  p: Lookup,
  room: Room,
  { mean, scale, side, slotOf, std }: Square
): Readonly<Record<"visual", Tensor>> => {
  const { patch, temporalPatch } = config.vision
  const n = side / patch
  const bytes = cast(input("pixels", [side, side, 4], "u8"), "f32")
  const of = (values: ReadonlyArray<number>) => constant(Float32Array.from(values), [1, 1, 3])
  const values = div(sub(mul(slice(bytes, 2, 0, 3), scalar(scale)), of(mean)), of(std))
  const tiles = reshape(
    transpose(reshape(values, [n, patch, n, patch, 3]), [0, 2, 4, 1, 3]),
    [n * n, 3, 1, patch * patch]
  )
  const frames = concat(Array.from({ length: temporalPatch }, () => tiles), 2)
  const flat = reshape(frames, [n * n, 3 * temporalPatch * patch * patch])
  // An empty slot reads the row behind the last patch.
  const patchIn = new Int32Array(room.slots).fill(n * n)
  slotOf.forEach((slot, at) => {
    patchIn[slot] = at
  })
  const placed = (of: (at: number) => number) => constant(patchIn.map((at) => at === n * n ? 0 : of(at)))
  return towerOf(config, p, room, {
    patches: gather(concat([flat, zeros([1, flat.shape[1] ?? 0])], 0), constant(patchIn)),
    row: placed((at) => Math.floor(at / n)),
    column: placed((at) => at % n),
    filled: placed(() => 1),
    grid: () => ({ rows: constant(Int32Array.of(n)), columns: constant(Int32Array.of(n)) })
  })
}

/**
 * The vision tower of one picture: output `visual`, `[slots / merge², visualWidth]`.
 *
 * Fed: `patches` `[slots, channels·temporalPatch·patch²]`; int32 `[slots]` each: `patchRow`, `patchColumn` in the grid
 * of patches, and `patchFilled`, 1 where a patch stands. Towers with learned positions are also fed int32 `[1]` each:
 * `patchRows` and `patchColumns`, how many rows and columns of patches there are.
 */
export const tower = (config: Config.Config, p: Lookup, room: Room): Readonly<Record<"visual", Tensor>> => {
  const { slots } = room
  const { channels, patch, temporalPatch } = config.vision
  return towerOf(config, p, room, {
    patches: input("patches", [slots, channels * temporalPatch * patch * patch]),
    row: input("patchRow", [slots], "i32"),
    column: input("patchColumn", [slots], "i32"),
    filled: input("patchFilled", [slots], "i32"),
    grid: () => ({ rows: input("patchRows", [1], "i32"), columns: input("patchColumns", [1], "i32") })
  })
}

/** The shape of a rollout of one row. */
const shapeOf = ({ vision: { merge } }: Config.Config, { length, newTokens, slots }: Room) => ({
  prompts: 1,
  group: 1,
  length,
  newTokens,
  visualRows: slots / (merge * merge),
  positions: length + newTokens + 1,
  // A host stops where it reads the end of a turn.
  endOfTurn: -1,
  sampling: { greedy: true, nucleus: false },
  grammarStates: undefined
})

/**
 * Reads the prompt: outputs `next:…`, each of which the steps take as the input that `resident` names.
 *
 * Fed, int32 `[length]` each: `tokens`; `visualIndex`, the row of `visual` that stands there, or `slots / merge²` for
 * text; `temporal`, `height` and `width`, the positions of M-RoPE. Then `visual`, as `tower` gives it, and `count`,
 * int32 `[1]`: how many of the tokens there are.
 */
export const prefill = (config: Config.Config, p: Lookup, room: Room): Resident => {
  const { length } = room
  const shape = shapeOf(config, room)
  const half = config.headWidth / 2
  const angles = Rope.positionAngles(config, shape.positions)
  const positions = (["temporal", "height", "width"] as const).map((name) => input(name, [length], "i32"))
  const stretches = Rope.stretchesOf(config)
  const of = (values: Float32Array) => {
    const byPosition = table(values, half)
    return concat(
      stretches.map(({ axis, from, to }) => slice(gather(byPosition, positions[axis] as Tensor), 1, from, to)),
      1
    )
  }
  const count = input("count", [1], "i32")
  const order = constant(Int32Array.from({ length }, (_, i) => i))
  const inputs = {
    batch: 1,
    length,
    tokens: input("tokens", [length], "i32"),
    visualIndex: input("visualIndex", [length], "i32"),
    visual: input("visual", [shape.visualRows, Config.visualWidth(config)]),
    cosines: of(angles.cosines),
    sines: of(angles.sines),
    segments: where(less(order, count), constant(Int32Array.of(0), []), constant(Int32Array.of(-1), []))
  }
  return prefillOf(config, p, shape, inputs, add(count, constant(Int32Array.of(-1))))
}

/**
 * Writes the next token: outputs `sampled`, int32 `[1]`, the likeliest; `sampledLogprobs` `[1]`, in nats; and `next:…`
 * for the step behind it.
 *
 * Fed: `turn`, int32 scalar from 0 to `newTokens - 1`; `positions`, int64 `[1, 1]`, that of the new token; and what
 * prefill and step before it left.
 */
export const step = (config: Config.Config, p: Lookup, room: Room): Resident => stepOf(config, p, shapeOf(config, room))

/** The values that `step` reads besides parameters, whatever it is fed: the angles of every position. */
export const tables = (config: Config.Config, room: Room): ReadonlyMap<string, Float32Array> => {
  const { cosines, sines } = Rope.positionAngles(config, shapeOf(config, room).positions)
  return new Map([["tableCosines", cosines], ["tableSines", sines]])
}
