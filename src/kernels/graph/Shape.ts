/**
 * Shape arithmetic. A dimension is a non-negative integer; `-1` stands for a length known only while a `Loop` runs
 * (the growing KV cache) and may appear in loop bodies alone.
 */

export type Shape = ReadonlyArray<number>

/** A graph that cannot be built: always a bug in the code that builds it, so it is thrown, not returned. */
export class ShapeError extends Error {
  override readonly name = "ShapeError"
}

export const show = (shape: Shape): string => `[${shape.join(", ")}]`

export const fail = (op: string, problem: string, ...shapes: ReadonlyArray<Shape>): never => {
  throw new ShapeError(`${op}: ${problem} (${shapes.map(show).join(" and ")})`)
}

/** Number of elements; -1 when a dimension is unknown. */
export const size = (shape: Shape): number => shape.includes(-1) ? -1 : shape.reduce((n, d) => n * d, 1)

const broadcastDim = (op: string, a: number, b: number, left: Shape, right: Shape): number => {
  if (a === b || b === 1) return a
  if (a === 1) return b
  if (a === -1) return b
  if (b === -1) return a
  return fail(op, "cannot broadcast", left, right)
}

/** NumPy broadcasting. */
export const broadcast = (op: string, left: Shape, right: Shape): Shape => {
  const rank = Math.max(left.length, right.length)
  return Array.from(
    { length: rank },
    (_, i) => broadcastDim(op, left[i - rank + left.length] ?? 1, right[i - rank + right.length] ?? 1, left, right)
  )
}

/** Counts a negative axis from the end. */
export const axis = (op: string, shape: Shape, index: number): number => {
  const at = index < 0 ? index + shape.length : index
  return at >= 0 && at < shape.length ? at : fail(op, `axis ${index} is out of range`, shape)
}

export const equal = (left: Shape, right: Shape): boolean =>
  left.length === right.length && left.every((d, i) => d === right[i])
