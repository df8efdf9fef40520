/**
 * The report as one HTML page: everything inline, nothing loaded.
 */
import { Option } from "effect"
import type { ResultRow } from "../../evaluation/Results.ts"
import type { Example } from "../examples.ts"
import type { Labels } from "../labels.ts"
import * as Chart from "./Chart.ts"
import type { Curve } from "./Curves.ts"
import { document } from "./Document.ts"
import { examples as shown } from "./Examples.ts"
import * as Glossary from "./Glossary.ts"
import * as Tables from "./Tables.ts"

export interface PageData {
  readonly title: string
  /** Facts of the run, as label and value. */
  readonly facts: ReadonlyArray<readonly [string, string]>
  readonly results: ReadonlyArray<ResultRow>
  /** What the run came to, and what has to be known of how: a sentence each, the first the most important. */
  readonly sentences: ReadonlyArray<string>
  readonly labels: Option.Option<Labels>
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

/** Renders the page. */
export const render = (
  {
    caution,
    curves,
    examples,
    facts,
    histogram,
    labels,
    lower,
    quarantined,
    results,
    sentences,
    title,
    warnings
  }: PageData
): string => {
  const bad = [...quarantined]
  const total = bad.reduce((sum, [, count]) => sum + count, 0)
  const distribution = Option.match(histogram, {
    onNone: () => "",
    onSome: ({ counts, kept, of, tau }) =>
      `<h2>Rewards of RISE-CoT's best chains</h2><div class="card">${Chart.histogram(counts, tau)}</div>` +
      `<p class="note">τ keeps ${kept} of ${of} chains (${
        (100 * kept / Math.max(1, of)).toFixed(0)
      }%) for supervised fine-tuning.</p>${Glossary.ofChains}`
  })
  const set = `${total}${bad.length === 0 ? "" : ` (${bad.map(([reason, count]) => `${reason} ${count}`).join(", ")})`}`
  const lead = sentences.map((text, i) =>
    i === 0 ? `<p class="verdict">${Chart.escape(text)}</p>` : `<p>${Chart.escape(text)}</p>`
  )
  const distinct = (key: "method" | "metric") => [...new Set(results.map((row) => row[key]))]
  const measured = results.length === 0
    ? ""
    : `<h2>Results</h2><div class="stack">${Tables.results(results, lower)}</div>` +
      `<p class="note">Shaded: the best of its column, the prior aside. Win rate: share of samples on which the ` +
      `method is better than RISE, ties counted half. ` +
      `Figures are of what a method writes by itself, and valid is its share of answers in the right format; ` +
      `“masked”: with tokens held to the task's grammar.${Tables.unrankedNote(results)}</p>` +
      Glossary.ofResults(distinct("method"), distinct("metric"))
  const said = examples.length === 0
    ? ""
    : `<h2>What the methods say</h2>${
      Option.match(caution, { onNone: () => "", onSome: (text) => `<p><strong>${Chart.escape(text)}</strong></p>` })
    }<p class="note">${examples.some(({ worst }) => worst === true) ? "What is farthest off first. " : ""}` +
      `<span class="key truth"></span>truth &nbsp;<span class="key ours"></span>prediction, in percent</p>${
        shown(examples)
      }`
  const charts = curves.map(chartsOf).join("")
  return document({
    title,
    facts: [...facts, ["quarantined", set]],
    body: lead.join("") + measured + Option.match(labels, { onNone: () => "", onSome: Tables.labels }) + said +
      distribution +
      (warnings.length === 0
        ? ""
        : `<h2>Warnings</h2><ul>${warnings.map((text) => `<li>${Chart.escape(text)}</li>`).join("")}</ul>`) +
      (charts === "" ? "" : `<h2>Training</h2><p class="note">Curves are running means over a twentieth of the ` +
        `stage; dots are the validation split.</p>${Glossary.ofTraining(curves.map(({ stage }) => stage))}${charts}`)
  })
}
