/**
 * Small charts as SVG text: lines over steps. No script, no fonts, no network.
 *
 * Colours are CSS variables of the page, so a chart follows its light or dark theme.
 */
import { escape } from "./Html.ts"

/** Least and greatest, of however many: an argument each would be too many for a call. */
const rangeOf = (values: ReadonlyArray<number>): readonly [number, number] =>
  values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity])

export interface Series {
  readonly name: string
  /** A CSS colour. */
  readonly colour: string
  /** x, y pairs in order of x. */
  readonly points: ReadonlyArray<readonly [number, number]>
  /** Drawn as dots joined by a thin line: few measurements rather than a curve. */
  readonly dots?: boolean
}

/** Round numbers that divide [min, max] into at most five parts. */
export const ticks = (min: number, max: number): ReadonlyArray<number> => {
  const span = max - min
  if (!(span > 0)) return [min]
  const raw = span / 4
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw) ?? raw
  const first = Math.ceil(min / step - 1e-9)
  const last = Math.floor(max / step + 1e-9)
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

/** The same of what is counted: whole numbers alone. */
export const wholeTicks = (min: number, max: number): ReadonlyArray<number> => {
  const most = Math.floor(max)
  const raw = Math.max(1, (max - min) / 4)
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw) ?? power
  const first = Math.ceil(min / step) * step
  return Array.from({ length: Math.max(0, Math.floor((most - first) / step) + 1) }, (_, i) => first + i * step)
}

/** A number as short as it can be read. */
export const short = (value: number): string => {
  if (value === 0) return "0"
  const size = Math.abs(value)
  if (size < 0.001 || size >= 1e9) return Number(value.toPrecision(3)).toExponential()
  const digits = (x: number) => String(Number(x.toPrecision(3)))
  return size >= 1e6 ? `${digits(value / 1e6)}M` : size >= 10_000 ? `${digits(value / 1000)}k` : digits(value)
}

/** A coordinate. */
export const f = (value: number): string => value.toFixed(1)

/** Room for a text of 11 pixels: wide letters, so that nothing touches what stands beside it. */
export const roomFor = (text: string): number => [...text].length * 6.4

/** At most `most` points: each the mean of its neighbours, so that a long run stays a small file. */
export const thin = (points: Series["points"], most = 240): Series["points"] => {
  if (points.length <= most) return points
  const size = points.length / most
  return Array.from({ length: most }, (_, i) => {
    const part = points.slice(Math.floor(i * size), Math.max(Math.floor((i + 1) * size), Math.floor(i * size) + 1))
    const mean = (at: 0 | 1) => part.reduce((sum, point) => sum + point[at], 0) / part.length
    return [mean(0), mean(1)] as const
  })
}

/** Running mean over `width` points: what the eye should follow through a noisy curve. */
export const smooth = (points: Series["points"], width: number): Series["points"] =>
  points.map(([x], i) => {
    const part = points.slice(Math.max(0, i - width + 1), i + 1)
    return [x, part.reduce((sum, [, y]) => sum + y, 0) / part.length] as const
  })

export interface LineOptions {
  readonly title: string
  readonly series: ReadonlyArray<Series>
  readonly width?: number
  readonly height?: number
  /** Lowest and highest y to show, where they are known. */
  readonly range?: readonly [number, number]
}

const legendRow = 16

/** Swatches with names: beside the title where there is room, else in lines of their own below it, down to y = 16. */
const legend = (series: ReadonlyArray<Series>, title: string, end: number) => {
  if (series.length < 2) return { above: 0, marks: "" }
  const wide = ({ name }: Series) => roomFor(name) + 24
  const room = end - 4
  const rows: Array<Array<Series>> = [[]]
  let used = 0
  for (const one of series) {
    if (used > 0 && used + wide(one) > room) {
      rows.push([])
      used = 0
    }
    rows.at(-1)?.push(one)
    used += wide(one)
  }
  const beside = rows.length === 1 && used + roomFor(title) + 12 <= room
  const above = beside ? 0 : rows.length * legendRow
  const marks = rows.flatMap((row, i) => {
    const y = beside ? 7 : 7 - above + (i + 1) * legendRow
    let at = beside ? end - row.reduce((sum, one) => sum + wide(one), 0) : 4
    return row.map((one) => {
      const x = at
      at += wide(one)
      return `<rect x="${f(x)}" y="${y}" width="8" height="8" rx="2" fill="${one.colour}"/>` +
        `<text class="tick" x="${f(x + 12)}" y="${y + 7.5}">${escape(one.name)}</text>`
    })
  })
  return { above, marks: marks.join("") }
}

/** Lines over training steps. */
export const line = ({ height = 150, range, series, title, width = 300 }: LineOptions): string => {
  const all = series.flatMap(({ points }) => points)
  if (all.length === 0) return ""
  const [left, right, top, bottom] = [44, 10, 26, 22]
  const xs = all.map(([x]) => x)
  const ys = [...all.map(([, y]) => y), ...range ?? []]
  const [x0, x1] = rangeOf(xs)
  const [lowest, highest] = rangeOf(ys)
  const pad = highest === lowest ? Math.max(Math.abs(highest) * 0.1, 1e-6) : 0
  const [y0, y1] = [lowest - pad, highest + pad]
  const x = (value: number) => left + (x1 === x0 ? 0.5 : (value - x0) / (x1 - x0)) * (width - left - right)
  const y = (value: number) => height - bottom - (value - y0) / (y1 - y0) * (height - top - bottom)
  const grid = ticks(y0, y1).map((tick) =>
    `<line class="grid" x1="${left}" x2="${width - right}" y1="${f(y(tick))}" y2="${f(y(tick))}"/>` +
    `<text class="tick" x="${left - 6}" y="${f(y(tick) + 3.5)}" text-anchor="end">${short(tick)}</text>`
  )
  const below = wholeTicks(x0, x1).map((tick) =>
    `<text class="tick" x="${f(x(tick))}" y="${height - 6}" text-anchor="middle">${short(tick)}</text>`
  )
  const lines = series.map(({ colour, dots, points }) => {
    const path = points.map(([px, py], i) => `${i === 0 ? "M" : "L"}${f(x(px))} ${f(y(py))}`).join("")
    const stroke = `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${
      dots === true ? 1 : 1.8
    }" stroke-linejoin="round"/>`
    return dots === true
      ? stroke +
        points.map(([px, py]) => `<circle cx="${f(x(px))}" cy="${f(y(py))}" r="2.6" fill="${colour}"/>`).join("")
      : stroke
  })
  const { above, marks } = legend(series, title, width - right)
  const words = series.map(({ name, points }) =>
    `${name} from ${short(points[0]?.[1] ?? 0)} to ${short(points.at(-1)?.[1] ?? 0)}`
  )
  return `<svg class="chart" viewBox="0 ${-above} ${width} ${height + above}" role="img" aria-label="${
    escape(`${title}: ${words.join("; ")}`)
  }"><text class="title" x="4" y="${15 - above}">${escape(title)}</text>${grid.join("")}${below.join("")}${
    lines.join("")
  }${marks}</svg>`
}
