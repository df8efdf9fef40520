/**
 * The report as one HTML page: everything inline, nothing loaded.
 */
import { Option } from "effect"
import { figure, type ResultRow } from "../../evaluation/Results.ts"
import type { Example } from "../examples.ts"
import * as Chart from "./Chart.ts"
import type { Curve } from "./Curves.ts"
import { document } from "./Document.ts"

export interface PageData {
  readonly title: string
  /** Facts of the run, as label and value. */
  readonly facts: ReadonlyArray<readonly [string, string]>
  readonly results: ReadonlyArray<ResultRow>
  /** Metrics where less is better, those under a grammar included. */
  readonly lower: ReadonlySet<string>
  /** What has to be known before the reasons are read. */
  readonly caution: Option.Option<string>
  /** What stages warned of while they ran, with their names. */
  readonly warnings: ReadonlyArray<string>
  readonly curves: ReadonlyArray<Curve>
  readonly histogram: Option.Option<
    { readonly counts: ReadonlyArray<number>; readonly tau: number; readonly kept: number; readonly of: number }
  >
  readonly examples: ReadonlyArray<Example>
  /** Rows that were set aside, by reason. */
  readonly quarantined: ReadonlyMap<string, number>
}

/** Figures that only describe. */
const hidden = new Set(["win rate ties"])

/** Figures without a best: every win rate is measured against RISE, which has none. */
const unranked = new Set(["win rate"])

const tables = (rows: ReadonlyArray<ResultRow>, lower: ReadonlySet<string>): string =>
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

/** Which figures get a chart, and what is drawn into it. */
const panels: ReadonlyArray<
  { readonly title: string; readonly figures: ReadonlyArray<string>; readonly range?: readonly [number, number] }
> = [
  { title: "reward", figures: ["reward", "validation reward"], range: [0, 1] },
  { title: "loss", figures: ["loss"] },
  { title: "KL to the stage's start (nats per token)", figures: ["kl"] },
  { title: "gradient norm", figures: ["gradNorm"] },
  { title: "tokens per completion", figures: ["length"] }
]

const colours = ["var(--accent)", "var(--second)", "var(--third)"]

const chartsOf = ({ figures, selected, stage }: Curve): string => {
  const validations = [...figures.keys()].filter((name) =>
    name.startsWith("validation ") && name !== "validation reward"
  )
  const all = [...panels, ...validations.map((name) => ({ title: name, figures: [name] }))]
  const charts = all.flatMap(({ title, figures: names, ...rest }) => {
    const series = names.flatMap((name, i): ReadonlyArray<Chart.Series> => {
      const points = figures.get(name)
      if (points === undefined || points.length === 0 || points.every(([, y]) => y === 0)) return []
      const dots = name.startsWith("validation ")
      return [{
        name,
        colour: colours[i] ?? "var(--ink)",
        dots,
        points: dots ? points : Chart.thin(Chart.smooth(points, Math.max(1, Math.round(points.length / 20))))
      }]
    })
    return series.length === 0 ? [] : [`<div class="card">${Chart.line({ title, series, ...rest })}</div>`]
  })
  if (charts.length === 0) return ""
  const kept = Option.match(selected, {
    onNone: () => "",
    onSome: (step) => ` <small>· kept the weights of step ${step}</small>`
  })
  return `<div class="stage">${Chart.escape(stage)}${kept}</div><div class="charts">${charts.join("")}</div>`
}

const exampleOf = ({ bars, image, part, png, question, said, truth }: Example): string => {
  const spoken = said.filter(({ method }) => ["base", "SFT", "Visual-RFT", "RISE"].includes(method)).map((
    { annotation, bars: own, method, reasoning, text }
  ) =>
    `<div class="said"><div><b>${Chart.escape(method)}</b>${
      reasoning === null ? "" : `<q>${Chart.escape(reasoning)}</q><br>`
    }` +
    `<code>${Chart.escape(annotation ?? `not an annotation: ${text}`)}</code></div><div>${
      bars.length === 0 ? "" : Chart.paired(bars, own)
    }</div></div>`
  )
  return `<div class="card example"><div><img src="${Chart.escape(png)}" alt=""><div class="meta">${
    Chart.escape(image)
  }${part === null ? "" : ` · ${Chart.escape(part)}`}` +
    `${question === undefined ? "" : `<br>${Chart.escape(question)}`}<br>truth: ${
      Chart.escape(truth)
    }</div></div><div>${spoken.join("")}</div></div>`
}

/** Whose boxes nothing ranks. */
const unrankedNote = (results: ReadonlyArray<ResultRow>): string => {
  const methods = results.filter(({ metric, value }) => metric === "ranked" && value < 1).map(({ method }) =>
    Chart.escape(method)
  )
  return methods.length === 0
    ? ""
    : ` mAP of ${methods.join(", ")} is unranked: not every answer came with probabilities of its tokens.`
}

/** Renders the page. */
export const render = (
  { caution, curves, examples, facts, histogram, lower, quarantined, results, title, warnings }: PageData
): string => {
  const bad = [...quarantined]
  const total = bad.reduce((sum, [, count]) => sum + count, 0)
  const distribution = Option.match(histogram, {
    onNone: () => "",
    onSome: ({ counts, kept, of, tau }) =>
      `<h2>Rewards of RISE-CoT's best chains</h2><div class="card">${Chart.histogram(counts, tau)}</div>` +
      `<p class="note">τ keeps ${kept} of ${of} chains (${
        (100 * kept / Math.max(1, of)).toFixed(0)
      }%) for supervised fine-tuning.</p>`
  })
  const set = `${total}${bad.length === 0 ? "" : ` (${bad.map(([reason, count]) => `${reason} ${count}`).join(", ")})`}`
  return document({
    title,
    facts: [...facts, ["quarantined", set]],
    body: `<h2>Results</h2><div class="stack">${tables(results, lower)}</div>` +
      `<p class="note">Shaded: the best of its column, the prior aside. Win rate: share of samples on which the ` +
      `method is better than RISE, ties counted half. ` +
      `Figures are of what a method writes by itself, and valid is its share of answers in the right format; ` +
      `“masked”: with tokens held to the task's grammar.${unrankedNote(results)}</p>` +
      (examples.length === 0 ?
        "" :
        `<h2>What the methods say</h2>${
          Option.match(caution, { onNone: () => "", onSome: (text) => `<p><strong>${Chart.escape(text)}</strong></p>` })
        }<p class="note"><span class="key truth"></span>truth ` +
        `&nbsp;<span class="key ours"></span>prediction, in percent</p><div class="stack">${
          examples.map(exampleOf).join("")
        }</div>`) +
      distribution +
      (warnings.length === 0
        ? ""
        : `<h2>Warnings</h2><ul>${warnings.map((text) => `<li>${Chart.escape(text)}</li>`).join("")}</ul>`) +
      `<h2>Training</h2><p class="note">Curves are running means over a twentieth of the stage; dots are the ` +
      `validation split.</p>${curves.map(chartsOf).join("")}`
  })
}
