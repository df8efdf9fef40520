/**
 * `report.html` from the files of a run folder, whenever one likes: nothing is trained or sampled for it.
 */
import { Effect, FileSystem, Option, Path, Schema, Stream } from "effect"
import * as Atomic from "../../dsl/Atomic.ts"
import { CotRow } from "../../dsl/Rise.ts"
import { RunFileError } from "../../dsl/RunError.ts"
import { masked, verdict } from "../../evaluation/index.ts"
import { ResultRow } from "../../evaluation/Results.ts"
import { json, lines } from "../artefacts.ts"
import { Example } from "../examples.ts"
import { kept } from "../kept.ts"
import { Labels, labelsFile } from "../labels.ts"
import { type Curve, type PageData, render } from "./Page.ts"

const MetricRow = Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Number]))
const QuarantineRow = Schema.Struct({ reason: Schema.String })
const RunJson = Schema.Struct({
  identity: Schema.Record(Schema.String, Schema.Json),
  about: Schema.optional(Schema.Struct({
    lowerIsBetter: Schema.optional(Schema.Array(Schema.String)),
    metric: Schema.optional(Schema.String),
    notes: Schema.optional(Schema.Array(Schema.String)),
    caution: Schema.optional(Schema.String)
  }))
})

const binCount = 25

const curvesOf = (file: string) =>
  Effect.map(
    Stream.runFold(lines(file, MetricRow), () =>
      new Map<string, Map<string, Array<readonly [number, number]>>>(), (stages, row) => {
      const name = row["method"] === undefined ? String(row["stage"]) : `${row["method"]} / ${row["stage"]}`
      const figures = stages.get(name) ?? new Map<string, Array<readonly [number, number]>>()
      stages.set(name, figures)
      for (const [figure, value] of Object.entries(row)) {
        if (typeof value !== "number" || figure === "step" || figure === "of") {
          continue
        }
        const points = figures.get(figure) ?? []
        figures.set(figure, points)
        points.push([Number(row["step"]), value])
      }
      return stages
    }),
    (stages) =>
      [...stages].map(([stage, figures]): Curve => ({
        stage,
        figures,
        selected: Option.fromNullishOr(figures.get("selected step")?.at(-1)?.[1])
      }))
  )

const histogramOf = Effect.fnUntraced(function*(file: string, tau: number) {
  const sum = yield* Stream.runFold(
    lines(file, CotRow),
    () => ({ counts: Array.from({ length: binCount }, () => 0), kept: 0, of: 0 }),
    ({ counts, kept, of }, { reward }) => {
      const bin = Math.min(binCount - 1, Math.floor(reward * binCount))
      counts[bin] = (counts[bin] ?? 0) + 1
      return { counts, kept: kept + (reward >= tau ? 1 : 0), of: of + 1 }
    }
  )
  return sum.of === 0 ? Option.none() : Option.some({ ...sum, tau })
})

/** Scalars of run.json, by dotted path: what the head of the page shows. */
const factsOf = (value: Schema.Json, at: string): ReadonlyArray<readonly [string, string]> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value).flatMap(([key, inner]) => factsOf(inner, at === "" ? key : `${at}.${key}`))
    : [[at, String(value)]]

const shown: Readonly<Record<string, string>> = {
  task: "task",
  seed: "seed",
  "config.preset": "preset",
  "config.model": "model",
  "config.source": "data",
  "config.shots": "shots",
  "data.samples": "samples",
  "data.train.samples": "training samples",
  "data.test.samples": "test samples"
}

/**
 * How many samples of a half were used, where a preset takes only its first: a run's settings lie one level deeper than
 * a cell's.
 */
const usedOf = (facts: ReadonlyMap<string, string>, name: string, value: string): string => {
  const [, half] = /^data\.(train|test)\.samples$/.exec(name) ?? []
  const limit = Number(facts.get(`config.settings.limit.${half}`) ?? facts.get(`config.limit.${half}`))
  return limit < Number(value) ? `${limit} of ${value}` : value
}

/** What the results come to by the task's first metric, if they can say it. */
const verdictOf = (
  results: ReadonlyArray<ResultRow>,
  { lowerIsBetter = [], metric }: NonNullable<typeof RunJson.Type["about"]>
): ReadonlyArray<string> => {
  const method = kept([...new Set(results.map((row) => row.method))])
  if (metric === undefined || method === undefined) return []
  const direction = lowerIsBetter.includes(metric) ? "lower" as const : "higher" as const
  return Option.toArray(verdict(results, method, { name: metric, direction })).map(({ sentence }) => sentence)
}

/** Why there are no results, and how to come by them. */
const missing = (directory: string, identity: typeof RunJson.Type["identity"], model: boolean): string => {
  const script = identity["stages"] !== undefined
  if (!script) {
    return `The run has not finished: there are no results yet. Its command goes on with it by --out ${directory} --resume.`
  }
  return model
    ? `Nothing was measured in this folder, which a script wrote: npx rise evaluate --model ${directory}/model ` +
      "--data PICTURES measures the model."
    : "The run has not finished: there is no model yet. " +
      `Rise.run({ out: ${JSON.stringify(directory)}, resume: true }) in its script goes on with it.`
}

/**
 * Writes `report.html` into the folder of a run and returns its path: of a script's run, or of one that has not
 * finished, with what is there. Fails where the folder holds no run, or nothing to show of it yet.
 */
export const report = Effect.fn("rise.report")(function*(directory: string) {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  const at = (name: string) => path.join(directory, name)
  const fail = (reason: string) => new RunFileError({ path: directory, reason })
  const there = (name: string) => Effect.orElseSucceed(fs.exists(at(name)), () => false)
  const found = yield* json(at("results.json"), Schema.Array(ResultRow))
  const run = yield* json(at("run.json"), RunJson)
  if (Option.isNone(found) && Option.isNone(run)) {
    return yield* fail(
      (yield* there("."))
        ? "holds no run.json and no results.json, so it is no run folder: name the one that --out, or out in a script, named"
        : "no such folder: name a run folder, such as runs/mine"
    )
  }
  if (Option.isNone(found) && !(yield* there("metrics.jsonl"))) {
    return yield* fail("its run has not come to its first step: there is nothing to report yet")
  }
  const { about = {}, identity } = Option.getOrElse(run, (): typeof RunJson.Type => ({ identity: {} }))
  const results = Option.getOrElse(found, () => [])
  const facts = new Map(factsOf(identity, ""))
  const curves = yield* curvesOf(at("metrics.jsonl"))
  // The τ that was used: it may have sunk below the one that was asked for.
  const used = curves.find(({ stage }) => stage === "filter" || stage === "RISE / filter")?.figures.get("tau")?.at(-1)
  const asked = facts.get("config.settings.filter.tau") ?? facts.get("stages.filter.tau")
  const tau = used?.[1] ?? Number(asked ?? 0.75)
  const quarantined = yield* Stream.runFold(
    lines(at("quarantine.jsonl"), QuarantineRow),
    (): Record<string, number> => ({}),
    (counts, { reason }) => ({ ...counts, [reason]: (counts[reason] ?? 0) + 1 })
  )
  const data: PageData = {
    title: `RISE on ${facts.get("task") ?? "a task"}`,
    facts: [...facts].flatMap(([name, value]) => {
      const label = shown[name]
      return label === undefined ? [] : [[label, usedOf(facts, name, value)] as const]
    }),
    results,
    sentences: [
      ...verdictOf(results, about),
      ...(Option.isNone(found) ? [missing(directory, identity, yield* there("model"))] : []),
      ...(about.notes ?? [])
    ],
    labels: yield* json(at(labelsFile), Labels),
    lower: new Set((about.lowerIsBetter ?? []).flatMap((metric) => [metric, masked(metric)])),
    caution: Option.fromNullishOr(about.caution),
    curves,
    histogram: yield* histogramOf(at("cot.jsonl"), tau),
    examples: Option.getOrElse(yield* json(at("examples.json"), Schema.Array(Example)), () => []),
    quarantined
  }
  yield* Atomic.writeText(at("report.html"), render(data))
  return at("report.html")
})
