/**
 * Methods and settings cut to a time, and how a resumed run finds them again.
 */
import { Effect, Option, Path, Result, Schema } from "effect"
import * as TextFile from "../../dsl/TextFile.ts"
import { inPercent } from "../../kernels/text/inPercent.ts"
import * as Json from "../../kernels/weights/Json.ts"
import {
  ConfigError,
  everything,
  fewer,
  leastTaught,
  type Left,
  type Line,
  lines,
  type Method,
  methodNames,
  type Pace,
  type Presets,
  type Sizes,
  total,
  within
} from "../../pipelines/index.ts"
import type { Study } from "../flags.ts"
import type { Time } from "../values.ts"

const minutes = (seconds: number): string =>
  seconds < 90 ? `${Math.ceil(seconds)} s` : `${(seconds / 60).toFixed(1)} min`

/**
 * What is advised, as times of what was estimated: it holds for a command that measures this machine a third slower,
 * as a machine with other work often is.
 */
const slack = 1.5

/** A time that `--budget` takes, enough for so many seconds by the estimate of another command, too. */
const asBudget = (seconds: number): string =>
  seconds * slack < 90 ? `${Math.ceil(seconds * slack / 10) * 10}s` : `${Math.ceil(seconds * slack / 60)}m`

/** What fits a time. */
export interface Cut {
  readonly preset: Presets.Preset
  readonly methods: ReadonlyArray<Method>
  readonly plan: ReadonlyArray<Line>
  /** What is left of the steps, in words. */
  readonly left: string
  /** The same as shares. */
  readonly shares: Left
  /** What to tell the user of it. */
  readonly note: string
}

/** What a method learns its answers by. */
const teaching = (methods: ReadonlyArray<Method>, { warmUp }: Presets.Preset): string =>
  [
    ...(warmUp === undefined ? [] : ["warm-up"]),
    methods.every((method) => method === "Visual-RFT") ? "RFT" : "SFT"
  ].join(" and ")

/** Nothing is cut. */
export const allSteps = "all steps"

const share = (part: number): string => part === 1 ? "all" : part === 0 ? "none" : `${inPercent(part)}%`

/** "all of the steps of warm-up and SFT, 40% of those of closed loop and RFT"; "all steps" where nothing is cut. */
const words = (
  left: Left,
  methods: ReadonlyArray<Method>,
  preset: Presets.Preset,
  sizes: Sizes
): string => {
  if (left === everything) return allSteps
  return [
    `${share(left.taught)} of the steps of ${teaching(methods, preset)}`,
    ...(methods.includes("RISE") ? [`${share(left.reinforced)} of those of closed loop and RFT`] : []),
    ...(left.pictures === 1 ? [] : [`${preset.limit?.train ?? sizes.train} of ${sizes.train} pictures`])
  ].join(", ")
}

/** The warm-up's part of the time, where nothing that is trained behind it reasons: SFT can do without. */
const spared = (plan: ReadonlyArray<Line>, methods: ReadonlyArray<Method>): string => {
  const warming = plan.find(({ stage }) => stage === "warm-up")
  return warming === undefined || methods.some((method) => method !== "SFT") ?
    "" :
    `; ${minutes(warming.seconds)} of it are the warm-up, which SFT can do without: --no-warm-up leaves it out`
}

/** The methods and steps that fit: a baseline less is better than all of them half trained. */
export const cut = (
  { seconds, text }: Time,
  preset: Presets.Preset,
  methods: ReadonlyArray<Method>,
  sizes: Sizes,
  pace: Pace
): Result.Result<Cut, ConfigError> => {
  const fitted = (methods: ReadonlyArray<Method>) => within(seconds, preset, methods, sizes, pace)
  const whole = (methods: ReadonlyArray<Method>) =>
    Result.match(fitted(methods), { onFailure: () => false, onSuccess: ({ left }) => left === everything })
  const sets = fewer(methods)
  const kept = sets.find(whole) ?? sets.at(-1) ?? methods
  return Result.mapBoth(fitted(kept), {
    onFailure: (least) =>
      new ConfigError({
        source: "--budget",
        reason:
          `${text} is too little for ${kept.join(", ")} to learn from ${sizes.train} pictures: ${
            share(leastTaught)
          } of ` +
          `the steps of ${teaching(kept, preset)} are the least, and take about ${
            minutes(least)
          } on this machine, by an estimate from a few steps. ` +
          `Give it --budget ${asBudget(least)}, which has room for a pace a third slower${
            preset.warmUp === undefined || kept.some((method) => method !== "SFT")
              ? ""
              : ", or leave out what SFT can do without: --no-warm-up"
          }`
      }),
    onSuccess: ({ left, preset }) => {
      const plan = lines(preset, kept, sizes, pace)
      const without = methods.filter((method) => !kept.includes(method))
      return {
        preset,
        methods: kept,
        plan,
        left: words(left, kept, preset, sizes),
        shares: left,
        note: `budget ${text}: about ${minutes(total(plan))} for ${kept.join(", ")}, with ` +
          words(left, kept, preset, sizes) + spared(plan, kept) +
          (without.length === 0 ? "" : `; left out: ${without.join(", ")} (--method SFT trains it by itself)`)
      }
    }
  })
}

/** Settings of a run that was cut to a budget: resumed under the same budget it keeps them. */
const Recorded = Json.text(Schema.Struct({
  identity: Schema.Struct({
    config: Schema.Struct({
      budget: Schema.String,
      methods: Schema.Array(Schema.Literals(methodNames)),
      left: Schema.String,
      settings: Schema.Record(Schema.String, Schema.Json)
    })
  })
}))

/** What run.json records of a budget beside the settings. */
export const recorded = (
  { text }: Time,
  { left, methods }: Pick<Cut, "left" | "methods">
): Readonly<Record<string, Schema.Json>> => ({ budget: text, methods, left })

/** What the run that is to be resumed was cut to, where its budget was the same. */
export const earlier = (
  { budget, out, resume }: Pick<Study, "out" | "resume"> & { readonly budget: Option.Option<Time> }
) =>
  Effect.gen(function*() {
    if (!resume || Option.isNone(out) || Option.isNone(budget)) return Option.none()
    const path = yield* Path.Path
    const found = yield* TextFile.read(path.join(out.value, "run.json")).pipe(
      Effect.flatMap(Schema.decodeEffect(Recorded)),
      Effect.option
    )
    return Option.map(found, ({ identity }) => identity.config).pipe(
      Option.filter((config) => config.budget === budget.value.text)
    )
  })

/** A run that its budget cut short ended in an error, of which the budget may be the cause. */
export class CutShort extends Schema.TaggedError<CutShort>()("CutShort", {
  /** What went wrong. */
  reason: Schema.String,
  /** As it was given. */
  budget: Schema.String,
  /** What it left of the steps. */
  left: Schema.String
}) {
  override get message() {
    return `${this.reason}\nThe budget may be the cause: of ${this.budget} there is time for ${this.left}. Give a ` +
      "longer --budget, or none, and another --out"
  }
}
