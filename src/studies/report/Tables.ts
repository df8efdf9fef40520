/**
 * The tables of a report: methods by metric for each part, and label by label.
 */
import { Option } from "effect"
import { figure, itemsOf, type ResultRow } from "../../evaluation/Results.ts"
import { inPercent } from "../../kernels/text/inPercent.ts"
import type { Labels } from "../labels.ts"
import * as Glossary from "./Glossary.ts"
import { cell, escape, heads, row as rowOf, scrolling, text } from "./Html.ts"

/** Figures that only describe. */
const hidden = new Set(["win rate ties"])

/** Figures without a best: every win rate is measured against RISE, which has none. */
const unranked = new Set(["win rate"])

/** Fewer things, a box or two, are no ground to call a figure the best. */
const fewest = 5

/** The method that is ahead of all others by a figure, to the digits that are shown; none where two share that. */
const bestOf = (rows: ReadonlyArray<ResultRow>, isLower: boolean): Option.Option<string> => {
  const ranked = rows.filter((row) => row.method !== "prior" && !unranked.has(row.metric) && itemsOf(row) >= fewest)
    .toSorted((a, b) => isLower ? a.value - b.value : b.value - a.value)
  const [first, second] = ranked
  return first === undefined || second === undefined || first.value.toFixed(3) === second.value.toFixed(3)
    ? Option.none()
    : Option.some(first.method)
}

/** How the cell of the best is marked. */
export const best = "class=\"best\""

/** Columns of figures that a page of 820 pixels has room for. */
const mostColumns = 8

/** Columns side by side as far as a page has room for them, as many in each table. */
const inWidth = (metrics: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  const tables = Math.ceil(metrics.length / mostColumns)
  const each = Math.ceil(metrics.length / Math.max(1, tables))
  return Array.from({ length: tables }, (_, i) => metrics.slice(i * each, (i + 1) * each))
}

/** Methods down, metrics across, for each part of the test set. */
export const results = (rows: ReadonlyArray<ResultRow>, lower: ReadonlySet<string>): string =>
  [...new Set(rows.map(({ part }) => part))].map((part) => {
    const inPart = rows.filter((row) => row.part === part && !hidden.has(row.metric))
    const metrics = [...new Set(inPart.map(({ metric }) => metric))]
    const methods = [...new Set(inPart.map(({ method }) => method))]
    const ahead = new Map(
      metrics.map((metric) => [metric, bestOf(inPart.filter((row) => row.metric === metric), lower.has(metric))])
    )
    const lines = (shown: ReadonlyArray<string>) =>
      methods.filter((method) => inPart.some((row) => row.method === method && shown.includes(row.metric))).map(
        (method) => {
          const cells = shown.map((metric) =>
            Option.match(figure(inPart, method, part, metric), {
              onNone: () => "<td>–</td>",
              onSome: (value) =>
                `<td${Option.contains(ahead.get(metric) ?? Option.none(), method) ? ` ${best}` : ""}>${
                  value.toFixed(3)
                }</td>`
            })
          )
          const line = rowOf(Glossary.term(method), cells)
          return method === "RISE" ? line.replace("<tr>", "<tr class=\"ours\">") : line
        }
      )
    const n = Math.max(...inPart.map((row) => row.n))
    const caption = `<caption>${escape(part)} <small>· ${n} samples</small></caption>`
    const tables = inWidth(metrics).map((shown, i) => {
      const names = shown.map((metric) => Glossary.term(metric, lower.has(metric) ? "↓" : "↑"))
      const body = lines(shown).join("")
      return `<table>${i === 0 ? caption : ""}${heads(["method", ...names])}<tbody>${body}</tbody></table>`
    })
    return scrolling(`results, ${part}`, tables.join(""))
  }).join("")

/** Whose boxes nothing ranks. */
export const unrankedNote = (results: ReadonlyArray<ResultRow>): string => {
  const methods = results.filter(({ metric, value }) => metric === "ranked" && value < 1).map(({ method }) =>
    escape(method)
  )
  return methods.length === 0
    ? ""
    : ` mAP of ${methods.join(", ")} is unranked: not every answer came with probabilities of its tokens.`
}

/** How often each label was answered rightly, and what it was taken for. */
export const labels = ({ method, rows }: Labels): string => {
  const body = rows.map(({ confused, label, n, right, unread }) =>
    rowOf(escape(label), [
      cell(n),
      cell(right),
      cell(`${inPercent(right / n)}%`),
      text(confused === null ? "–" : `${confused.label} (${confused.n})`),
      cell(unread)
    ])
  )
  const names = ["label", "pictures", "right", "share", "most confused with", "unreadable"]
  return scrolling(
    "label by label",
    `<table><caption>${escape(method)}</caption>${heads(names, ["most confused with"])}<tbody>${
      body.join("")
    }</tbody></table>`
  )
}
