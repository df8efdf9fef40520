/**
 * The decode of one picture and one prompt as three graphs that other programs run: vision tower, prefill and step.
 *
 * The arithmetic is that of `Step.ts`. What other graphs are fed from this project's memory (angles, segments, the last
 * row) is made inside, so that a host feeds whole numbers, patches and what the last run left. Shapes are fixed: a
 * picture fills as many slots as it has patches, a prompt as many rows as it has tokens, and the rest is masked.
 */
import { add, concat, constant, gather, input, less, slice, type Tensor, where } from "../graph/index.ts"
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

/**
 * The vision tower of one picture: output `visual`, `[slots / merge², visualWidth]`.
 *
 * Fed: `patches` `[slots, channels·temporalPatch·patch²]`; int32 `[slots]` each: `patchRow`, `patchColumn` in the grid
 * of patches, and `patchFilled`, 1 where a patch stands. Towers with learned positions are also fed int32 `[1]` each:
 * `patchRows` and `patchColumns`, how many rows and columns of patches there are.
 */
export const tower = (config: Config.Config, p: Lookup, { slots }: Room): Readonly<Record<"visual", Tensor>> => {
  const { channels, heads, merge, patch, places, temporalPatch, width } = config.vision
  const quarter = width / heads / 4
  // The narrowest picture is one block of patches wide.
  const angles = Rope.placeAngles(config.vision, slots / merge)
  const [row, column] = [input("patchRow", [slots], "i32"), input("patchColumn", [slots], "i32")]
  const of = (values: Float32Array) => {
    const byPlace = table(values, quarter)
    return concat([gather(byPlace, row), gather(byPlace, column)], 1)
  }
  return {
    visual: vision(config, p, {
      frames: 1,
      slots,
      padded: true,
      patches: input("patches", [slots, channels * temporalPatch * patch * patch]),
      cosines: of(angles.cosines),
      sines: of(angles.sines),
      filled: input("patchFilled", [slots], "i32"),
      ...(places !== undefined && {
        places: VisionPlaces.places(places, {
          row,
          column,
          rows: input("patchRows", [1], "i32"),
          columns: input("patchColumns", [1], "i32")
        })
      })
    })
  }
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
