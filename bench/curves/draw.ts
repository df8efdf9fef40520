/** Rates and memory of each axis, side by side, with what the report draws its curves with. */
import { line, type Series } from "../../src/studies/report/Chart.ts"
import { sheet } from "../../src/studies/report/Sheet.ts"
import type { Axis } from "./axes.ts"

/** Rates by what they are of, and memory, at a place of an axis. */
export interface Point {
  readonly at: number
  readonly rates: Readonly<Record<string, number>>
  /** The most resident. */
  readonly gib: number
  /** Of the heap, in use at the end, where that is told. */
  readonly heapGib?: number
}

/** An axis of axes.ts, measured. */
export interface Curve extends Pick<Axis, "counted" | "name" | "unit"> {
  readonly points: ReadonlyArray<Point>
}

const size = { width: 420, height: 170 }
const colours = ["#c2410c", "#1d4ed8"]

const rates = ({ counted, points, unit }: Curve): string => {
  const kinds = Object.keys(points[0]?.rates ?? {})
  return line({
    title: `${counted} a second, by ${unit}`,
    ...size,
    range: [0, 0],
    series: kinds.map((kind, i) => ({
      name: kind,
      colour: colours[i] ?? "#555",
      points: points.map(({ at, rates }) => [at, rates[kind] ?? 0] as const),
      dots: true
    }))
  })
}

const memory = ({ points, unit }: Curve): string => {
  const kind = (name: string, colour: string, of: (point: Point) => number | undefined): Series => ({
    name,
    colour,
    points: points.flatMap((point) => {
      const gib = of(point)
      return gib === undefined ? [] : [[point.at, 1024 * gib] as const]
    }),
    dots: true
  })
  const all = [
    kind("resident", "#15803d", ({ gib }) => gib),
    kind("heap in use", "#7c3aed", ({ heapGib }) => heapGib)
  ]
  return line({
    title: `MiB, by ${unit}`,
    ...size,
    range: [0, 0],
    series: all.filter(({ points }) => points.length > 0)
  })
}

/** One picture of all curves. */
export const draw = (curves: ReadonlyArray<Curve>): string =>
  sheet(curves.flatMap((curve) => [rates(curve), memory(curve)]), { ...size, columns: 2 })
