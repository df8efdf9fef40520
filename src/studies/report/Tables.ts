/**
 * The tables of a report: methods by metric for each part, and label by label.
 */
import { Option } from "effect"
import { figure, type ResultRow } from "../../evaluation/Results.ts"
import type { Labels } from "../labels.ts"
import * as Chart from "./Chart.ts"

/** Figures that only describe. */
const hidden = new Set(["win rate ties"])

/** Figures without a best: every win rate is measured against RISE, which has none. */
const unranked = new Set(["win rate"])

/** Methods down, metrics across, for each part of the test set. */
export const results = (rows: ReadonlyArray<ResultRow>, lower: ReadonlySet<string>): string =>
  [...new Set(rows.map(({ part }) => part))].map((part) => {
    const inPart = rows.filter((row) => row.part === part && !hidden.has(row.metric))
    const metrics = [...new Set(inPart.map(({ metric }) => metric))]
    const methods = [...new Set(inPart.map(({ method }) => method))]
    const best = new Map(metrics.map((metric) => {
      const values = inPart.filter((row) => row.metric === metric && row.method !== "prior").map(({ value }) => value)
      return [
        metric,
        values.length < 2 || unranked.has(metric)
          ? NaN
          : lower.has(metric)
          ? Math.min(...values)
          : Math.max(...values)
      ]
    }))
    const body = methods.map((method) => {
      const cells = metrics.map((metric) =>
        Option.match(figure(inPart, method, part, metric), {
          onNone: () => "<td>–</td>",
          onSome: (value) =>
            `<td${method !== "prior" && value === best.get(metric) ? " class=\"best\"" : ""}>${value.toFixed(3)}</td>`
        })
      )
      return `<tr${method === "RISE" ? " class=\"ours\"" : ""}><td>${Chart.escape(method)}</td>${cells.join("")}</tr>`
    })
    const heads = metrics.map((metric) => `<th>${Chart.escape(metric)} ${lower.has(metric) ? "↓" : "↑"}</th>`)
    const n = Math.max(...inPart.map((row) => row.n))
    return `<div class="card scroll"><table><caption>${Chart.escape(part)} <small>· ${n} samples</small></caption>` +
      `<thead><tr><th>method</th>${heads.join("")}</tr></thead><tbody>${body.join("")}</tbody></table></div>`
  }).join("")

/** Whose boxes nothing ranks. */
export const unrankedNote = (results: ReadonlyArray<ResultRow>): string => {
  const methods = results.filter(({ metric, value }) => metric === "ranked" && value < 1).map(({ method }) =>
    Chart.escape(method)
  )
  return methods.length === 0
    ? ""
    : ` mAP of ${methods.join(", ")} is unranked: not every answer came with probabilities of its tokens.`
}

/** How often each label was answered rightly, and what it was taken for. */
export const labels = ({ method, rows }: Labels): string => {
  const body = rows.map(({ confused, label, n, right, unread }) =>
    `<tr><td>${Chart.escape(label)}</td><td>${n}</td><td>${right}</td><td>${(100 * right / n).toFixed(0)}%</td><td>${
      confused === null ? "–" : `${Chart.escape(confused.label)} (${confused.n})`
    }</td><td>${unread}</td></tr>`
  )
  return `<h2>Label by label</h2><div class="card scroll"><table><caption>${
    Chart.escape(method)
  }</caption><thead><tr><th>label</th><th>pictures</th><th>right</th><th>share</th><th>most confused with</th>` +
    `<th>unreadable</th></tr></thead><tbody>${body.join("")}</tbody></table></div>`
}
