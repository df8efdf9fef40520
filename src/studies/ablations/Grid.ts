/**
 * Runs cells: parents first, seed after seed, whatever is finished left alone. One cell that cannot learn (a τ that
 * keeps nothing, a loss that diverges) is reported and does not end the others; anything else does.
 *
 * @module
 */
import { Duration, Effect, FileSystem, Option, Path, Schema } from "effect"
import * as Links from "../../dsl/Links.ts"
import * as Rise from "../../dsl/Rise.ts"
import { fromPlatform, type RunError, RunFolderMismatch } from "../../dsl/RunError.ts"
import { difference } from "../../dsl/RunFolder.ts"
import { ResultRow } from "../../evaluation/Results.ts"
import { type Preset, presets } from "../../pipelines/Presets.ts"
import * as NotFinite from "../../policy/NotFinite.ts"
import type { PolicyError } from "../../policy/Policy.ts"
import { json } from "../artefacts.ts"
import * as Cell from "./Cell.ts"
import { type Timing, timingsFile } from "./Estimate.ts"
import { type Bench, configOf, type Subject } from "./Subject.ts"
import * as Tables from "./Tables.ts"

/** Selects cells of a grid. */
export interface Selection {
  /** Seeds that every cell is run with. */
  readonly seeds: ReadonlyArray<number>
  /** Ids of tables; all of them where it is left out. */
  readonly tables?: ReadonlyArray<string>
  /** Texts of which a cell's id must hold one; its parents come along. */
  readonly only?: ReadonlyArray<string>
}

/** The selected tables. */
export const tablesOf = ({ tables }: Selection): ReadonlyArray<Tables.Table> =>
  tables === undefined ? Tables.all : Tables.all.filter(({ id }) => tables.includes(id))

/** A grid that someone can run: the tasks there are, and what they are run with. */
export interface Grid<E, R, EP, RP> {
  /** The tasks. */
  readonly subjects: ReadonlyArray<Subject<E, R>>
  /** What their cells are run with. */
  readonly bench: Bench<EP, RP>
}

/** The task of a cell; None where the grid has no such task. */
export const subjectOf = <E, R, EP, RP>(
  { subjects }: Grid<E, R, EP, RP>,
  cell: Pick<Cell.Cell, "task">
): Option.Option<Subject<E, R>> => Option.fromNullishOr(subjects.find(({ name }) => name === cell.task))

/** The preset as the cell's task has it: its lengths of texts, or no warm-up. */
export const presetOf = <E, R, EP, RP>(grid: Grid<E, R, EP, RP>, cell: Pick<Cell.Cell, "task">): Preset =>
  Option.match(subjectOf(grid, cell), {
    onNone: () => grid.bench.preset,
    onSome: ({ preset }) => preset(grid.bench.preset)
  })

/** The cells that a cell begins from, the nearest first. */
const ancestors = <E, R, EP, RP>(grid: Grid<E, R, EP, RP>, cell: Cell.Cell): ReadonlyArray<Cell.Cell> =>
  Cell.ancestors(cell, presetOf(grid, cell))

const offered = <E, R, EP, RP>(grid: Grid<E, R, EP, RP>) => (cell: Cell.Cell): boolean =>
  Option.match(subjectOf(grid, cell), { onNone: () => false, onSome: ({ offers }) => offers(cell, grid.bench) })

/** The selected cells that can be run here, each once, every cell after its parents. */
export const plan = <E, R, EP, RP>(grid: Grid<E, R, EP, RP>, selection: Selection): ReadonlyArray<Cell.Cell> => {
  const { preset } = grid.bench
  const { only, seeds } = selection
  const withAncestors = (cells: ReadonlyArray<Cell.Cell>) => {
    const all = cells.flatMap((cell) => [...ancestors(grid, cell).toReversed(), cell])
    return [...new Map(all.map((cell) => [Cell.id(cell), cell])).values()]
  }
  const cells = withAncestors(
    seeds.flatMap((seed) => tablesOf(selection).flatMap((table) => Tables.cellsOf(table, [seed], preset))).filter(
      offered(grid)
    )
  )
  return only === undefined
    ? cells
    : withAncestors(cells.filter((cell) => only.some((text) => Cell.id(cell).includes(text))))
}

/** The folder of a cell: `Cell.id` within the grid's. */
export const folderOf = <EP, RP>({ out }: Bench<EP, RP>, cell: Cell.Cell): Effect.Effect<string, never, Path.Path> =>
  Effect.map(Path.Path, (path) => path.join(out, Cell.id(cell)))

const Recorded = Schema.Struct({ identity: Schema.Struct({ config: Schema.Json }) })

/** The rows of a cell, if it is finished. */
export const rowsOf = Effect.fnUntraced(function*<EP, RP>(bench: Bench<EP, RP>, cell: Cell.Cell) {
  const path = yield* Path.Path
  return yield* json(path.join(yield* folderOf(bench, cell), "results.json"), Schema.Array(ResultRow))
})

/** Finished, cut off, or not there. */
export type State = "done" | "begun" | "new"

/** What a preset sets of a cell's settings. */
const presetFields = new Set<string>(["trainable", "validation", "limit", "evaluate", "stages"])

/**
 * The shipped preset that a cell was recorded under, where it is another than the grid's: the name says more than the
 * first of the settings that differ. As shipped, or without its warm-up.
 */
const otherPreset = <E, R, EP, RP>(
  grid: Grid<E, R, EP, RP>,
  cell: Cell.Cell,
  recorded: Schema.Json
): Option.Option<string> => {
  const candidates = Object.values(presets).flatMap((preset: Preset): ReadonlyArray<Preset> => {
    const { warmUp: _, ...unwarmed } = preset
    return [preset, unwarmed]
  })
  const same = (preset: Preset) => {
    const under = { ...grid, bench: { ...grid.bench, preset } }
    const given = configOf(cell, "", { ...under.bench, preset: presetOf(under, cell) })
    const fields = Object.fromEntries(Object.entries(given).filter(([name]) => presetFields.has(name)))
    return Option.isNone(difference(fieldsOf(recorded), fields))
  }
  return Option.map(
    Option.fromUndefinedOr(candidates.find((preset) => preset.name !== grid.bench.preset.name && same(preset))),
    ({ name }) => name
  )
}

const fieldsOf = (recorded: Schema.Json): Schema.Json =>
  typeof recorded === "object" && recorded !== null
    ? Object.fromEntries(Object.entries(recorded).filter(([name]) => presetFields.has(name)))
    : recorded

/** How far a cell has come. Fails on a folder of other settings: its figures must not stand in this grid's tables. */
export const stateOf = Effect.fnUntraced(
  function*<E, R, EP, RP>(grid: Grid<E, R, EP, RP>, cell: Cell.Cell): Effect.fn.Return<
    State,
    RunError,
    FileSystem.FileSystem | Path.Path
  > {
    const path = yield* Path.Path
    const folder = yield* folderOf(grid.bench, cell)
    const recorded = yield* json(path.join(folder, "run.json"), Recorded)
    if (Option.isNone(recorded)) return "new" as const
    const source = Option.match(subjectOf(grid, cell), { onNone: () => "", onSome: ({ source }) => source })
    const changed = difference(
      recorded.value.identity.config,
      configOf(cell, source, { ...grid.bench, preset: presetOf(grid, cell) })
    )
    if (Option.isSome(changed)) {
      const isPreset = presetFields.has(changed.value.field.split(".")[0] ?? "")
      const named = isPreset ? otherPreset(grid, cell, recorded.value.identity.config) : Option.none()
      return yield* new RunFolderMismatch({
        path: folder,
        ...Option.match(named, {
          onNone: () => changed.value,
          onSome: (name) => ({
            field: "preset",
            stored: JSON.stringify(name),
            given: JSON.stringify(grid.bench.preset.name)
          })
        })
      })
    }
    return Option.isSome(yield* rowsOf(grid.bench, cell)) ? "done" as const : "begun" as const
  }
)

/** A cell that has no figures, and why. */
export interface Failure {
  readonly cell: Cell.Cell
  /** What ended it. */
  readonly reason: string
}

const unlearnable = [Rise.BadSetting, Rise.Diverged, Rise.EveryGroupDead, Rise.NothingKept, Rise.NothingToTrainOn]
/** Weights that a training has ruined may show as late as in the next draw. */
const isUnlearnable = (error: unknown): error is Rise.StageError | PolicyError =>
  unlearnable.some((kind) => error instanceof kind) || NotFinite.reasonOf(error) !== undefined

/** What happens while a grid is run. */
export interface Watch<E = never, R = never> {
  /** Before a cell is run: its place among `of` cells, counted from 1, and those still to come, itself included. */
  readonly started: (
    cell: Cell.Cell,
    at: number,
    of: number,
    remaining: ReadonlyArray<Cell.Cell>
  ) => Effect.Effect<void, E, R>
  /** After a cell that could not learn. */
  readonly failed: (failure: Failure) => Effect.Effect<void>
}

/** Remembers how long a cell took from its beginning to its end. */
const time = Effect.fnUntraced(function*<EP, RP>({ out }: Bench<EP, RP>, timing: Timing) {
  const fs = yield* FileSystem.FileSystem
  const file = (yield* Path.Path).join(out, timingsFile)
  yield* fs.writeFileString(file, `${JSON.stringify(timing)}\n`, { flag: "a" }).pipe(
    Effect.mapError(fromPlatform(file, "writing"))
  )
})

/** Runs what is not done of a plan and returns what could not learn. */
export const run = Effect.fnUntraced(function*<E, R, EP, RP, E2, R2>(
  grid: Grid<E, R, EP, RP>,
  cells: ReadonlyArray<Cell.Cell>,
  watch: Watch<E2, R2>
) {
  const { bench } = grid
  // All folders are looked at before anything is computed: a wrong one is found now, not in an hour.
  yield* Links.refuseIn(bench.out, [timingsFile])
  const states = yield* Effect.forEach(cells, (cell) => stateOf(grid, cell))
  const open = cells.filter((_, i) => states[i] !== "done")
  const failures: Array<Failure> = []
  for (const [i, cell] of open.entries()) {
    const subject = subjectOf(grid, cell)
    if (Option.isNone(subject)) continue
    const broken = failures.find((failure) =>
      ancestors(grid, cell).some((parent) => Cell.id(parent) === Cell.id(failure.cell))
    )
    const fail = (reason: string) => {
      const failure = { cell, reason }
      failures.push(failure)
      return watch.failed(failure)
    }
    if (broken !== undefined) {
      yield* fail(`it begins from ${Cell.label(broken.cell)}: ${broken.reason}`)
      continue
    }
    yield* watch.started(cell, i + 1, open.length, open.slice(i))
    const fresh = states[cells.indexOf(cell)] === "new"
    yield* Effect.timed(subject.value.run(cell, bench)).pipe(
      Effect.tap(([took]) =>
        fresh ? time(bench, { cell: Cell.id(cell), seconds: Math.round(Duration.toMillis(took)) / 1000 }) : Effect.void
      ),
      Effect.catchIf(isUnlearnable, (error) => fail(error.message))
    )
  }
  return failures
})
