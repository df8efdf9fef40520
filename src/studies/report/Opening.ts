/**
 * What a run did, on what, and what came out, in words that need no table.
 */
import { Option } from "effect"
import { figure, type ResultRow } from "../../evaluation/Results.ts"
import type { Drawing } from "../Drawing.ts"

/** Labels that are named. */
const shownLabels = 10

/** What is known of a run before it has any results. */
export interface Setting {
  readonly task: string
  readonly model: string | undefined
  readonly source: string | undefined
  readonly trained: string | undefined
  readonly tested: string | undefined
  /**
   * What the run does with the model: it is taught, only measured, judges labels, or writes reasons for labels that are
   * given.
   */
  readonly done: "taught" | "measured" | "audited" | "explained"
}

/** How the page's title begins, by what the run does. */
const titles: Readonly<Record<Setting["done"], string>> = {
  taught: "RISE on",
  measured: "Evaluation on",
  audited: "Judge of the labels of",
  explained: "Reasons for the labels of"
}

/** The title of the page. */
export const title = (done: Setting["done"], task: string): string => `${titles[done]} ${task}`

const asked = ({ kind, labels }: Drawing): string => {
  const listed = labels.length === 0
    ? ""
    : ` (${labels.slice(0, shownLabels).join(", ")}${
      labels.length > shownLabels ? ` and ${labels.length - shownLabels} more` : ""
    })`
  if (kind === "text") return "to annotate pictures"
  return kind === "boxes"
    ? `to find things in pictures${listed} and draw a box around each`
    : `to say which of ${labels.length} labels fit a picture${listed}`
}

/** What was done, or is being done, on what. */
export const done = (drawing: Drawing, setting: Setting, underWay: boolean): string => {
  const { model, source, task, tested, trained } = setting
  // "embedded scenes (synthetic)" stands in brackets already.
  const data = source === undefined ? "" : ` (data: ${source.replace(/ \(([^()]*)\)$/, ", $1")})`
  const subject = `A vision-language model${model === undefined ? "" : `, ${model},`}`
  if (setting.done === "measured") {
    return `${subject} ${underWay ? "is being" : "was"} asked about ${
      tested === undefined ? "pictures" : `${tested} labelled pictures`
    }${data}, for the task “${task}”: ${asked(drawing)}. Nothing is trained in this run.`
  }
  if (setting.done === "audited") {
    return `${subject} ${underWay ? "judges" : "judged"} the labels of ${
      trained === undefined ? "pictures" : `${trained} pictures`
    }${data}, for the task “${task}”: ${asked(drawing)}.`
  }
  if (setting.done === "explained") {
    return `${subject} ${underWay ? "writes" : "wrote"} reasons for the labels of the task “${task}”: ${
      asked(drawing)
    }.` +
      `${trained === undefined ? "" : ` It ${underWay ? "is" : "was"} shown ${trained} labelled pictures${data}.`}` +
      " Nothing is trained in this run."
  }
  return `${subject} ${underWay ? "is being" : "was"} taught the task “${task}”: ${asked(drawing)}, ` +
    "and to give its reasons." +
    `${trained === undefined ? "" : ` It ${underWay ? "learns" : "learned"} from ${trained} labelled pictures${data}`}${
      trained === undefined
        ? ""
        : tested === undefined
        ? "."
        : ` and ${underWay ? "will be" : "was"} measured on ${tested} others.`
    }`
}

/** Figures that say nothing of how good a method is by itself. */
const aside = (metric: string) =>
  metric.endsWith(" masked") || metric.startsWith("win rate") || ["ranked", "reward", "kept share"].includes(metric)

/** On how many figures of the whole test set one method is better than another, in a sentence. */
export const compared = (
  rows: ReadonlyArray<ResultRow>,
  lower: ReadonlySet<string>,
  own: string,
  other: string
): Option.Option<string> => {
  const both = [...new Set(rows.map(({ metric }) => metric))].filter((metric) => !aside(metric)).flatMap((metric) =>
    Option.toArray(Option.map(
      Option.all([figure(rows, own, "all", metric), figure(rows, other, "all", metric)]),
      ([a, b]) => ({ metric, ahead: Math.abs(a - b) < 5e-4 ? 0 : lower.has(metric) ? b - a : a - b })
    ))
  )
  if (both.length === 0 || own === other) return Option.none()
  const better = both.filter(({ ahead }) => ahead > 0).map(({ metric }) => metric)
  const level = both.filter(({ ahead }) => ahead === 0).length
  return Option.some(
    `${own} is better than ${other} on ${better.length} of ${both.length} figures${
      better.length === 0 ? "" : ` (${better.join(", ")})`
    }${level === 0 ? "" : `, level on ${level}`}.`
  )
}

/** A line that a terminal was told, as a sentence. What is no word, a setting (`sft:`) or a path, stays as it is. */
export const sentence = (line: string): string =>
  `${line.replace(/^\p{Ll}(?=\p{Ll}* )/u, (first) => first.toUpperCase())}${/[\p{L}\p{N})]$/u.test(line) ? "." : ""}`

/**
 * How many rows were left out, and why.
 *
 * @param half of a run that reads one half alone, its name: nothing is known of the other
 */
export const setAside = (counts: ReadonlyMap<string, number>, half?: "test"): string => {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const reasons = [...counts].map(([reason, count]) => `${reason} ${count}`).join(", ")
  const data = half === undefined ? "the data" : `the ${half} half`
  return total === 0
    ? `No row of ${data} was set aside.`
    : `${total} ${total === 1 ? "row" : "rows"} of ${data} ${total === 1 ? "was" : "were"} set aside (${reasons}).`
}
