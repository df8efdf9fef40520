/**
 * Small charts as SVG text: lines over steps, a histogram with a threshold, paired bars. No script, no fonts, no
 * network.
 *
 * Colours are CSS variables of the page, so a chart follows its light or dark theme.
 */
import { shown } from "../../kernels/runtime/Shown.ts"

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\"": "&quot;",
  "'": "&#39;"
}

/**
 * Escapes text for HTML and SVG. Control characters, and those that would turn the text around them, are written as
 * `\u202e`.
 */
export const escape = (text: string): string => shown(text).replace(/[&<>"']/g, (char) => entities[char] ?? char)

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

/** A number as short as it can be read. */
const short = (value: number): string => {
  if (value === 0) return "0"
  const size = Math.abs(value)
  return size >= 10_000 || size < 0.001 ? value.toExponential(0) : String(Number(value.toPrecision(3)))
}

const f = (value: number) => value.toFixed(1)

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
  const below = ticks(x0, x1).map((tick) =>
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
  let legendAt = width - right
  const legend = series.length < 2 ? [] : series.toReversed().map(({ colour, name }) => {
    legendAt -= name.length * 5.6 + 16
    return `<rect x="${f(legendAt)}" y="7" width="8" height="8" rx="2" fill="${colour}"/>` +
      `<text class="tick" x="${f(legendAt + 11)}" y="14.5">${escape(name)}</text>`
  })
  return `<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}">` +
    `<text class="title" x="4" y="15">${escape(title)}</text>${grid.join("")}${below.join("")}${lines.join("")}${
      legend.join("")
    }</svg>`
}

/** Counts per bin of [0, 1] with a threshold: what lies right of it is kept and drawn in full colour. */
export const histogram = (counts: ReadonlyArray<number>, threshold: number): string => {
  const [width, height, left, right, top, bottom] = [980, 210, 44, 10, 22, 24]
  const most = Math.max(1, ...counts)
  const x = (value: number) => left + value * (width - left - right)
  const y = (count: number) => height - bottom - count / most * (height - top - bottom)
  const bars = counts.map((count, i) => {
    const from = i / counts.length
    const kept = from >= threshold - 1e-9
    return `<rect x="${f(x(from) + 0.5)}" y="${f(y(count))}" width="${
      f((width - left - right) / counts.length - 1)
    }" ` +
      `height="${f(height - bottom - y(count))}" rx="1.5" fill="var(${kept ? "--accent" : "--faint"})"><title>${
        short(from)
      }–${short((i + 1) / counts.length)}: ${count}</title></rect>`
  })
  const grid = ticks(0, most).map((tick) =>
    `<line class="grid" x1="${left}" x2="${width - right}" y1="${f(y(tick))}" y2="${f(y(tick))}"/>` +
    `<text class="tick" x="${left - 6}" y="${f(y(tick) + 3.5)}" text-anchor="end">${short(tick)}</text>`
  )
  const below = ticks(0, 1).map((tick) =>
    `<text class="tick" x="${f(x(tick))}" y="${height - 8}" text-anchor="middle">${short(tick)}</text>`
  )
  return `<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="rewards of D_RISE">${
    grid.join("")
  }${bars.join("")}` +
    `<line x1="${f(x(threshold))}" x2="${f(x(threshold))}" y1="${top - 6}" y2="${
      height - bottom
    }" stroke="var(--ink)" stroke-dasharray="3 3"/>` +
    `<text class="tick strong" x="${f(x(threshold) - 5)}" y="${top - 2}" text-anchor="end">τ = ${
      short(threshold)
    }</text>${below.join("")}</svg>`
}

/** Truth over prediction for each label: two thin bars a row. */
export const paired = (
  truth: ReadonlyArray<{ readonly label: string; readonly value: number }>,
  predicted: ReadonlyArray<{ readonly label: string; readonly value: number }>
): string => {
  const labels = [...new Set([...truth, ...predicted].map(({ label }) => label))]
  const of = (bars: typeof truth, label: string) => bars.find((bar) => bar.label === label)?.value ?? 0
  const [width, left, row] = [250, 66, 17]
  const scale = (value: number) => Math.max(0, Math.min(1, value)) * (width - left - 34)
  const rows = labels.map((label, i) => {
    const [t, p] = [of(truth, label), of(predicted, label)]
    const at = i * row
    return `<text class="tick" x="${left - 6}" y="${at + 11.5}" text-anchor="end">${escape(label)}</text>` +
      `<rect x="${left}" y="${at + 3}" width="${f(scale(t))}" height="5" rx="1" fill="var(--faint)"/>` +
      `<rect x="${left}" y="${at + 9}" width="${f(scale(p))}" height="5" rx="1" fill="var(--accent)"/>` +
      `<text class="tick" x="${f(left + Math.max(scale(t), scale(p)) + 4)}" y="${at + 12}">${
        Math.round(p * 100)
      }</text>`
  })
  return `<svg class="bars" viewBox="0 0 ${width} ${
    labels.length * row + 2
  }" role="img" aria-label="truth and prediction">${rows.join("")}</svg>`
}
