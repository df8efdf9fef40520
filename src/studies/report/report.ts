/**
 * `report.html` and `report/` from the files of a run folder, whenever one likes: nothing is trained or sampled for it.
 */
import { Effect, FileSystem, Option, Path, Predicate, Schema, Stream } from "effect"
import * as Atomic from "../../dsl/Atomic.ts"
import { Ended, errorFile } from "../../dsl/Ended.ts"
import * as Ledger from "../../dsl/Ledger.ts"
import * as Links from "../../dsl/Links.ts"
import { Row } from "../../dsl/Quarantine.ts"
import { RunFileError } from "../../dsl/RunError.ts"
import { endByHeart } from "../../dsl/stages/ByHeart.ts"
import { comparedWith, masked, Measured, standardErrors, verdict } from "../../evaluation/index.ts"
import { Prediction, predictionsFile, ResultRow } from "../../evaluation/Results.ts"
import * as Nearby from "../../kernels/runtime/Nearby.ts"
import { there } from "../../kernels/runtime/there.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import { json, lines } from "../artefacts.ts"
import { Data, dataFile } from "../data.ts"
import * as Drawing from "../Drawing.ts"
import { Example } from "../examples.ts"
import { picturesFile } from "../gallery.ts"
import { kept } from "../kept.ts"
import { Labels, labelsFile } from "../labels.ts"
import { paced } from "../paced.ts"
import * as Answers from "./Answers.ts"
import * as Curves from "./Curves.ts"
import { doubts } from "./Doubts.ts"
import * as Facts from "./Facts.ts"
import * as Loops from "./Loops.ts"
import * as Machine from "./Machine.ts"
import * as Now from "./Now.ts"
import * as Opening from "./Opening.ts"
import { type PageData, render } from "./Page.ts"
import * as Rewards from "./Rewards.ts"
import * as Samples from "./Samples.ts"
import * as Side from "./Side.ts"

/** More than a page can show, and far more than a run writes. */
const [mostResults, mostExamples, mostReasons] = [10_000, 500, 1000]

const ResultRows = Schema.Array(ResultRow).check(Schema.isMaxLength(mostResults))
const Examples = Schema.Array(Example).check(Schema.isMaxLength(mostExamples))
/** Rows that were set aside, shown one by one. */
const shownAside = 100
const RunJson = Schema.Struct({
  identity: Schema.Record(Schema.String, Schema.Json),
  about: Schema.optional(Schema.Struct({
    ...Machine.About.fields,
    /** The task's description, as `Task.described` has it. */
    task: Schema.optional(Schema.Json),
    lowerIsBetter: Schema.optional(Schema.Array(Schema.String)),
    metric: Schema.optional(Schema.String),
    measured: Schema.optional(Measured),
    notes: Schema.optional(Schema.Array(Schema.String)),
    read: Schema.optional(Schema.Array(Schema.String)),
    caution: Schema.optional(Schema.String)
  }))
})

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

/** What the results come to by the task's first metric, if they can say it. */
const verdictOf = (
  file: string,
  results: ReadonlyArray<ResultRow>,
  { lowerIsBetter = [], measured, metric }: NonNullable<typeof RunJson.Type["about"]>
) =>
  Effect.gen(function*() {
    const method = kept([...new Set(results.map((row) => row.method))])
    if (metric === undefined || method === undefined) return []
    const direction = lowerIsBetter.includes(metric) ? "lower" as const : "higher" as const
    const errors = yield* standardErrors(lines(file, Prediction), { method, metric, others: comparedWith })
    return Option.toArray(verdict(results, method, { name: metric, direction }, measured, errors))
      .map(({ sentence }) => sentence)
  })

/** Why there are no results, and how to come by them. */
const missing = (
  directory: string,
  identity: typeof RunJson.Type["identity"],
  { finished, model }: { readonly finished: boolean; readonly model: boolean }
): string => {
  const script = identity["stages"] !== undefined
  if (!script) {
    return "The run has not finished: there are no results yet. " +
      `Its command goes on with it by --out ${directory} --resume.`
  }
  if (finished && !model) return `Nothing was trained, so there is no model: the chains are in ${directory}/cot.jsonl.`
  return model
    ? `Nothing was measured in this folder, which a script wrote: npx rise evaluate --model ${directory}/model ` +
      "--data PICTURES measures the model."
    : "The run has not finished: there is no model yet. " +
      `Rise.run({ out: ${JSON.stringify(directory)}, resume: true }) in its script goes on with it.`
}

/** Stages that train, by the names that a script's run.json has them under. */
const trains = ["warmUp", "reinforce", "sft", "rft"]

/** Options of `report`. */
export interface ReportOptions {
  /** What the run is doing, where it is under way. Default: what the folder says. */
  readonly now?: Option.Option<Now.Now>
  /** Whether all answers and chains are written beside the page. Default true. */
  readonly browse?: boolean
}

/** What a report says first, of a run that has no results. */
const unfinished = (
  directory: string,
  identity: typeof RunJson.Type["identity"],
  there: Parameters<typeof missing>[2],
  now: boolean
) => now ? "There are no results yet: the run is under way." : missing(directory, identity, there)

/**
 * Writes `report.html` into the folder of a run, with `report/` beside it, and returns its path: of a script's run, or
 * of one that has not finished, with what is there. Fails where the folder holds no run.
 */
export const report = Effect.fn("rise.report")(function*(directory: string, options: ReportOptions = {}) {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  const at = (name: string) => path.join(directory, name)
  const fail = (reason: string) => new RunFileError({ path: directory, reason })
  const type = yield* Effect.match(fs.stat(directory), { onFailure: () => "Directory", onSuccess: ({ type }) => type })
  if (type !== "Directory") {
    return yield* fail(`is a ${type.toLowerCase()}, expected the folder of a run: name one, such as runs/mine`)
  }
  // The run itself writes its report before its ledger knows all; of a folder that is looked at later it does.
  const now = options.now === undefined
    ? yield* Now.read(directory)
    : options.now
  const doubted = options.now === undefined && Option.isNone(now)
  const found = yield* json(at("results.json"), ResultRows)
  const run = yield* json(at("run.json"), RunJson)
  if (Option.isNone(found) && Option.isNone(run)) {
    return yield* fail(
      (yield* there(directory))
        ? "holds no run.json and no results.json, so it is no run folder: name the one that --out, or out in a " +
          "script, named"
        : `no such folder${(yield* Nearby.meant(directory)) || ": name a run folder, such as runs/mine"}`
    )
  }
  yield* Links.refuseIn(directory, ["report.html", Side.folder])
  const { browse = true } = options
  const doubtful = doubted ? yield* doubts(directory) : []
  yield* Effect.forEach(doubtful, warn, { discard: true })
  const { about = {}, identity } = Option.getOrElse(run, (): typeof RunJson.Type => ({ identity: {} }))
  const results = Option.getOrElse(found, () => [])
  const facts = new Map(Facts.of(identity))
  const curves = yield* Curves.read(at("metrics.jsonl"))
  // The τ that was used: it may have sunk below the one that was asked for.
  const used = curves.find(({ stage }) => stage === "filter" || stage === "RISE / filter")?.last.get("tau")
  const stages = identity["stages"]
  const named = Predicate.isObject(stages) ? Object.keys(stages) : undefined
  const ledger = yield* json(at(Ledger.fileName), Schema.Struct({ finished: Schema.Boolean }))
  const finished = Option.exists(ledger, ({ finished }) => finished)
  const weighted = facts.has("config.settings.filter.soft") || facts.has("stages.filter.soft")
  const asked = Number(facts.get("config.settings.filter.tau") ?? facts.get("stages.filter.tau") ?? 0.75)
  // A script's run filters where it says so.
  const filters = (named === undefined || named.includes("filter")) && !weighted
  const tau = filters ? used ?? asked : undefined
  const aside = yield* Stream.runFold(
    lines(at("quarantine.jsonl"), Row),
    () => ({ counts: new Map<string, number>(), first: new Array<Row>() }),
    ({ counts, first }, row) => {
      const known = counts.has(row.reason) || counts.size < mostReasons ? row.reason : "other reasons"
      counts.set(known, (counts.get(known) ?? 0) + 1)
      if (first.length < shownAside) first.push(row)
      return { counts, first }
    }
  )
  const drawing = Drawing.make(about.task)
  const metric = about.metric ?? "reward"
  const lower = new Set((about.lowerIsBetter ?? []).flatMap((metric) => [metric, masked(metric)]))
  const answers = Option.filter(
    browse ? Option.some(yield* Answers.read(at, drawing, metric)) : Option.none<Answers.Answers>(),
    ({ samples }) => samples.length > 0
  )
  const main = kept([...new Set(results.map((row) => row.method))])
  yield* Side.make(directory)
  const loops = browse ? yield* Loops.write(directory, drawing) : { names: [], pictured: true, index: Option.none() }
  const countOf = (half: "train" | "test") => {
    const value = facts.get(`data.${half}.samples`)
    return value === undefined ? undefined : Facts.used(facts, `data.${half}.samples`, value).replace(/ of .*/, "")
  }
  const trainedOn = countOf("train") ?? facts.get("data.samples")
  const lessons = curves.find(({ stage }) => stage === `${main} / sft`)?.figures.get("loss") ?? []
  const byHeart = endByHeart(lessons.map(([, loss]) => loss))
  const taught = named === undefined || named.some((stage) => trains.includes(stage))
  const done = facts.has("config.training")
    ? "audited"
    : trainedOn === "0"
    ? "measured"
    : taught
    ? "taught"
    : "explained"
  const measures = done === "measured" ? "test" : undefined
  const ended = yield* json(at(errorFile), Ended)
  const shortened = yield* paced(directory)
  // The run of a script keeps none.
  const picturesLater = Option.isSome(now) && stages === undefined && !(yield* there(at(picturesFile)))
  const data: PageData = {
    title: Opening.title(done, facts.get("task") ?? "a task"),
    facts: Facts.rows(facts),
    results,
    opening: {
      done: run.pipe(Option.match({
        onNone: () => "",
        onSome: () =>
          Opening.done(drawing, {
            task: facts.get("task") ?? "a task",
            model: facts.get("config.model"),
            source: facts.get("config.source"),
            trained: trainedOn,
            tested: countOf("test"),
            done
          }, Option.isSome(now))
      })),
      compared: [
        ...(main === undefined
          ? []
          : ["SFT", "Visual-RFT"].flatMap((other) => Option.toArray(Opening.compared(results, lower, main, other)))),
        Opening.setAside(aside.counts, measures)
      ]
    },
    doubts: doubtful,
    sentences: [
      ...(Option.isSome(now) ? [] : Option.toArray(ended)).map(({ message }) =>
        `The run ended with an error: ${message}`
      ),
      // A run that trains does not note it: its curves say it. Nor did evaluations of earlier versions.
      ...(yield* verdictOf(at(predictionsFile), results, {
        ...about,
        measured: about.measured ?? (trainedOn === "0" ? "served" : byHeart ? "byHeart" : "trained")
      })),
      ...(Option.isNone(found)
        ? [unfinished(directory, identity, { finished, model: yield* there(at("model")) }, Option.isSome(now))]
        : []),
      ...(about.notes ?? []).map(Opening.sentence),
      ...(shortened === "" ? [] : [shortened])
    ],
    drawing,
    data: yield* json(at(dataFile), Data),
    half: measures,
    draws: Number(facts.get("config.samples") ?? 1),
    aside,
    read: about.read ?? [],
    labels: yield* json(at(labelsFile), Labels),
    metric: about.metric,
    kept: main,
    lower,
    caution: Option.fromNullishOr(about.caution),
    warnings: yield* warningsOf(at("metrics.jsonl")),
    curves,
    histogram: yield* Rewards.histogram(at("cot.jsonl"), tau),
    examples: Option.getOrElse(yield* json(at("examples.json"), Examples), () => []),
    answers,
    picturesLater,
    loops: {
      pictured: loops.pictured,
      verdicts: browse ? yield* Loops.verdicts(directory) : new Map(),
      shown: Option.match(loops.index, { onNone: () => 0, onSome: ({ image }) => image.length })
    },
    settings: [...facts]
  }
  const html = render(data)
  const samples = yield* Option.match(answers, {
    onNone: () => Effect.succeed([]),
    onSome: (found) => Samples.write(directory, drawing, found)
  })
  yield* Side.write(directory, "index", {
    labels: drawing.labels,
    tau: tau ?? null,
    picturesLater,
    loops: Option.getOrNull(loops.index),
    answers: Option.match(answers, {
      onNone: () => null,
      onSome: (found) => Samples.index(found, { metric, lower: lower.has(metric), kept: main, kind: drawing.kind })
    })
  })
  if (Option.isNone(now)) yield* Now.remove(directory)
  yield* Side.tidy(directory, new Set(["index", "run", ...loops.names, ...samples]))
  yield* Atomic.writeText(at("report.html"), html)
  yield* Side.write(directory, "run", yield* Machine.read(at, about, now))
  return at("report.html")
})
