/**
 * The paper's comparison: base, SFT, Visual-RFT and RISE on one data set, each from the same start in a policy of its
 * own, under one preset, measured by one evaluation.
 *
 * Departs from the paper: adds the `prior` (the training half's mean annotation), the shared start by itself where
 * there is a warm-up, and on request the baselines with all of RISE's optimiser steps.
 */
import { Effect, Layer, Option, Schema, Stream } from "effect"
import * as ModelCard from "../dsl/ModelCard.ts"
import * as Progress from "../dsl/Progress.ts"
import * as Rise from "../dsl/Rise.ts"
import { method as within, named, Run } from "../dsl/Run.ts"
import * as Able from "../dsl/stages/Able.ts"
import { ahead, type Planned } from "../dsl/stages/Ahead.ts"
import { knows } from "../dsl/stages/ByHeart.ts"
import { filledStage } from "../dsl/stages/Settings.ts"
import type { Sample, Task } from "../dsl/Task.ts"
import { chainRows } from "../evaluation/chains.ts"
import { evaluate, evaluateConstant } from "../evaluation/evaluate.ts"
import { imageSwap, stage as imageSwapStage } from "../evaluation/imageSwap/ImageSwap.ts"
import { standardErrorsOf } from "../evaluation/paired.ts"
import * as Results from "../evaluation/Results.ts"
import { type Measured, verdict } from "../evaluation/verdict.ts"
import { winRates } from "../evaluation/winRate.ts"
import { imageSwapping } from "../pipelines/cost.ts"
import { equalCompute, isTried, type Preset } from "../pipelines/Presets.ts"
import { rise } from "../pipelines/rise.ts"
import { sft } from "../pipelines/sft.ts"
import { visualRft } from "../pipelines/visualRft.ts"
import type { Start } from "../pipelines/warmUp.ts"
import { Policy } from "../policy/Policy.ts"
import { type Bar, examples } from "./examples.ts"
import { kept } from "./kept.ts"
import { labels } from "./labels.ts"

/** Methods by the name of their rows. "RISE" is what the others are compared with. */
export type Methods<A, E, R> = Readonly<Record<string, Rise.Pipeline<"Tuned" | "Strengthened", A, E, R>>>

/** The paper's three. */
export const methods = (preset: Preset) => <A, E, R>(start: Start<A, E, R>) => ({
  SFT: start.pipe(sft(preset)),
  "Visual-RFT": start.pipe(visualRft(preset)),
  RISE: start.pipe(rise(preset))
})

/** The baselines with as many optimiser steps as RISE takes in all. */
export const equalComputeBaselines = (preset: Preset) => <A, E, R>(start: Start<A, E, R>) => ({
  "SFT (equal compute)": start.pipe(sft(equalCompute(preset))),
  "Visual-RFT (equal compute)": start.pipe(visualRft(equalCompute(preset)))
})

/** Options of `compare`: what is compared, and on what. */
export interface CompareOptions<A, E, R, EP, RP> {
  /** D and the shared warm-up, from `warmUp`. */
  readonly start: Start<A, E, R>
  /** The methods, each a pipeline that begins with `start`. */
  readonly methods: Methods<A, E | Rise.Fault | Rise.StageError, R | Policy | Run>
  /** The samples that all are measured on. Replayable. */
  readonly test: Stream.Stream<Sample<A>, E, R>
  /** Settings of the evaluation. */
  readonly preset: Preset
  /** Built anew for every method. */
  readonly policy: Layer.Layer<Policy, EP, RP>
  /** The mean of training annotations, for the `prior` row. */
  readonly mean?: <E2, R2>(truths: Stream.Stream<A, E2, R2>) => Effect.Effect<A, E2, R2>
  /** The cues a text names, for groundedness. */
  readonly cuesNamed?: ((text: string) => Iterable<string>) | undefined
  /** How an annotation is drawn in the report. */
  readonly bars?: (annotation: A) => ReadonlyArray<Bar>
  /** Named in results. Default "full". */
  readonly shots?: string
}

const Rows = Schema.Array(Results.ResultRow)

/** Rows of methods that write a reasoning. */
const thinking = <A, E, R>(
  start: Start<A, E, R>,
  methods: Methods<A, E | Rise.Fault | Rise.StageError, R | Policy | Run>
): ReadonlyArray<string> => [
  "base",
  ...(start.stage === "Warmed" ? ["warmed"] : []),
  ...Object.entries(methods).flatMap(([name, { form }]) => form === "think" ? [name] : [])
]

/** Tells the view of all stages of all methods. */
const announce = <A, E, R, EP, RP>(
  { mean, methods, preset, start }: CompareOptions<A, E, R, EP, RP>,
  test: Stream.Stream<Sample<A>, E, R>
) =>
  Effect.gen(function*() {
    const tested = yield* Stream.runCount(test)
    const data = yield* Stream.runCount(start.data)
    const { validation: share } = preset
    const sizes = { data, validation: Math.round(data * share / (1 - share)) }
    const asking = (pass: string): Planned => ({
      stage: pass,
      counted: (_, { drawnAlone }) => tested * drawnAlone / 1000
    })
    const evaluating = [
      asking("evaluate"),
      ...(start.task.grammar !== undefined ? [asking("evaluate-masked")] : [])
    ]
    const of = (method: string, planned: ReadonlyArray<Planned>) => ahead(planned, sizes, named(method))
    const swapping = (method: string) =>
      of(method, [{ stage: imageSwapStage, counted: (_, pace) => imageSwapping(tested, pace) }])
    const stages = [
      ...(mean === undefined ? [] : of("prior", [{ stage: "evaluate", counted: () => 0 }])),
      ...of("base", evaluating),
      ...(start.stage === "Warmed" ? of("warmed", [...start.plan, ...evaluating]) : []),
      ...Object.entries(methods).flatMap(([name, { plan }]) =>
        of(name, [...plan.slice(start.plan.length), ...evaluating])
      ),
      ...thinking(start, methods).flatMap(swapping)
    ]
    yield* Progress.report(Progress.Event.Planned({ stages }))
  })

/** How a method was trained, for who is told what to do about it. */
const whoseOf = (method: string) => Effect.map(knows(method), (byHeart): Measured => byHeart ? "byHeart" : "trained")

/** Says of a method that is no better than the prior, before the next one is trained. */
const tellUnlearned = <A>(task: Task<A>, rows: ReadonlyArray<Results.ResultRow>, method: string) =>
  Effect.gen(function*() {
    const [metric] = task.metrics ?? []
    if (metric === undefined) return
    const errors = yield* standardErrorsOf(method, metric.name)
    const said = (measured: Measured) => verdict(rows, method, metric, measured, errors)
    if (Option.match(said("trained"), { onNone: () => true, onSome: ({ learned }) => learned })) return
    const stage = "evaluate"
    // Why it learned nothing is in the steps, which are many: they are read for nobody who did learn.
    const text = Option.match(said(yield* whoseOf(method)), { onNone: () => "", onSome: ({ sentence }) => sentence })
    yield* (yield* Run).metric({ stage, step: 1, of: 1, warning: text })
    yield* Progress.report(Progress.Event.Warned({ stage: named(method)(stage), text }))
  })

/** Fails on the first setting of any method that cannot mean anything, before there is any work or a folder for it. */
export const sound = <A, E, R, EP, RP>(
  { methods, start }: Pick<CompareOptions<A, E, R, EP, RP>, "methods" | "start">
) =>
  Effect.gen(function*() {
    yield* start.sound
    for (const [name, { sound }] of Object.entries(methods)) yield* within(name)(sound)
  })

/** Runs the whole comparison within the current run and writes results.json, examples.json and model/. */
export const compare = <A, E, R, EP, RP>(options: CompareOptions<A, E, R, EP, RP>) =>
  Effect.gen(function*() {
    const run = yield* Run
    const { bars, cuesNamed, mean, policy, preset, shots = "full", start } = options
    const { task } = start
    // The last method's turn comes late.
    yield* sound(options)
    const { limit } = preset
    const test = limit?.test === undefined ? options.test : Stream.take(options.test, limit.test)
    yield* announce(options, test)
    const saved = kept(Object.keys(options.methods))
    const common = { task, data: test, ...preset.evaluate, shots, cuesNamed }

    const prior = mean === undefined ? [] : yield* evaluateConstant({
      ...common,
      method: "prior",
      annotation: yield* mean(Stream.map(start.data, ({ truth }) => truth))
    })

    /** One method: trained in a fresh policy, evaluated there, and not touched again when the run is resumed. */
    const row = <E2, R2>(name: string, form: Rise.Form, work: Effect.Effect<void, E2, R2>) => {
      const trained = Effect.gen(function*() {
        yield* work
        if (name === saved) yield* Rise.saveModel(task, form)
        const found = yield* evaluate({ ...common, method: name, form })
        if (name in options.methods) yield* tellUnlearned(task, [...prior, ...found], name)
        return found
      })
      return run.within(name).once("method", Rows, trained.pipe(within(name), Effect.provide(Layer.fresh(policy))))
    }

    /**
     * What this engine cannot do, and answers that cannot be written, are refused in the first policy that there is:
     * before the first step of any method.
     */
    const able = Effect.forEach(
      Object.entries(options.methods),
      ([name, { described, form }]) =>
        within(name)(Able.check(task, described, {
          tried: isTried(preset),
          // What all start from thinks, too.
          asked: (["think", form] as const).map((form) => ({ stage: "evaluate", form, ...preset.evaluate }))
        })),
      { discard: true }
    )
    const rows = [
      ...prior,
      ...(yield* row("base", "think", able)),
      ...(start.stage === "Warmed" ? yield* row("warmed", "think", start.ready) : [])
    ]
    for (const [name, pipeline] of Object.entries(options.methods)) {
      rows.push(...(yield* row(name, pipeline.form, pipeline.ready)))
    }
    const pipeline = saved === undefined ? undefined : options.methods[saved]
    if (saved !== undefined && pipeline !== undefined && (yield* Run).damaged("model")) {
      // It was whole when its method was finished: its last checkpoint still is.
      yield* Effect.andThen(pipeline.ready, Rise.saveModel(task, pipeline.form)).pipe(
        within(saved),
        Effect.provide(Layer.fresh(policy))
      )
    }
    rows.push(
      ...(yield* imageSwap({
        methods: thinking(start, options.methods),
        task,
        data: test,
        witness: Layer.fresh(policy),
        shots
      }))
    )
    const names = [...new Set(rows.map((found) => found.method))]
    rows.push(...(yield* chainRows(start.data, { ...common, tau: filledStage(preset.filter).tau })))
    rows.push(...(yield* winRates(task, names, { shots, seed: run.seed })))
    yield* Results.write(rows)
    if (saved !== undefined && pipeline !== undefined && !run.sealed) {
      yield* ModelCard.write(task, pipeline.form, {
        method: saved,
        figures: rows.filter((row) => row.method === saved)
      })
    }
    if (saved !== undefined && bars !== undefined) yield* labels({ task, method: saved, bars })
    const shown = yield* examples({ task, test, methods: names, of: saved, ...(bars === undefined ? {} : { bars }) })
    return {
      rows,
      examples: shown,
      saved,
      measured: saved === undefined ? "trained" : yield* whoseOf(saved),
      errors: saved === undefined ? new Map<string, number>() : yield* standardErrorsOf(saved, task.metrics?.[0]?.name)
    }
  })
