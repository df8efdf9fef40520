/**
 * What a study command needs beside its pipelines: where to write, what to record, how to print.
 */
import { Console, Effect, Option, type Stream } from "effect"
import type { Identity } from "../dsl/RunFolder.ts"
import type { Sample, Task } from "../dsl/Task.ts"
import { masked, type Measured, type Results, table } from "../evaluation/index.ts"
import type { Presets } from "../pipelines/index.ts"
import { type Example } from "../studies/index.ts"
import { caution, ofFewWords } from "./embedded.ts"
import { type Engine, localOf } from "./engine/flags.ts"
import * as AtEngine from "./engine/policy.ts"
import { recorded, type Study } from "./flags.ts"
import { check } from "./policy.ts"
import { working } from "./working.ts"

const metrics = [
  "JSD",
  "mAP@0.5",
  "mAP@[.5:.95]",
  "IoU",
  "recall@0.5",
  "win rate",
  "accuracy",
  "valid",
  "reward",
  "cue precision",
  "cue recall",
  "grounded"
]

/**
 * The printed table: the metrics that a task has, the first of them also under the grammar. results.json and the report
 * have all that was measured.
 */
export const printed = (rows: ReadonlyArray<Results.ResultRow>): string => {
  const has = (name: string) => rows.some(({ metric }) => metric === name)
  const first = metrics.find((metric) => has(masked(metric)))
  return table(
    // The few pictures that reasonings are held against stand for all parts.
    rows.filter(({ metric, part }) => metric !== "grounded" || part === "all"),
    metrics.filter(has).flatMap((metric) => metric === first ? [metric, masked(metric)] : [metric]),
    process.stdout.isTTY ? process.stdout.columns : undefined
  )
}

const indented = (text: string) => text.split("\n").map((line) => `    ${line}`).join("\n")

/** A few test pictures with what a method wrote about them. */
const spoken = (examples: ReadonlyArray<Example>, by: string): string =>
  // As they come: the report has the worst ones first.
  examples.toSorted((a, b) => Number(a.worst ?? false) - Number(b.worst ?? false)).slice(0, 3).map((
    { image, part, question, said, truth }
  ) =>
    [
      `  ${image}${part === null ? "" : ` (${part})`}${question === undefined ? "" : `  ${question}`}  truth: ${truth}`,
      indented(said.find(({ method }) => method === by)?.text ?? "")
    ].join("\n")
  ).join("\n")

/** What `study` needs to know of a study: its flags, its task and its data. */
export interface StudyOptions<A, E, R> {
  /** Names the default folder. */
  readonly name: string
  /** The settings that run. */
  readonly preset: Presets.Preset
  /** What run.json records beside them. */
  readonly config?: Identity
  /** What the report says of how they were chosen. */
  readonly notes?: ReadonlyArray<string>
  readonly flags: Study & Engine
  readonly task: Task<A>
  readonly source: {
    readonly name: string
    readonly notes?: ReadonlyArray<string>
    readonly train: Stream.Stream<Sample<A>, E, R>
    readonly test: Stream.Stream<Sample<A>, E, R>
  }
}

/** What a comparison gives. */
interface Comparison {
  readonly rows: ReadonlyArray<Results.ResultRow>
  readonly examples: ReadonlyArray<Example>
  /** The method whose model is kept. */
  readonly saved: string | undefined
  /** How it was trained, as far as that says what to do where it has not learned. */
  readonly measured: Measured
  /** Standard errors of its differences to other methods, by their names. */
  readonly errors: ReadonlyMap<string, number>
}

/**
 * Runs a comparison in the folder that the flags ask for, prints its table and three examples, and says where the rest
 * is.
 */
export const study =
  <A, E, R>({ config = {}, flags, name, notes = [], preset, source, task }: StudyOptions<A, E, R>) =>
  <E2, R2>(comparison: Effect.Effect<Comparison, E2, R2>) =>
    Effect.gen(function*() {
      yield* check(flags)
      const unseen = Option.isSome(flags.data) && (yield* ofFewWords(localOf(flags)))
      if (unseen) yield* Console.error(caution)
      const { out, result: { errors, examples, measured, rows, saved } } = yield* working({
        flags,
        name,
        task,
        train: source.train,
        test: source.test,
        config: { ...recorded(flags, preset), ...AtEngine.recorded(flags), ...config },
        caution: unseen ? caution : undefined,
        notes,
        read: source.notes
      })(() => comparison)
      yield* Console.log(`\n${source.name}, seed ${flags.seed}, preset ${preset.name}\n\n${printed(rows)}\n`)
      const by = saved ?? "the model"
      yield* Console.log(
        `What ${by} says:\n${spoken(examples, by)}\n\nEverything is in ${out} (report.html, results.json, model/).`
      )
      return { out, rows, saved, measured, errors }
    })
