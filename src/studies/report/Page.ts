/**
 * The report as one HTML page. What it says is inline; all answers, all chains, machine and times lie beside it.
 */
import { Option } from "effect"
import type { ResultRow } from "../../evaluation/Results.ts"
import { inPercent } from "../../kernels/text/inPercent.ts"
import type { Data } from "../data.ts"
import type { Drawing } from "../Drawing.ts"
import type { Example } from "../examples.ts"
import type { Labels } from "../labels.ts"
import type { Answers } from "./Answers.ts"
import * as Bars from "./Bars.ts"
import * as Chart from "./Chart.ts"
import type { Curve } from "./Curves.ts"
import * as DataSection from "./DataSection.ts"
import { document } from "./Document.ts"
import { examples as shown } from "./Examples.ts"
import * as Glossary from "./Glossary.ts"
import { escape, prose, scrolling, section } from "./Html.ts"
import * as Quality from "./Quality.ts"
import * as Settings from "./Settings.ts"
import * as Tables from "./Tables.ts"

export interface PageData {
  readonly title: string
  /** Facts of the run, as label and value. */
  readonly facts: ReadonlyArray<readonly [string, string]>
  readonly results: ReadonlyArray<ResultRow>
  /** What was done, on what; then, where there are results, what they come to: words for who reads no tables. */
  readonly opening: { readonly done: string; readonly compared: ReadonlyArray<string> }
  /** Why its files are not what the run wrote, a sentence each: said before anything else. */
  readonly doubts: ReadonlyArray<string>
  /** What the run came to, and what has to be known of how: a sentence each, the first the most important. */
  readonly sentences: ReadonlyArray<string>
  readonly drawing: Drawing
  readonly data: Option.Option<Data>
  readonly aside: DataSection.SetAside
  /** The half that the run has read, where it has read one alone. */
  readonly half: "test" | undefined
  /** Answers that were drawn for a picture and combined. */
  readonly draws: number
  /** What there is to say of how the data were read, a line each. */
  readonly read: ReadonlyArray<string>
  readonly labels: Option.Option<Labels>
  /** The task's first metric, and the method that the run is about. */
  readonly metric: string | undefined
  readonly kept: string | undefined
  /** Metrics where less is better, those under a grammar included. */
  readonly lower: ReadonlySet<string>
  /** What has to be known before the reasons are read. */
  readonly caution: Option.Option<string>
  /** What stages warned of while they ran, with their names. */
  readonly warnings: ReadonlyArray<string>
  readonly curves: ReadonlyArray<Curve>
  readonly histogram: Option.Option<
    {
      readonly bins: ReadonlyArray<Bars.Bin>
      /** None where no stage filters. */
      readonly tau: number | undefined
      readonly kept: number
      readonly of: number
    }
  >
  readonly examples: ReadonlyArray<Example>
  /** All answers; none while the run is under way, and where nothing was answered. */
  readonly answers: Option.Option<Answers>
  /** Whether the run is under way and has not kept its pictures yet. */
  readonly picturesLater: boolean
  /** How all chains were judged, and how many samples are shown with theirs. */
  readonly loops: { readonly verdicts: ReadonlyMap<string, number>; readonly shown: number; readonly pictured: boolean }
  /** By dotted name. */
  readonly settings: ReadonlyArray<readonly [string, string]>
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
  return `<div class="stage">${escape(stage)}${kept}</div><div class="charts">${charts.join("")}</div>`
}

const resultsOf = ({ draws, facts, kept, lower, metric, results }: PageData): string => {
  if (results.length === 0) return ""
  const distinct = (key: "method" | "metric") => [...new Set(results.map((row) => row[key]))]
  const main = results.filter((row) => row.part === "all" && row.metric === metric)
  const picture = metric === undefined || main.length < 2
    ? ""
    : `<div class="card"><p class="note">${Glossary.term(metric)} by method; ${
      lower.has(metric) ? "shorter" : "longer"
    } is better.</p>${Bars.methods(metric, main, kept)}</div>`
  const tables = Tables.results(results, lower)
  const metrics = distinct("metric")
  const masked = metrics.some((name) => name.endsWith(" masked"))
  return `<div class="stack">${picture}${tables}</div>` +
    `<p class="note">${
      tables.includes(Tables.best)
        ? "Shaded: the best of its column, the prior aside; none where two share that, or of fewer than five things. "
        : ""
    }${
      metrics.includes("win rate")
        ? "Win rate: share of samples on which the method is better than RISE, ties counted half. "
        : ""
    }Figures are of what a method writes by itself${
      draws > 1 ? `, ${draws} answers drawn for a picture and combined into one` : ""
    }, and valid is its share of answers in the right format${
      masked ? "; “masked”: with tokens held to the task's grammar" : ""
    }.${Tables.unrankedNote(results)}${
      results.some(({ part }) => part === "unseen") && facts.some(([, value]) => value.startsWith("embedded scenes"))
        ? " The test scenes have two parts: in those of “unseen” something stands (an object, or a style of drawing) " +
          "that never came with a label in training."
        : ""
    }</p>` +
    Glossary.ofResults(distinct("method"), metrics) +
    Glossary.meanings([...distinct("method"), ...metrics])
}

/** What the colours mean of what is drawn; nothing where texts stay texts. */
const key = ({ kind }: Drawing, truth: string, ours: string): string =>
  kind === "text" ? "" : `<span class="key truth"></span>${truth} &nbsp;<span class="key ours"></span>${ours}`

const note = (html: string): string => html === "" ? "" : `<p class="note">${html}</p>`

const saidOf = ({ caution, drawing, examples }: PageData): string =>
  examples.length === 0
    ? ""
    : `${Option.match(caution, { onNone: () => "", onSome: (text) => `<p><strong>${prose(text)}</strong></p>` })}` +
      note(
        (examples.some(({ worst }) => worst === true) ? "What is farthest off first. " : "") +
          key(drawing, "truth", "prediction") + (drawing.kind === "labels" ? ", in percent" : "")
      ) + shown(drawing, examples)

const laterNote = "Pictures are kept at the end of the run, and shown then. "

const loopOf = ({ drawing, histogram, loops, picturesLater }: PageData): string => {
  const rewards = Option.match(histogram, {
    onNone: () => "",
    onSome: ({ bins, kept, of, tau }) =>
      `<h3>Rewards of RISE-CoT's best chains</h3><div class="card">${Bars.histogram(bins, tau)}</div>` +
      `<p class="note">${
        tau === undefined
          ? `Nothing is filtered: all ${of} chains are kept, whatever their reward.`
          : `τ keeps ${kept} of ${of} chains (${
            escape(inPercent(kept / Math.max(1, of)))
          }%) for supervised fine-tuning.`
      }</p>`
  })
  const total = [...loops.verdicts.values()].reduce((sum, count) => sum + count, 0)
  const judged = total === 0 ?
    "" :
    `<p class="note">Of all ${total} chains: ${
      [...loops.verdicts].map(([verdict, count]) =>
        `${escape(verdict)} ${count} (${escape(inPercent(count / total))}%)`
      )
        .join(", ")
    }.</p>`
  const each = loops.shown === 0 ? "" : `<h3>Sample by sample</h3><p class="note">For a labelled picture the model ` +
    `writes several chains; from picture and chain alone it rebuilds the label, and how near that comes is the ` +
    `chain's reward. ${loops.shown} samples of the training half; all are in chains.jsonl. ${
      loops.pictured
        ? ""
        : picturesLater
        ? laterNote
        : "Their pictures are not in this folder: rise train keeps some, the run of a script none. "
    }` +
    `${key(drawing, "label", "rebuilt")}</p>` +
    `<div id="loops"><p class="note">This needs JavaScript, and the folder report/ beside this page.</p></div>`
  return rewards + judged + each + (rewards + each === "" ? "" : Glossary.ofChains)
}

const browser = ({ answers, picturesLater }: PageData): string =>
  Option.match(answers, {
    onNone: () => "",
    onSome: ({ methods, samples }) =>
      `<p class="note">${samples.length} samples, answered by ${methods.length} ${
        methods.length === 1 ? "method" : "methods"
      }. A picture opens what every method wrote of it. ${picturesLater ? laterNote : ""}</p>` +
      `<div id="browser"><p class="note">This needs JavaScript, and the folder report/ beside this page.</p></div>` +
      Glossary.ofBrowsing
  })

/** Renders the page. */
export const render = (page: PageData): string => {
  const { answers, aside, curves, data, facts, kept, labels, lower, metric, opening, sentences, settings, title } = page
  const { warnings } = page
  const total = [...aside.counts.values()].reduce((sum, count) => sum + count, 0)
  const reasons = [...aside.counts].map(([reason, count]) => `${reason} ${count}`).join(", ")
  const lead = sentences.map((said, i) => {
    // An error may have a table below it.
    const [text = "", ...rest] = said.split("\n")
    const below = rest.length === 0 ? "" : scrolling("what was said of it", `<pre>${escape(rest.join("\n"))}</pre>`)
    return i > 0
      ? `<p>${prose(text)}</p>${below}`
      : `<p class="verdict">${prose(text)}</p>${
        metric !== undefined && text.includes(metric) ? Glossary.said(metric, lower.has(metric)) : ""
      }${below}`
  })
  const plain = (text: string) => text === "" ? "" : `<p class="plain">${prose(text)}</p>`
  const charts = curves.map(chartsOf).join("")
  const parts = [
    ["results", "Results", resultsOf(page)],
    ["data", "The data", DataSection.section(data, aside, page.read)],
    ["answers", "All answers", browser(page)],
    ["labels", "Label by label", Option.match(labels, { onNone: () => "", onSome: Tables.labels })],
    [
      "quality",
      "How answers are wrong",
      Option.match(answers, {
        onNone: () => "",
        onSome: (found) => Quality.section(found, kept)
      })
    ],
    ["examples", "What the methods say", saidOf(page)],
    ["loop", "The closed loop", loopOf(page)],
    [
      "warnings",
      "Warnings",
      warnings.length === 0 ? "" : `<ul>${warnings.map((text) => `<li>${prose(text)}</li>`).join("")}</ul>`
    ],
    [
      "training",
      "Training",
      charts === "" ?
        "" :
        `<p class="note">Steps run from left to right. Curves are running means over a twentieth of ` +
        `the stage; dots are the validation split.</p>${Glossary.ofTraining(curves.map(({ stage }) => stage))}${charts}`
    ],
    ["run", "The run", Settings.section(settings)]
  ] as const
  return document({
    title,
    facts: [...facts, [
      page.half === undefined ? "rows set aside" : `rows of the ${page.half} half set aside`,
      total === 0 ? "none" : `${total} (${reasons})`
    ]],
    script: true,
    opening: `<div class="now" id="now" role="status" hidden></div>${
      page.doubts.map((text) => `<p role="alert"><strong>${prose(text)}</strong></p>`).join("")
    }${plain(opening.done)}${lead.join("")}${plain(opening.compared.join(" "))}`,
    sections: parts.filter(([, , body]) => body !== "").map(([id, title]) => ({ id, title })),
    body: parts.map(([id, title, body]) => section(id, title, body)).join("")
  })
}
