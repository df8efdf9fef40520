/**
 * Methods and settings cut to a time, and how a resumed run finds them again.
 */
import { Effect, FileSystem, Option, Path, Result, Schema } from "effect"
import * as Json from "../../kernels/weights/Json.ts"
import {
  ConfigError,
  fewer,
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

/** What fits a time. */
export interface Cut {
  readonly preset: Presets.Preset
  readonly methods: ReadonlyArray<Method>
  readonly plan: ReadonlyArray<Line>
  /** What to tell the user of it. */
  readonly note: string
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
    Result.match(fitted(methods), { onFailure: () => false, onSuccess: ({ share }) => share === 1 })
  const sets = fewer(methods)
  const kept = sets.find(whole) ?? sets.at(-1) ?? methods
  return Result.mapBoth(fitted(kept), {
    onFailure: (least) =>
      new ConfigError({
        source: "--budget",
        reason: `is ${text}, but ${kept.join(", ")} on ${sizes.train} pictures takes ${minutes(least)} at the least ` +
          "on this machine: give as much, or fewer pictures (--shots)"
      }),
    onSuccess: ({ preset, share }) => {
      const plan = lines(preset, kept, sizes, pace)
      const left = methods.filter((method) => !kept.includes(method))
      return {
        preset,
        methods: kept,
        plan,
        note: `budget ${text}: about ${minutes(total(plan))} for ${kept.join(", ")}, ` +
          `${share < 1 ? `with ${Math.round(100 * share)}% of the steps` : "all steps"}` +
          (left.length === 0 ? "" : `; left out: ${left.join(", ")} (--method SFT trains it by itself)`)
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
      settings: Schema.Record(Schema.String, Schema.Json)
    })
  })
}))

/** What run.json records of a budget beside the settings. */
export const recorded = (
  budget: Option.Option<Time>,
  methods: ReadonlyArray<Method>
): Readonly<Record<string, Schema.Json>> =>
  Option.match(budget, { onNone: () => ({}), onSome: ({ text }) => ({ budget: text, methods }) })

/** What the run that is to be resumed was cut to, where its budget was the same. */
export const earlier = (
  { budget, out, resume }: Pick<Study, "out" | "resume"> & { readonly budget: Option.Option<Time> }
) =>
  Effect.gen(function*() {
    if (!resume || Option.isNone(out) || Option.isNone(budget)) return Option.none()
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const found = yield* fs.readFileString(path.join(out.value, "run.json")).pipe(
      Effect.flatMap(Schema.decodeEffect(Recorded)),
      Effect.option
    )
    return Option.map(found, ({ identity }) => identity.config).pipe(
      Option.filter((config) => config.budget === budget.value.text)
    )
  })
