/**
 * Bars as SVG text: a histogram with a threshold, truth beside prediction, methods by one figure.
 */
import { inPercent } from "../../kernels/text/inPercent.ts"
import { f, roomFor, short, ticks } from "./Chart.ts"
import { escape } from "./Html.ts"

/** How many chains a bin holds, and how many of them τ keeps. */
export interface Bin {
  readonly count: number
  readonly kept: number
}

const histogramIn = (
  [width, height]: readonly [number, number],
  kind: string,
  bins: ReadonlyArray<Bin>,
  threshold: number | undefined,
  words: string
): string => {
  const [left, right, top, bottom] = [44, 10, 22, 24]
  const most = Math.max(1, ...bins.map(({ count }) => count))
  const x = (value: number) => left + value * (width - left - right)
  const y = (count: number) => height - bottom - count / most * (height - top - bottom)
  const wide = (width - left - right) / bins.length - 1
  const bars = bins.map(({ count, kept }, i) => {
    const from = i / bins.length
    const bar = (colour: string, low: number, high: number) =>
      low === high ? "" : `<rect x="${f(x(from) + 0.5)}" y="${f(y(high))}" width="${f(wide)}" ` +
        `height="${f(y(low) - y(high))}" fill="var(${colour})"/>`
    // The bin that holds τ has both: what is kept stands on the axis.
    return `<g>${bar("--accent", 0, kept)}${bar("--faint", kept, count)}<title>${short(from)}–${
      short((i + 1) / bins.length)
    }: ${count}, ${kept} kept</title></g>`
  })
  const grid = ticks(0, most).map((tick) =>
    `<line class="grid" x1="${left}" x2="${width - right}" y1="${f(y(tick))}" y2="${f(y(tick))}"/>` +
    `<text class="tick" x="${left - 6}" y="${f(y(tick) + 3.5)}" text-anchor="end">${short(tick)}</text>`
  )
  const below = ticks(0, 1).map((tick) =>
    `<text class="tick" x="${f(x(tick))}" y="${height - 8}" text-anchor="middle">${short(tick)}</text>`
  )
  const marked = (threshold: number) => {
    const name = `τ = ${short(threshold)}`
    const before = x(threshold) - roomFor(name) - 5 > left
    return `<line x1="${f(x(threshold))}" x2="${f(x(threshold))}" y1="${top - 6}" y2="${
      height - bottom
    }" stroke="var(--ink)" stroke-dasharray="3 3"/>` +
      `<text class="tick strong" x="${f(x(threshold) + (before ? -5 : 5))}" y="${top - 8}" text-anchor="${
        before ? "end" : "start"
      }">${name}</text>`
  }
  return `<svg class="chart ${kind}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(words)}">${
    grid.join("")
  }${bars.join("")}${threshold === undefined ? "" : marked(threshold)}${below.join("")}</svg>`
}

/** Chains by reward in [0, 1], what τ keeps in full colour; once for wide pages and once for narrow ones. */
export const histogram = (bins: ReadonlyArray<Bin>, threshold: number | undefined): string => {
  const [of, kept] = [bins.reduce((sum, { count }) => sum + count, 0), bins.reduce((sum, { kept }) => sum + kept, 0)]
  const words = `rewards of ${of} chains from 0 to 1; ${
    threshold === undefined ? "all are kept" : `τ = ${short(threshold)} keeps ${kept}`
  }`
  return histogramIn([820, 200], "wide", bins, threshold, words) +
    histogramIn([330, 200], "narrow", bins, threshold, words)
}

/** A label and its share. */
export interface Share {
  readonly label: string
  readonly value: number
}

/** More labels are no picture: those with the largest shares are drawn. */
const mostBars = 12

const cut = (label: string): string => {
  const chars = [...label]
  return chars.length > 14 ? `${chars.slice(0, 13).join("")}…` : label
}

/** Truth over prediction for each label: two bars a row, each with its percents. */
export const paired = (truth: ReadonlyArray<Share>, predicted: ReadonlyArray<Share>): string => {
  const of = (bars: ReadonlyArray<Share>, label: string) => bars.find((bar) => bar.label === label)?.value ?? 0
  const all = [...new Set([...truth, ...predicted].map(({ label }) => label))].map((label) => ({
    label,
    t: of(truth, label),
    p: of(predicted, label)
  }))
  const shown = all.length <= mostBars
    ? all
    : all.toSorted((a, b) => Math.max(b.t, b.p) - Math.max(a.t, a.p)).slice(0, mostBars)
  const [width, left, row, longest] = [280, 96, 26, 150]
  const scale = (value: number) => Math.max(0, Math.min(1, value)) * longest
  const rows = shown.map(({ label, p, t }, i) => {
    const at = i * row
    const bar = (kind: string, value: number, y: number) =>
      `<rect class="${kind}" x="${left}" y="${y}" width="${f(scale(value))}" height="9" rx="1"/>` +
      `<text class="tick" x="${f(left + scale(value) + 4)}" y="${y + 8}">${escape(inPercent(value))}</text>`
    return `<text class="tick" x="${left - 6}" y="${at + 16}" text-anchor="end">${escape(cut(label))}</text>` +
      bar("truth", t, at + 3) + bar("ours", p, at + 13)
  })
  const words = shown.filter(({ p, t }) => p > 0 || t > 0).map(({ label, p, t }) =>
    `${label}: truth ${inPercent(t)}, prediction ${inPercent(p)}`
  )
  return `<svg class="bars" viewBox="0 0 ${width} ${shown.length * row + 2}" role="img" aria-label="${
    escape(words.join("; "))
  }">${rows.join("")}</svg>`
}

/** Methods by one figure, each with its number; the one that the run is about in full colour. */
export const methods = (
  name: string,
  rows: ReadonlyArray<{ readonly method: string; readonly value: number }>,
  ours: string | undefined
): string => {
  const [width, left, row, longest] = [330, 112, 22, 164]
  const most = Math.max(1e-12, ...rows.map(({ value }) => Math.abs(value)))
  const bars = rows.map(({ method, value }, i) => {
    const wide = Math.max(0, value) / most * longest
    return `<text class="tick${method === ours ? " strong" : ""}" x="${left - 8}" y="${
      i * row + 15
    }" text-anchor="end">${
      escape([...method].length > 16 ? `${[...method].slice(0, 15).join("")}…` : method)
    }</text><rect x="${left}" y="${i * row + 4}" width="${f(wide)}" height="14" rx="2" fill="var(${
      method === ours ? "--accent" : "--faint"
    })"/><text class="tick strong" x="${f(left + wide + 6)}" y="${i * row + 15}">${value.toFixed(3)}</text>`
  })
  const words = rows.map(({ method, value }) => `${method} ${value.toFixed(3)}`).join(", ")
  return `<svg class="methods" viewBox="0 0 ${width} ${rows.length * row + 4}" role="img" aria-label="${
    escape(`${name} by method: ${words}`)
  }">${bars.join("")}</svg>`
}
