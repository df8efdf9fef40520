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

/** One table as Markdown, its columns aligned so that a terminal can show it too. */
export const markdown = ({ columns, lines, title }: Filled, seeds: number): string => {
  const rows = [
    ["", ...columns.map(heading)],
    ...lines.map(({ entries, label }) => [label, ...entries.map((entry) => entryText(entry, seeds))])
  ]
  const widths = rows[0]?.map((_, at) => Math.max(3, ...rows.map((row) => row[at]?.length ?? 0))) ?? []
  const line = (cells: ReadonlyArray<string>) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`
  const [head = [], ...body] = rows
  return [`## ${title}`, "", line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n")
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

/** All tables with what a reader has to know. */
export const page = (
  tables: ReadonlyArray<Filled>,
  { models, preset, seeds, sources }: About,
  failures: ReadonlyArray<Failure>
): string =>
  [
    "# Tables",
    "",
    `Preset ${preset}, model ${models.join(", ")}, seeds ${seeds.join(", ")}. ${
      Object.entries(sources).map(([task, source]) => `${task}: ${source}.`).join(" ")
    }`,
    "",
    "Mean ± standard error over seeds. Win rate: share of samples on which the row beats RISE, ties counted " +
    "half. In brackets the paper's figure, " +
    "of Qwen2-VL-2B on other data: rows can be compared within a column, not across brackets. The figures of " +
    "the paper's Tables 2 to 6 are not known here.",
    "",
    ...tables.flatMap((table) => [markdown(table, seeds.length), ""]),
    ...failureLines(failures)
  ].join("\n")

const json = (tables: ReadonlyArray<Filled>, about: About, failures: ReadonlyArray<Failure>) => ({
  ...about,
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
