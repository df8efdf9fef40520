/**
 * Learned positions of a tower (Qwen3-VL): a square of them is stretched over each picture, corner on corner, and a
 * patch is given the mixture of the four nearest (bilinear interpolation).
 */
import {
  add,
  cast,
  concat,
  constant,
  div,
  maximum,
  minimum,
  mul,
  reshape,
  scalar,
  sub,
  type Tensor
} from "../graph/index.ts"

/** Learned positions that a patch's own is mixed of: two along each side. */
export const TAPS = 4

/** What each patch is mixed of, `[rows, TAPS]`: rows of the learned square, and their shares. */
export interface PlaceArrays {
  readonly taps: Int32Array
  readonly weights: Float32Array
}

/**
 * The two neighbours of a place on one side, and their shares, in single precision as the reference computes them.
 *
 * @param at 0 … size - 1
 * @param side of the learned square
 */
const along = (at: number, size: number, side: number) => {
  const exact = Math.fround(Math.fround(at * (side - 1)) / Math.max(1, size - 1))
  const before = Math.floor(exact)
  const share = Math.fround(exact - before)
  return [[before, Math.fround(1 - share)], [Math.min(before + 1, side - 1), share]] as const
}

/** Writes what the patch at `row`, `column` of a grid is mixed of. */
export const writePlace = (
  side: number,
  [, h, w]: readonly [number, number, number],
  row: number,
  column: number,
  out: PlaceArrays,
  to: number
): void => {
  const columns = along(column, w, side)
  let at = to * TAPS
  for (const [r, down] of along(row, h, side)) {
    for (const [c, across] of columns) {
      out.taps[at] = r * side + c
      out.weights[at++] = Math.fround(down * across)
    }
  }
}

/**
 * The same in a graph, for hosts that say where patches stand: int32 `[slots]` rows and columns, and int32 `[1]` each
 * how many there are of them.
 */
export const places = (
  side: number,
  { column, columns, row, rows }: Readonly<Record<"column" | "columns" | "row" | "rows", Tensor>>
) => {
  const whole = (n: number) => constant(Int32Array.of(n), [])
  const [slots = 0] = row.shape as ReadonlyArray<number>
  /** `[slots, 2]` each: neighbours and their shares. */
  const along = (at: Tensor, size: Tensor) => {
    const exact = div(mul(cast(at, "f32"), scalar(side - 1)), cast(maximum(sub(size, whole(1)), whole(1)), "f32"))
    // A cast cuts off: these are no less than 0.
    const before = cast(exact, "i32")
    const share = sub(exact, cast(before, "f32"))
    const column = (x: Tensor) => reshape(x, [slots, 1])
    const after = minimum(add(before, whole(1)), whole(side - 1))
    return {
      taps: concat([column(before), column(after)], 1),
      shares: concat([column(sub(scalar(1), share)), column(share)], 1)
    }
  }
  const [down, across] = [along(row, rows), along(column, columns)]
  const outer = (a: Tensor) => reshape(a, [slots, 2, 1])
  const inner = (a: Tensor) => reshape(a, [slots, 1, 2])
  return {
    taps: reshape(add(mul(outer(down.taps), whole(side)), inner(across.taps)), [slots, TAPS]),
    weights: reshape(mul(outer(down.shares), inner(across.shares)), [slots, TAPS])
  }
}
