/**
 * A task as the grid runs it: the place where another task plugs in.
 *
 * ```ts
 * const emotion6 = Studies.Ablations.Subject.make({
 *   name: "emotion6",
 *   source: "embedded scenes (synthetic)",
 *   measures: [{ name: "JSD", direction: "lower" }],
 *   open: ({ seed, shots }) =>
 *     Effect.map(
 *       Sources.softLabels({
 *         task, seed, data: Option.none(), shots: shots === "full" ? Option.none() : Option.some(shots)
 *       }),
 *       (source) => ({ task, ...source })
 *     ),
 *   prior: Sources.meanDistribution
 * })
 * ```
 *
 * @module
 */
import { Effect, type FileSystem, Layer, Path, Stream } from "effect"
import type { DataError } from "../../dsl/DataError.ts"
import type * as Rise from "../../dsl/Rise.ts"
import { method as within } from "../../dsl/Run.ts"
import type { RunError } from "../../dsl/RunError.ts"
import * as Able from "../../dsl/stages/Able.ts"
import { filledStage } from "../../dsl/stages/Settings.ts"
import type { Sample, Task, TaskMetric } from "../../dsl/Task.ts"
import { chainRows } from "../../evaluation/chains.ts"
import { evaluate, evaluateConstant } from "../../evaluation/evaluate.ts"
import { imageSwap } from "../../evaluation/imageSwap/ImageSwap.ts"
import * as Results from "../../evaluation/Results.ts"
import { isTried, type Preset, trainableOf } from "../../pipelines/Presets.ts"
import { warmUp } from "../../pipelines/warmUp.ts"
import type { Policy } from "../../policy/Policy.ts"
import { inFolder } from "../folder.ts"
import * as Cell from "./Cell.ts"
import { isRemote, isWarmed, pipelineOf, remotePreset, sourceOf, stagesOf } from "./Work.ts"

/** A metric by name, and which way is better. */
export type Measure = Pick<TaskMetric<never>, "name" | "direction">

/** A model that cells ask. */
export interface Model<EP, RP> {
  /** Recorded in run.json. */
  readonly name: string
  /** Built anew for every cell. */
  readonly policy: (seed: number) => Layer.Layer<Policy, EP, RP>
}

/** Everything that the cells of a grid share. */
export interface Bench<EP = never, RP = never> {
  /** The folder of the grid. */
  readonly out: string
  /** The settings of every cell, before the departures of its own. */
  readonly preset: Preset
  /** What cells train and ask. */
  readonly model: Model<EP, RP>
  /** A server whose model is a baseline and a source of chains. */
  readonly remote?: Model<EP, RP> | undefined
}

/** What a cell is run on. */
export interface Data<A, E, R> {
  /** The task. */
  readonly task: Task<A>
  /** The half to train on. */
  readonly train: Stream.Stream<Sample<A>, E, R>
  /** The half that methods are compared on. */
  readonly test: Stream.Stream<Sample<A>, E, R>
  /** The cues a text names, where pictures have known cues. */
  readonly cuesNamed?: (text: string) => Iterable<string>
}

/** Samples of a task, for estimates of time. */
export interface Sizes {
  /** Training samples in all. */
  readonly train: number
  /** Test samples in all. */
  readonly test: number
  /** Training samples per shot: the classes, or 1 where shots count in all. */
  readonly perShot: number
}

/** Definition of a task of the grid, for `make`. */
export interface Definition<A, E, R, E2, R2> {
  /** Names the task in ids, folders and tables. */
  readonly name: string
  /** Where the samples come from: printed with the tables. */
  readonly source: string
  /** What the task is measured by, the one that win rates are counted in first. */
  readonly measures: ReadonlyArray<Measure>
  /** The few-shot settings there are. Default: all of the paper's. */
  readonly shots?: ReadonlyArray<Cell.Shots>
  /** Left out: time is not estimated before something has been timed. */
  readonly sizes?: Sizes
  /** What eq. 6 may divide by, where the task knows it. Default: it does not. */
  readonly denominators?: ReadonlyArray<"truth" | "max">
  /** The grid's preset as the task needs it. Default: as it is. */
  readonly preset?: (preset: Preset) => Preset
  /** The halves at a number of shots, drawn by the seed. */
  readonly open: (
    cell: { readonly shots: Cell.Shots; readonly seed: number; readonly denominator: "truth" | "max" | undefined }
  ) => Effect.Effect<Data<A, E, R>, E2, R2>
  /** The one annotation that knows the training half and no picture, for the `prior` row. */
  readonly prior?: <E3, R3>(truths: Stream.Stream<A, E3, R3>) => Effect.Effect<A, E3, R3>
}

/** A task of whatever annotation, ready to run cells. */
export interface Subject<out E, out R>
  extends Omit<Definition<never, never, never, never, never>, "open" | "preset" | "prior" | "shots" | "denominators">
{
  /** The few-shot settings there are. */
  readonly shots: ReadonlyArray<Cell.Shots>
  /** The grid's preset as the task needs it: what its cells are run and recorded under. */
  readonly preset: (preset: Preset) => Preset
  /** Whether the grid can run such a cell here: a server may be missing, a task may know no denominator. */
  readonly offers: (cell: Cell.Cell, bench: Pick<Bench, "preset"> & { readonly remote?: unknown }) => boolean
  /** Runs the cell in its folder, from where its parents' folders end. Resumes what was cut off. */
  readonly run: <EP, RP>(
    cell: Cell.Cell,
    bench: Bench<EP, RP>
  ) => Effect.Effect<
    ReadonlyArray<Results.ResultRow>,
    E | EP | DataError | Rise.Fault | Rise.StageError | RunError,
    R | RP | FileSystem.FileSystem | Path.Path
  >
}

/** What must not change between a cell and its continuation, besides seed, task, prompts and data. */
export const configOf = <EP, RP>(cell: Cell.Cell, source: string, { model, preset, remote }: Bench<EP, RP>) => ({
  model: model.name,
  source,
  shots: String(cell.shots),
  trainable: trainableOf(preset),
  validation: preset.validation,
  limit: { train: preset.limit?.train ?? null, test: preset.limit?.test ?? null },
  evaluate: { ...preset.evaluate },
  stages: stagesOf(cell, preset),
  ...((isRemote(cell) || cell.settings.chains === "remote") && remote !== undefined ? { remote: remote.name } : {})
})

/** Makes a task ready to run cells. */
export const make = <A, E, R, E2, R2>(definition: Definition<A, E, R, E2, R2>): Subject<E | E2, R | R2> => {
  const {
    denominators = [],
    measures,
    name,
    open,
    preset: adapted = (preset: Preset) => preset,
    prior,
    shots = [4, 16, "full"],
    source
  } = definition
  return {
    name,
    source,
    measures,
    shots,
    preset: adapted,
    ...(definition.sizes === undefined ? {} : { sizes: definition.sizes }),
    offers: (cell, { preset, remote }) =>
      shots.includes(cell.shots) &&
      (cell.method !== "prior" || prior !== undefined) &&
      (cell.method !== "warmed" || adapted(preset).warmUp !== undefined) &&
      ((cell.method !== "remote" && cell.settings.chains !== "remote") || remote !== undefined) &&
      (cell.settings.denominator === undefined || denominators.includes(cell.settings.denominator)),
    run: Effect.fnUntraced(function*(cell, given) {
      const bench = { ...given, preset: adapted(given.preset) }
      const path = yield* Path.Path
      const preset = Cell.presetOf(cell, bench.preset)
      const { warmUp: _, ...unwarmed } = preset
      const data = yield* open({ shots: cell.shots, seed: cell.seed, denominator: cell.settings.denominator })
      const { cuesNamed, task } = data
      const start = warmUp(task, data.train, isWarmed(cell) ? preset : unwarmed)
      const limit = preset.limit?.test
      const test = limit === undefined ? data.test : Stream.take(data.test, limit)
      const pipeline = pipelineOf(cell, bench.preset)(start)
      const settings = isRemote(cell) ? remotePreset.evaluate : preset.evaluate
      const common = {
        method: Cell.label(cell),
        task,
        data: test,
        form: pipeline.form,
        ...settings,
        shots: String(cell.shots),
        cuesNamed
      }
      const source = sourceOf(cell)

      const { policy } = isRemote(cell) && bench.remote !== undefined ? bench.remote : bench.model
      const trained = Effect.gen(function*() {
        yield* Able.check(task, pipeline.described, {
          tried: isTried(preset),
          asked: cell.method === "RISE-CoT" ? [] : [{ stage: "evaluate", form: pipeline.form, ...settings }]
        })
        yield* pipeline.ready.pipe(within(cell.method === "RISE-CoT" ? source : ""))
        return cell.method === "RISE-CoT" ? [] : yield* evaluate(common)
      }).pipe(Effect.provide(Layer.fresh(policy(cell.seed))))
      const work = Effect.gen(function*() {
        const rows = cell.method === "prior" && prior !== undefined
          ? yield* evaluateConstant({
            ...common,
            annotation: yield* prior(Stream.map(start.data, ({ truth }) => truth))
          })
          : yield* trained
        const thinks = pipeline.form === "think" && cell.method !== "prior" && cell.method !== "RISE-CoT"
        const swapped = yield* imageSwap({
          methods: thinks ? [common.method] : [],
          task,
          data: test,
          witness: Layer.fresh(bench.model.policy(cell.seed)),
          shots: common.shots
        })
        const chains = yield* chainRows(start.data, {
          method: source,
          tau: filledStage(preset.filter).tau,
          shots: common.shots,
          cuesNamed
        })
        return [...rows, ...swapped, ...chains]
      })
      const folder = (other: Cell.Cell) => path.join(bench.out, Cell.id(other))
      return yield* work.pipe(
        Effect.tap(Results.write),
        inFolder({
          out: folder(cell),
          seed: cell.seed,
          resume: true,
          from: Cell.ancestors(cell, bench.preset).map(folder),
          task,
          train: data.train,
          test: data.test,
          config: configOf(cell, definition.source, bench)
        })
      )
    })
  }
}
