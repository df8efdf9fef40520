/**
 * How long cells will take: by what like cells of this grid took, else by counting the sequences that are drawn and
 * trained.
 *
 * @module
 */
import { Effect, Path, Schema, Stream } from "effect"
import { lengths } from "../../dsl/stages/Settings.ts"
import { cost, embeddedPace, type Pace } from "../../pipelines/cost.ts"
import type { Preset } from "../../pipelines/Presets.ts"
import { lines } from "../artefacts.ts"
import * as Cell from "./Cell.ts"
import type { Bench, Sizes } from "./Subject.ts"

/** A finished cell and the seconds it took: a line of the grid's `timings.jsonl`. */
export const Timing = Schema.Struct({ cell: Schema.String, seconds: Schema.Finite })
export type Timing = typeof Timing.Type

/** Name of the file of timings, in the grid's folder. */
export const timingsFile = "timings.jsonl"

/** Longest chain and annotation of a preset, in tokens. */
const tokensOf = ({ generate, reconstruct }: Preset): number =>
  (generate.maxTokens ?? lengths.reasoning) + (reconstruct.maxTokens ?? lengths.annotation)

/**
 * The embedded checkpoint's pace at a task, whose texts are so many times as long as those it was measured on: they are
 * drawn and read token by token.
 */
const paceAt = (times: number): Pace => ({
  trained: times * embeddedPace.trained,
  drawnInGroup: times * embeddedPace.drawnInGroup,
  drawnAlone: times * embeddedPace.drawnAlone,
  practised: times * embeddedPace.practised
})

/**
 * Seconds that a cell would take with the embedded checkpoint on two cores, its parents being done.
 *
 * @param preset as the cell's task has it
 * @param usual as the grid has it: where the task's texts are longer than those, all of it takes as much longer
 */
export const counted = (cell: Cell.Cell, preset: Preset, usual: Preset, { perShot, test, train }: Sizes): number => {
  const shots = cell.shots === "full" ? Infinity : cell.shots * perShot
  const pace = paceAt(tokensOf(preset) / tokensOf(usual))
  const stages = cost(Cell.presetOf(cell, preset), { train: Math.min(train, shots), test }, pace)
  switch (cell.method) {
    case "prior":
      return 0
    case "base":
    case "remote":
      return stages.evaluate
    case "warmed":
      return stages.warmUp + stages.evaluate
    case "RISE-CoT":
      return cell.settings.chains === undefined ? stages.reinforce + stages.explain : stages.explain
    case "SFT":
    case "SFT full":
    case "SFT high":
      return stages.sft + stages.evaluate
    case "Visual-RFT":
    case "SFT full + RFT":
    case "RISE":
      return stages.rft + stages.evaluate
  }
}

/** Cells that take the same time: all but the seed. */
const kind = (id: string): string => id.replace(/\/seed-\d+\//, "/")

/** What a grid has measured so far. */
export const measured = <EP, RP>({ out }: Bench<EP, RP>) =>
  Effect.flatMap(Path.Path, (path) => Stream.runCollect(lines(path.join(out, timingsFile), Timing)))

/** How long cells will take. */
export interface Estimate {
  /** For all of them, one after the other. */
  readonly seconds: number
  /** Cells of this grid that have been timed: without any the estimate knows nothing of this machine and model. */
  readonly timed: number
  /** Cells of which nobody knows: their samples cannot be counted and none like them was timed. They add no seconds. */
  readonly unknown: number
}

/** Cores that the pace was measured on; more help less than as much, and are not counted. */
const coresOfPace = 2

/** Seconds for a list of cells. `sizeOf` tells the samples of a cell's task where they are known. */
export const estimate = (
  cells: ReadonlyArray<Cell.Cell>,
  { cores, plan, preset, presetOf, sizeOf, timings }: {
    /** Cores that work: one takes twice the time of two. */
    readonly cores: number
    /** The grid's preset. */
    readonly preset: Preset
    /** All cells of the grid, the timed ones among them. */
    readonly plan: ReadonlyArray<Cell.Cell>
    /** The preset as the cell's task has it. */
    readonly presetOf: (cell: Cell.Cell) => Preset
    readonly sizeOf: (task: string) => Sizes | undefined
    readonly timings: ReadonlyArray<Timing>
  }
): Estimate => {
  const count = (cell: Cell.Cell): number => {
    const sizes = sizeOf(cell.task)
    const slower = coresOfPace / Math.min(coresOfPace, cores)
    return sizes === undefined ? 0 : slower * counted(cell, presetOf(cell), preset, sizes)
  }
  const byKind = Map.groupBy(timings, ({ cell }) => kind(cell))
  const mean = (found: ReadonlyArray<Timing>) => found.reduce((sum, { seconds }) => sum + seconds, 0) / found.length
  const all = new Map(plan.map((cell) => [kind(Cell.id(cell)), cell]))
  // How much slower than counted this machine is, by the kinds that were both counted and timed.
  const both = [...byKind].flatMap(([name, found]) => {
    const cell = all.get(name)
    return cell === undefined ? [] : [[mean(found), count(cell)] as const]
  })
  const countedSum = both.reduce((sum, [, expected]) => sum + expected, 0)
  const pace = countedSum > 0 ? both.reduce((sum, [took]) => sum + took, 0) / countedSum : 1
  const seconds = cells.reduce((sum, cell) => {
    const found = byKind.get(kind(Cell.id(cell)))
    return sum + (found === undefined ? pace * count(cell) : mean(found))
  }, 0)
  const unknown = cells.filter((cell) => sizeOf(cell.task) === undefined && !byKind.has(kind(Cell.id(cell)))).length
  return { seconds, timed: timings.length, unknown }
}
