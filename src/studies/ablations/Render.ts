/**
 * Filled tables as Markdown and as JSON, written whole or not at all.
 *
 * @module
 */
import { Effect, Option, Path } from "effect"
import * as Atomic from "../../dsl/Atomic.ts"
import { fromPlatform } from "../../dsl/RunError.ts"
import { makeFolder } from "../../kernels/runtime/makeFolder.ts"
import * as Cell from "./Cell.ts"
import type { Entry, Filled } from "./Figures.ts"
import type { Failure } from "./Grid.ts"
import * as Printed from "./Printed.ts"
import type { Column } from "./Tables.ts"

const shown: Readonly<Record<Option.Option.Value<Entry["missing"]>, string>> = {
  blank: "–",
  "no-task": "no such task here",
  "not-offered": "not offered here",
  "not-run": "not run",
  failed: "failed",
  "no-figure": "not measured"
}

/** "0.192 ± 0.004 [paper 0.071]"; a figure that is not there says why. */
export const entryText = ({ missing, paper, summary, values }: Entry, seeds: number): string => {
  const own = Option.match(summary, {
    onNone: () => Option.match(missing, { onNone: () => "–", onSome: (why) => shown[why] }),
    onSome: ({ mean, se }) =>
      mean.toFixed(3) + Option.match(se, { onNone: () => "", onSome: (error) => ` ± ${error.toFixed(3)}` }) +
      (values.length < seeds ? ` (${values.length} of ${seeds} seeds)` : "")
  })
  return own + Option.match(paper, { onNone: () => "", onSome: (figure) => ` [paper ${figure.toFixed(3)}]` })
}

const heading = ({ direction = "higher", metric, part, shots, task }: Column): string =>
  `${task} ${shots === "full" ? "full" : `${shots}-shot`} ${metric}${part === "train" ? " of the chains" : ""} ${
    part === "train" || metric === "win rate" ? "" : direction === "lower" ? "↓" : "↑"
  }`.trim()

/** The headings, then a row a line. */
const textsOf = ({ columns, lines }: Filled, seeds: number): ReadonlyArray<ReadonlyArray<string>> => [
  ["", ...columns.map(heading)],
  ...lines.map(({ entries, label }) => [label, ...entries.map((entry) => entryText(entry, seeds))])
]

/** One table as Markdown, its columns aligned. */
export const markdown = (table: Filled, seeds: number): string => {
  const rows = textsOf(table, seeds)
  const widths = rows[0]?.map((_, at) => Math.max(3, ...rows.map((row) => row[at]?.length ?? 0))) ?? []
  const line = (cells: ReadonlyArray<string>) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`
  const [head = [], ...body] = rows
  return [`## ${table.title}`, "", line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join(
    "\n"
  )
}

/** What the tables were made of. */
export interface About {
  /** Name of the preset. */
  readonly preset: string
  /** Names of the models that cells ask. */
  readonly models: ReadonlyArray<string>
  /** Seeds of the figures. */
  readonly seeds: ReadonlyArray<number>
  /** Tasks and where their samples come from. */
  readonly sources: Readonly<Record<string, string>>
}

const failureLines = (failures: ReadonlyArray<Failure>): ReadonlyArray<string> =>
  failures.length === 0
    ? []
    : ["Failed:", "", ...failures.map(({ cell, reason }) => `- ${Cell.id(cell)}: ${reason}`), ""]

/** Where the samples come from of those tasks that have figures, or that failed. */
const sourcesOf = (
  tables: ReadonlyArray<Filled>,
  { sources }: About,
  failures: ReadonlyArray<Failure>
): About["sources"] => {
  const measured = tables.flatMap(({ columns, lines }) =>
    columns.filter((_, at) => lines.some(({ entries }) => (entries[at]?.values.length ?? 0) > 0)).map(({ task }) =>
      task
    )
  )
  const tasks = new Set([...measured, ...failures.map(({ cell }) => cell.task)])
  return Object.fromEntries(Object.entries(sources).filter(([task]) => tasks.has(task)))
}

const range = (counts: ReadonlyArray<number>): string => {
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  return least === most ? String(least) : `${least} to ${most}`
}

/** How many samples stand behind the figures of a table, task by task; empty where there are none. */
export const samplesLine = ({ columns, lines }: Filled): string => {
  const counts = new Map<string, Array<number>>()
  for (const [at, { part, task }] of columns.entries()) {
    const found = lines.flatMap(({ entries }) => entries[at]?.values.map(({ n }) => n) ?? [])
    const name = `${task} ${part === "train" ? "chains" : "test"}`
    if (found.length > 0) counts.set(name, [...counts.get(name) ?? [], ...found])
  }
  return counts.size === 0
    ? ""
    : `n, the samples behind a figure: ${[...counts].map(([name, found]) => `${name} ${range(found)}`).join(", ")}.`
}

/** A title, what a reader has to know, the tables as `shown` shows them, and what failed. */
const sheet = (
  tables: ReadonlyArray<Filled>,
  about: About,
  failures: ReadonlyArray<Failure>,
  shown: (table: Filled) => string
): string => {
  const { models, preset, seeds } = about
  const sources = Object.entries(sourcesOf(tables, about, failures))
  return [
    "# Tables",
    "",
    [
      `Preset ${preset}, model ${models.join(", ")}, ${seeds.length === 1 ? "seed" : "seeds"} ${seeds.join(", ")}.`,
      ...sources.map(([task, source]) => `${task}: ${source}.`)
    ].join(" "),
    "",
    (seeds.length === 1 ? "Figures of one seed, which has no standard error. " : "Mean ± standard error over seeds. ") +
    "Win rate: share of samples on which the row beats RISE, ties counted half. In brackets the paper's figure, " +
    "of Qwen2-VL-2B on other data: rows can be compared within a column, not across brackets. The figures of " +
    "the paper's Tables 2 to 6 are not known here.",
    "",
    ...tables.flatMap((table) => {
      const samples = samplesLine(table)
      return [shown(table), "", ...(samples === "" ? [] : [samples, ""])]
    }),
    ...failureLines(failures)
  ].join("\n")
}

/** All tables with what a reader has to know, as Markdown. */
export const page = (tables: ReadonlyArray<Filled>, about: About, failures: ReadonlyArray<Failure>): string =>
  sheet(tables, about, failures, (table) => markdown(table, about.seeds.length))

/** The same for a terminal of so many cells. */
export const printed = (
  tables: ReadonlyArray<Filled>,
  about: About,
  failures: ReadonlyArray<Failure>,
  width?: number
): string =>
  sheet(tables, about, failures, (table) => Printed.table(table.title, textsOf(table, about.seeds.length), width))

const json = (tables: ReadonlyArray<Filled>, about: About, failures: ReadonlyArray<Failure>) => ({
  ...about,
  sources: sourcesOf(tables, about, failures),
  tables: tables.map(({ columns, id, lines, title }) => ({
    id,
    title,
    columns,
    rows: lines.map(({ entries, label }) => ({
      label,
      entries: entries.map(({ column, missing, paper, summary, values }) => ({
        column,
        mean: Option.match(summary, { onNone: () => null, onSome: ({ mean }) => mean }),
        se: Option.match(Option.flatMap(summary, ({ se }) => se), { onNone: () => null, onSome: (se) => se }),
        values,
        paper: Option.getOrNull(paper),
        missing: Option.getOrNull(missing)
      }))
    }))
  })),
  failures: failures.map(({ cell, reason }) => ({ cell: Cell.id(cell), reason }))
})

/** Writes `tables.md` and `tables.json` into the grid's folder and returns the Markdown. */
export const write = Effect.fnUntraced(
  function*(out: string, tables: ReadonlyArray<Filled>, about: About, failures: ReadonlyArray<Failure>) {
    const path = yield* Path.Path
    const text = page(tables, about, failures)
    yield* makeFolder(out).pipe(
      Effect.mapError(fromPlatform(out, "opening the grid's folder"))
    )
    yield* Atomic.writeText(path.join(out, "tables.md"), text)
    yield* Atomic.writeJson(path.join(out, "tables.json"), json(tables, about, failures))
    return text
  }
)
