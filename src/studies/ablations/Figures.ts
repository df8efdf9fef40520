/**
 * What finished cells have measured, as the tables want it: mean and standard error over seeds, beside the paper's
 * figure.
 *
 * A cell that is not there is missing, and says why; it never counts as zero.
 *
 * @module
 */
import { Effect, Option, Path, Stream } from "effect"
import { Prediction, predictionsFile } from "../../evaluation/Results.ts"
import { against, valuesOf } from "../../evaluation/winRate.ts"
import { lines } from "../artefacts.ts"
import * as Cell from "./Cell.ts"
import { type Failure, folderOf, type Grid, rowsOf, type Selection, subjectOf, tablesOf } from "./Grid.ts"
import type { Bench, Measure } from "./Subject.ts"
import * as Tables from "./Tables.ts"

/** A measured figure of one seed. */
export interface Measured {
  readonly seed: number
  /** The figure. */
  readonly value: number
  /** Samples that it is of: of the test half, or those with chains. */
  readonly n: number
}

/** Mean over seeds; the standard error of the mean, √(Σ(x − x̄)² / (n − 1) / n), is none for a single seed. */
export interface Summary {
  readonly mean: number
  /** Standard error of the mean; None for a single seed. */
  readonly se: Option.Option<number>
}

/** Mean and standard error of at least one figure. */
export const summary = (values: ReadonlyArray<number>): Summary => {
  const n = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  if (n < 2) return { mean, se: Option.none() }
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, se: Option.some(Math.sqrt(squares / (n - 1) / n)) }
}

/** One entry of a table. */
export interface Entry {
  /** The column, by `Tables.columnKey`. */
  readonly column: string
  /** In the order of seeds; those without a figure are left out. */
  readonly values: ReadonlyArray<Measured>
  /** None where no seed has a figure. */
  readonly summary: Option.Option<Summary>
  /** The paper's figure, where it is known. */
  readonly paper: Option.Option<number>
  /**
   * Why figures are missing: `blank`: the row has none in this column; `no-task`, `not-offered`: it cannot be run here;
   * `not-run`; `failed`: with a note; `no-figure`: the cell ran and does not measure this.
   */
  readonly missing: Option.Option<"blank" | "no-task" | "not-offered" | "not-run" | "failed" | "no-figure">
}

/** A row of a filled table. */
export interface Line {
  /** Name of the row. */
  readonly label: string
  /** One for each column, in their order. */
  readonly entries: ReadonlyArray<Entry>
}

/** A table with its figures. */
export interface Filled {
  /** "1" to "6" are the paper's. */
  readonly id: string
  readonly title: string
  readonly columns: ReadonlyArray<Tables.Column>
  /** The rows, in order. */
  readonly lines: ReadonlyArray<Line>
}

/** The predictions of a cell. */
const predictionsOf = <EP, RP>(bench: Bench<EP, RP>, cell: Cell.Cell) =>
  Stream.unwrap(Effect.gen(function*() {
    const path = yield* Path.Path
    return lines(path.join(yield* folderOf(bench, cell), predictionsFile), Prediction)
  }))

type Counted = Omit<Measured, "seed">

/** The share of samples on which a cell beats RISE, by the first measure of its task. */
const winRate = Effect.fnUntraced(function*<EP, RP>(bench: Bench<EP, RP>, cell: Cell.Cell, measure: Measure) {
  const rise = Tables.referenceOf(cell)
  // RISE against itself would win half of everything.
  if (Cell.id(rise) === Cell.id(cell) || Option.isNone(yield* rowsOf(bench, rise))) return Option.none<Counted>()
  const reference = yield* valuesOf(measure, predictionsOf(bench, rise))
  const parts = yield* against(reference, measure)(predictionsOf(bench, cell))
  return Option.map(
    Option.fromNullishOr(parts.get("all")),
    ({ rate, samples }): Counted => ({ value: rate, n: samples })
  )
})

/** Fills the selected tables with what is there. */
export const collect = Effect.fnUntraced(
  function*<E, R, EP, RP>(grid: Grid<E, R, EP, RP>, selection: Selection, failures: ReadonlyArray<Failure>) {
    const { bench } = grid
    const failed = new Set(failures.map(({ cell }) => Cell.id(cell)))

    const figure = Effect.fnUntraced(function*(cell: Cell.Cell, column: Tables.Column) {
      const rows = yield* rowsOf(bench, cell)
      if (Option.isNone(rows)) return Option.none<Counted>()
      if (column.metric === "win rate") {
        const [measure] = Option.match(subjectOf(grid, cell), { onNone: () => [], onSome: ({ measures }) => measures })
        return measure === undefined ? Option.none<Counted>() : yield* winRate(bench, cell, measure)
      }
      const { metric, part = "all" } = column
      return Option.map(
        Option.fromNullishOr(rows.value.find((row) => row.metric === metric && row.part === part)),
        ({ n, value }): Counted => ({ value, n })
      )
    })

    const entry = Effect.fnUntraced(function*(row: Tables.Row, column: Tables.Column) {
      const cells = selection.seeds.flatMap((seed) => {
        const cell = Tables.cellOf(row, column, seed, bench.preset)
        return cell === undefined ? [] : [cell]
      })
      const found: Array<Measured> = []
      for (const cell of cells) {
        const value = yield* figure(cell, column)
        if (Option.isSome(value)) found.push({ seed: cell.seed, ...value.value })
      }
      const [first] = cells
      const why = Effect.gen(function*() {
        if (first === undefined) return "blank" as const
        const subject = subjectOf(grid, first)
        if (Option.isNone(subject)) return "no-task" as const
        if (!subject.value.offers(first, bench)) return "not-offered" as const
        if (column.metric === "win rate" && Cell.id(first) === Cell.id(Tables.referenceOf(first))) {
          return "blank" as const
        }
        if (cells.some((cell) => failed.has(Cell.id(cell)))) return "failed" as const
        const run = yield* Effect.forEach(cells, (cell) => rowsOf(bench, cell))
        return run.every(Option.isSome) && column.metric !== "win rate" ? "no-figure" as const : "not-run" as const
      })
      return {
        column: Tables.columnKey(column),
        values: found,
        summary: found.length === 0 ? Option.none() : Option.some(summary(found.map(({ value }) => value))),
        paper: Option.fromNullishOr(row.paper?.[Tables.columnKey(column)]),
        missing: found.length === selection.seeds.length ? Option.none() : Option.some(yield* why)
      } satisfies Entry
    })

    return yield* Effect.forEach(tablesOf(selection), ({ columns, id, rows, title }) =>
      Effect.map(
        Effect.forEach(rows, (row) =>
          Effect.map(
            Effect.forEach(columns, (column) => entry(row, column)),
            (entries): Line => ({ label: row.label, entries })
          )),
        (lines): Filled => ({ id, title, columns, lines })
      ))
  }
)
