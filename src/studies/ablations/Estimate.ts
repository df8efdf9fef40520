/**
 * How long cells will take: by what like cells of this grid took, else by counting the sequences that are drawn and
 * trained.
 *
 * @module
 */
import { Effect, Path, Schema, Stream } from "effect"
import { milliseconds } from "../../dsl/stages/Ahead.ts"
import type { Preset } from "../../pipelines/presets.ts"
import { lines } from "../artefacts.ts"
import * as Cell from "./Cell.ts"
import type { Bench, Sizes } from "./Subject.ts"

/** A finished cell and the seconds it took: a line of the grid's `timings.jsonl`. */
export const Timing = Schema.Struct({ cell: Schema.String, seconds: Schema.Finite })
export type Timing = typeof Timing.Type

/** Name of the file of timings, in the grid's folder. */
export const timingsFile = "timings.jsonl"

/** Seconds that a cell would take on the machine above, its parents being done. */
export const counted = (cell: Cell.Cell, base: Preset, sizes: Sizes): number => {
  const preset = Cell.presetOf(cell, base)
  const { generate, limit, reinforce, rft, sft, validation, warmUp } = preset
  const drawn = Math.min(
    cell.shots === "full" ? sizes.train : cell.shots * sizes.perShot,
    sizes.train,
    limit?.train ?? Infinity
  )
  const held = Math.round(drawn * validation)
  const train = drawn - held
  const test = Math.min(sizes.test, limit?.test ?? Infinity)
  const { drawnAlone, drawnInGroup, practised, trained } = milliseconds
  /** Looks at the validation split while training. */
  const selecting = ({ select, steps = 200 }: Preset["sft"], each: number) =>
    select === undefined
      ? 0
      : (Math.floor(steps / select.every) + 1) * Math.min(held, select.samples ?? Infinity) * each
  const practising = (
    { batchSize = 2, practice, steps = 200 }: Pick<Preset["sft"], "batchSize" | "practice" | "steps">
  ) => steps * Math.min(batchSize, practice?.texts ?? 0) * practised
  /** A rollout; a quarter of them are read once more where the format is held. */
  const rollout = ({ format = 0 }: Pick<Preset["rft"], "format">) => drawnInGroup + trained * (format > 0 ? 1.25 : 1)
  const candidates = generate.candidates ?? 8
  const loop = 2 * candidates * drawnInGroup
  const explain = train * loop
  // As it writes, and once more under the mask.
  const evaluate = 2 * test * drawnAlone
  /**
   * A reasoning and, to keep it, an answer of the base for each chosen picture; both are lessons beside the
   * reconstruction.
   */
  const warming = ({ batchSize = 2, keep = 0, share = 0.25, steps = 200, ...rest }: NonNullable<Preset["warmUp"]>) => {
    const texts = keep > 0 ? 2 : 1
    return texts * (train * share * drawnAlone + steps * batchSize * trained) +
      practising({ batchSize, steps, ...rest })
  }
  const stages = {
    warmUp: warmUp === undefined ? 0 : warming(warmUp),
    reinforce: (reinforce.steps ?? 200) * (reinforce.promptsPerStep ?? 2) * candidates * 2 * rollout(reinforce) +
      selecting(reinforce, loop),
    sft: (sft.steps ?? 200) * (sft.batchSize ?? 2) * trained + practising(sft) + selecting(sft, drawnAlone),
    rft: (rft.steps ?? 200) * (rft.promptsPerStep ?? 2) * (rft.groupSize ?? 8) * rollout(rft) +
      selecting(rft, drawnAlone)
  }
  const own = (): number => {
    switch (cell.method) {
      case "prior":
        return 0
      case "base":
      case "remote":
        return evaluate
      case "warmed":
        return stages.warmUp + evaluate
      case "RISE-CoT":
        return cell.settings.chains === undefined ? stages.reinforce + explain : explain
      case "SFT":
      case "SFT full":
      case "SFT high":
        return stages.sft + evaluate
      case "Visual-RFT":
      case "SFT full + RFT":
      case "RISE":
        return stages.rft + evaluate
    }
  }
  return own() / 1000
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
}

/** Seconds for a list of cells. `sizeOf` tells the samples of a cell's task where they are known. */
export const estimate = (
  cells: ReadonlyArray<Cell.Cell>,
  { plan, preset, sizeOf, timings }: {
    /** All cells of the grid, the timed ones among them. */
    readonly plan: ReadonlyArray<Cell.Cell>
    readonly preset: Preset
    readonly sizeOf: (task: string) => Sizes | undefined
    readonly timings: ReadonlyArray<Timing>
  }
): Estimate => {
  const count = (cell: Cell.Cell): number => {
    const sizes = sizeOf(cell.task)
    return sizes === undefined ? 0 : counted(cell, preset, sizes)
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
  return { seconds, timed: timings.length }
}
