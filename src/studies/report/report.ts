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
import * as Curves from "./Curves.ts"
import { type PageData, render } from "./Page.ts"

/** More than a page can show, and far more than a run writes. */
const [mostResults, mostExamples, mostReasons] = [10_000, 500, 1000]

const ResultRows = Schema.Array(ResultRow).check(Schema.isMaxLength(mostResults))
const Examples = Schema.Array(Example).check(Schema.isMaxLength(mostExamples))
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

const MetricRow = Schema.Record(Schema.String, Schema.Json)

/** Warnings that are shown. */
const most = 50

/** What stages warned of, in the order it came. */
const warningsOf = (file: string) =>
  lines(file, MetricRow).pipe(
    Stream.filter(({ warning }) => typeof warning === "string"),
    Stream.map(({ method, stage, warning }) => `${method === undefined ? "" : `${method} / `}${stage}: ${warning}`),
    Stream.take(most),
    Stream.runCollect
  )

const histogramOf = Effect.fnUntraced(function*(file: string, tau: number) {
  const sum = yield* Stream.runFold(
    lines(file, CotRow),
    () => ({ counts: Array.from({ length: binCount }, () => 0), kept: 0, of: 0 }),
    ({ counts, kept, of }, { reward }) => {
      const bin = Math.max(0, Math.min(binCount - 1, Math.floor(reward * binCount)))
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
    return "The run has not finished: there are no results yet. " +
      `Its command goes on with it by --out ${directory} --resume.`
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
  const found = yield* json(at("results.json"), ResultRows)
  const run = yield* json(at("run.json"), RunJson)
  if (Option.isNone(found) && Option.isNone(run)) {
    return yield* fail(
      (yield* there("."))
        ? "holds no run.json and no results.json, so it is no run folder: name the one that --out, or out in a " +
          "script, named"
        : "no such folder: name a run folder, such as runs/mine"
    )
  }
  if (Option.isNone(found) && !(yield* there("metrics.jsonl"))) {
    return yield* fail("its run has not come to its first step: there is nothing to report yet")
  }
  const { about = {}, identity } = Option.getOrElse(run, (): typeof RunJson.Type => ({ identity: {} }))
  const results = Option.getOrElse(found, () => [])
  const facts = new Map(factsOf(identity, ""))
  const curves = yield* Curves.read(at("metrics.jsonl"))
  // The τ that was used: it may have sunk below the one that was asked for.
  const used = curves.find(({ stage }) => stage === "filter" || stage === "RISE / filter")?.last.get("tau")
  const tau = used ?? Number(facts.get("config.settings.filter.tau") ?? facts.get("stages.filter.tau") ?? 0.75)
  const quarantined = yield* Stream.runFold(
    lines(at("quarantine.jsonl"), QuarantineRow),
    () => new Map<string, number>(),
    (counts, { reason }) => {
      const known = counts.has(reason) || counts.size < mostReasons ? reason : "other reasons"
      return counts.set(known, (counts.get(known) ?? 0) + 1)
    }
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
    warnings: yield* warningsOf(at("metrics.jsonl")),
    curves,
    histogram: yield* histogramOf(at("cot.jsonl"), tau),
    examples: Option.getOrElse(yield* json(at("examples.json"), Examples), () => []),
    quarantined
  }
  yield* Atomic.writeText(at("report.html"), render(data))
  return at("report.html")
})
