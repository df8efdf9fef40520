/**
 * How answers are wrong: confusion matrices, how sure they were against how right, precision against recall.
 */
import type { Answers, Method } from "./Answers.ts"
import * as Chart from "./Chart.ts"
import * as Glossary from "./Glossary.ts"
import { escape, heads, row, scrolling } from "./Html.ts"

const colours = ["var(--accent)", "var(--second)", "var(--third)", "var(--good)", "var(--bad)"]

/** How dark a cell is: by its share of its row. */
const shade = (count: number, of: number): string => {
  const share = of === 0 ? 0 : count / of
  return share === 0 ? "h0" : share < 0.2 ? "h1" : share < 0.5 ? "h2" : "h3"
}

const matrixOf = (labels: ReadonlyArray<string>, { matrix, name }: Method): string => {
  const columns = [...labels.slice(0, matrix.length), "unreadable"]
  const body = matrix.map((counts, i) => {
    const of = counts.reduce((sum, count) => sum + count, 0)
    const cells = counts.map((count, j) => `<td class="${shade(count, of)}${i === j ? " hit" : ""}">${count}</td>`)
    return row(escape(labels[i] ?? ""), cells)
  })
  return scrolling(
    `confusion matrix of ${name}`,
    `<table class="matrix"><caption>${escape(name)} <small>· true label down, answer across</small></caption>${
      heads(["truth", ...columns.map(escape)])
    }<tbody>${body.join("")}</tbody></table>`
  )
}

/** The trained methods, the run's own first: what guesses is not drawn. */
const drawn = (methods: ReadonlyArray<Method>, kept: string | undefined): ReadonlyArray<Method> =>
  methods.filter(({ name }) => name !== "prior").toSorted((a, b) => Number(b.name === kept) - Number(a.name === kept))
    .slice(0, colours.length)

const calibration = (methods: ReadonlyArray<Method>): string => {
  const series = methods.flatMap(({ bins, name }, i): ReadonlyArray<Chart.Series> => {
    const points = bins.flatMap(({ n, said, true: right }) => n === 0 ? [] : [[said / n, right / n] as const])
    return points.length === 0 ? [] : [{ name, colour: colours[i] ?? "var(--ink)", points, dots: true }]
  })
  if (series.length === 0) return ""
  const diagonal = { name: "as sure as right", colour: "var(--faint)", points: [[0, 0], [1, 1]] as const }
  return `<div class="card">${
    Chart.line({
      title: "true share by the share that was said",
      series: [...series, diagonal],
      range: [0, 1],
      width: 340,
      height: 220
    })
  }</div>`
}

const precision = (methods: ReadonlyArray<Method>): string => {
  const series = methods.flatMap(({ name, precisions }, i): ReadonlyArray<Chart.Series> =>
    precisions.length === 0
      ? []
      : [{
        name,
        colour: colours[i] ?? "var(--ink)",
        points: precisions.map((value, at) => [at / 100, value] as const)
      }]
  )
  return series.length === 0 ?
    "" :
    `<div class="card">${
      Chart.line({ title: "precision by recall, overlap of a half", series, range: [0, 1], width: 340, height: 220 })
    }</div>`
}

/** The section; empty where answers have neither labels nor ranked boxes. */
export const section = ({ labels, methods }: Answers, kept: string | undefined): string => {
  const all = drawn(methods, kept)
  const [calibrated, precise] = [calibration(all), precision(all)]
  const matrices = all.filter(({ matrix }) => matrix.length > 0)
  const charts = calibrated + precise
  const [first, ...others] = matrices.map((method) => matrixOf(labels, method))
  if (charts === "" && first === undefined) return ""
  return (first ?? "") +
    (others.length === 0 ?
      "" :
      `<details class="words"><summary>The other methods</summary><div class="stack">${
        others.join("")
      }</div></details>`) +
    (charts === "" ? "" : `<div class="charts">${charts}</div>`) +
    Glossary.ofQuality([
      ...(first === undefined ? [] : ["confusion matrix" as const]),
      ...(calibrated === "" ? [] : ["calibration" as const]),
      ...(precise === "" ? [] : ["precision" as const, "recall" as const, "precision–recall curve" as const])
    ])
}
