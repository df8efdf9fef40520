/**
 * The settings that run: a preset, or what fits model and data; over it a file and flags; cut to a budget.
 */
import { Effect, FileSystem, type Layer, Option, Path, Result, Schema, Stream } from "effect"
import { Flag } from "effect/cli"
import { pathToFileURL } from "node:url"
import type { Sample, Task } from "../dsl/Task.ts"
import * as SystemFault from "../kernels/runtime/SystemFault.ts"
import {
  Config,
  ConfigError,
  factsOf,
  fewer,
  fit,
  type Line,
  lines,
  type Method,
  methodNames,
  pace,
  type Presets,
  total,
  within
} from "../pipelines/index.ts"
import type { Policy } from "../policy/index.ts"
import type { Study } from "./flags.ts"
import * as Values from "./values.ts"

/** Where it is left out. */
const chosen = "default: as the preset, the file or model and data have it"

/** A flag of one setting. */
const whole = (name: string, least: number, what: string) =>
  Values.whole(name, { least, most: 1e9 }).pipe(Flag.withDescription(`${what}; ${chosen}`), Flag.optional)
const rate = (name: string, what: string) =>
  Values.above0(name, "RATE").pipe(Flag.withDescription(`${what}; ${chosen}`), Flag.optional)

/** Flags of single settings, by the setting that each is. */
const single = {
  stepsWarmUp: whole("steps-warm-up", 0, "Steps of the warm-up, 0 keeps the base as it is"),
  stepsReinforce: whole("steps-reinforce", 0, "Steps of GRPO on the closed loop"),
  stepsSft: whole("steps-sft", 0, "Steps of supervised fine-tuning"),
  stepsRft: whole("steps-rft", 0, "Steps of the last GRPO stage"),
  lrWarmUp: rate("lr-warm-up", "Peak learning rate of the warm-up"),
  lrReinforce: rate("lr-reinforce", "Peak learning rate of GRPO on the closed loop"),
  lrSft: rate("lr-sft", "Peak learning rate of supervised fine-tuning"),
  lrRft: rate("lr-rft", "Peak learning rate of the last GRPO stage"),
  candidates: whole("candidates", 1, "Reasonings per picture"),
  groupSize: whole("group-size", 2, "Answers per picture and step of the last GRPO stage, G"),
  maxTokens: whole("max-tokens", 1, "Longest think-answer, in tokens")
}

const settingOf: Readonly<Record<keyof typeof single, ReadonlyArray<readonly [stage: string, setting: string]>>> = {
  stepsWarmUp: [["warmUp", "steps"]],
  stepsReinforce: [["reinforce", "steps"]],
  stepsSft: [["sft", "steps"]],
  stepsRft: [["rft", "steps"]],
  lrWarmUp: [["warmUp", "learningRate"]],
  lrReinforce: [["reinforce", "learningRate"]],
  lrSft: [["sft", "learningRate"]],
  lrRft: [["rft", "learningRate"]],
  candidates: [["generate", "candidates"]],
  groupSize: [["rft", "groupSize"]],
  maxTokens: [["warmUp", "maxTokens"], ["sft", "maxTokens"], ["rft", "maxTokens"], ["evaluate", "maxTokens"]]
}

const units = { s: 1, m: 60, h: 3600 } as const
const isUnit = (text: string): text is keyof typeof units => Object.hasOwn(units, text)

/** "90s", "10m", "1.5h" as seconds. */
export const secondsOf = (text: string): Option.Option<number> => {
  const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)([smh])$/.exec(text.trim()) ?? []
  return isUnit(unit) && Number(amount) > 0 ? Option.some(Number(amount) * units[unit]) : Option.none()
}

/** How settings are chosen. */
export const flags = {
  config: Flag.String("config").pipe(
    Flag.withDescription(
      "A file of settings (.json, or .ts with a default export) that go over the preset's; default: none"
    ),
    Flag.withMetavar("FILE"),
    Flag.optional
  ),
  printConfig: Flag.Boolean("print-config").pipe(
    Flag.withDescription("Print every setting that would run, defaults filled in, and end"),
    Flag.withDefault(false)
  ),
  budget: Flag.String("budget").pipe(
    Flag.withDescription(
      "Cut the stages to a time, such as 90s, 10m or 2h: this machine is measured first; default: no limit"
    ),
    Flag.withMetavar("TIME"),
    Flag.optional
  ),
  ...single
}

/** The flags, parsed. */
export type Fitting =
  & { readonly config: Option.Option<string>; readonly printConfig: boolean; readonly budget: Option.Option<string> }
  & { readonly [Name in keyof typeof single]: Option.Option<number> }

const readConfig = (file: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const fail = (reason: string) => new ConfigError({ source: file, reason })
    if (/\.[cm]?[jt]s$/.test(file)) {
      const module: unknown = yield* Effect.tryPromise({
        try: () => import(pathToFileURL(path.resolve(file)).href),
        catch: (cause) => fail(`cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`)
      })
      return typeof module === "object" && module !== null && "default" in module
        ? module.default
        : yield* fail("has no default export: write `export default { sft: { steps: 100 } }`")
    }
    const text = yield* Effect.mapError(fs.readFileString(file), (error) =>
      fail(error.reason._tag === "NotFound" ? "no such file" : `cannot be read: ${SystemFault.words(error)}`))
    return yield* Effect.mapError(
      Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Json))(text.replace(/^\uFEFF/, "")),
      () =>
        fail("is not JSON")
    )
  })

/** The name of a flag: "steps-warm-up" of stepsWarmUp. */
const flagOf = (key: string) => key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** The settings that single flags give, as a file would. Fails on one whose stage the settings do not have. */
const fromFlags = (given: Fitting, preset: Presets.Preset): Result.Result<Config.Overrides, ConfigError> => {
  const overrides: Record<string, Record<string, unknown>> = {}
  for (const [flag, settings] of Object.entries(settingOf)) {
    const value = given[flag as keyof typeof settingOf]
    if (Option.isNone(value)) continue
    const has = settings.filter(([stage]) => stage !== "warmUp" || preset.warmUp !== undefined)
    if (has.length === 0) {
      const reason = `is for a warm-up, and the settings "${preset.name}" have none: leave it out, or write a warmUp ` +
        "into --config"
      return Result.fail(new ConfigError({ source: `--${flagOf(flag)}`, reason }))
    }
    for (const [stage, setting] of has) {
      overrides[stage] = { ...overrides[stage], [setting]: value.value }
    }
  }
  return Config.decode("flags", overrides)
}

/** What settings are chosen for. */
export interface Subject<A, E, R, EP, RP> {
  readonly flags: Fitting & Pick<Study, "lora" | "model" | "noWarmUp" | "out" | "resume" | "tau" | "trainable">
  readonly task: Task<A>
  readonly train: Stream.Stream<Sample<A>, E, R>
  readonly test: Stream.Stream<Sample<A>, E, R>
  readonly methods: ReadonlyArray<Method>
  /** The preset that was asked for; None: what fits model and data. */
  readonly preset: Option.Option<Presets.Preset>
  /** The policy of a preset, to be measured. */
  readonly policy: (preset: Presets.Preset) => Layer.Layer<Policy, EP, RP>
}

/** Settings, and how long they are expected to take where that was measured. */
export interface Chosen {
  readonly preset: Presets.Preset
  /** The methods that the time is for. */
  readonly methods: ReadonlyArray<Method>
  readonly plan: Option.Option<ReadonlyArray<Line>>
  /** What to tell the user of it. */
  readonly notes: ReadonlyArray<string>
  /** What run.json records beside the settings. */
  readonly recorded: Readonly<Record<string, Schema.Json>>
}

/** Settings of a run that was cut to a budget: resumed under the same budget it keeps them. */
const Cut = Schema.fromJsonString(Schema.Struct({
  identity: Schema.Struct({
    config: Schema.Struct({
      budget: Schema.String,
      methods: Schema.Array(Schema.Literals(methodNames)),
      settings: Schema.Record(Schema.String, Schema.Json)
    })
  })
}))

const before = ({ budget, out, resume }: Subject<never, never, never, never, never>["flags"]) =>
  Effect.gen(function*() {
    if (!resume || Option.isNone(out) || Option.isNone(budget)) return Option.none()
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const found = yield* fs.readFileString(path.join(out.value, "run.json")).pipe(
      Effect.flatMap(Schema.decodeEffect(Cut)),
      Effect.option
    )
    return Option.map(found, ({ identity }) => identity.config).pipe(
      Option.filter((config) => config.budget === budget.value)
    )
  })

const minutes = (seconds: number): string =>
  seconds < 90 ? `${Math.ceil(seconds)} s` : `${(seconds / 60).toFixed(1)} min`

/** Chooses settings; `measure` times this machine also where no budget asks for it. */
export const choose = <A, E, R, EP, RP>(
  { flags: given, methods, policy, preset: asked, task, test, train }: Subject<A, E, R, EP, RP>,
  { measure }: { readonly measure: boolean }
) =>
  Effect.gen(function*() {
    const budget = yield* Option.match(given.budget, {
      onNone: () => Effect.succeed(Option.none<number>()),
      onSome: (text) =>
        Option.match(secondsOf(text), {
          onNone: () =>
            Effect.fail(
              new ConfigError({ source: "--budget", reason: `is "${text}", expected a time such as 90s, 10m or 1.5h` })
            ),
          onSome: (seconds) => Effect.succeed(Option.some(seconds))
        })
    })
    // What settings are fitted by was counted over the data: it is not read once more for their number.
    const { base, samples } = Option.isSome(asked)
      ? { base: asked.value, samples: undefined }
      : yield* Effect.map(
        factsOf({ task, data: train, model: given.model, adapter: Option.isSome(given.lora) }),
        (facts) => ({ base: fit(facts), samples: facts.samples })
      )
    const file = yield* Option.match(given.config, {
      onNone: () => Effect.succeed<Config.Overrides>({}),
      onSome: (name) => Effect.flatMap(readConfig(name), (value) => Effect.fromResult(Config.decode(name, value)))
    })
    const filed = Config.merged(base, file)
    const flagged = yield* Effect.fromResult(fromFlags(given, filed))
    const general: Config.Overrides = {
      ...(given.noWarmUp && { warmUp: false }),
      ...Option.match(given.tau, { onNone: () => ({}), onSome: (tau) => ({ filter: { tau } }) }),
      ...Option.match(given.trainable, { onNone: () => ({}), onSome: (trainable) => ({ trainable }) })
    }
    const settled = [flagged, general].reduce(Config.merged, filed)
    const earlier = yield* before(given)
    if (Option.isSome(earlier)) {
      const { methods, settings: { name: _, ...parts } } = earlier.value
      const preset = Config.merged(settled, yield* Effect.fromResult(Config.decode("run.json", parts)))
      return { preset, methods, plan: Option.none(), notes: [], recorded: recordedOf(given, methods) } satisfies Chosen
    }
    if (Option.isNone(budget) && !measure) {
      return { preset: settled, methods, plan: Option.none(), notes: [], recorded: {} } satisfies Chosen
    }
    const sizes = { train: samples ?? (yield* Stream.runCount(train)), test: yield* Stream.runCount(test) }
    const found = yield* pace(task, train, settled).pipe(Effect.provide(policy(settled)))
    if (Option.isNone(budget)) {
      return {
        preset: settled,
        methods,
        plan: Option.some(lines(settled, methods, sizes, found)),
        notes: [],
        recorded: {}
      } satisfies Chosen
    }
    const text = Option.getOrElse(given.budget, () => "")
    const cut = (methods: ReadonlyArray<Method>) => within(budget.value, settled, methods, sizes, found)
    const whole = (methods: ReadonlyArray<Method>) =>
      Result.match(cut(methods), { onFailure: () => false, onSuccess: ({ share }) => share === 1 })
    // A baseline less is better than all of them half trained.
    const sets = fewer(methods)
    const kept = sets.find(whole) ?? sets.at(-1) ?? methods
    const { preset, share } = yield* Effect.mapError(
      Effect.fromResult(cut(kept)),
      (least) =>
        new ConfigError({
          source: "--budget",
          reason:
            `is ${text}, but ${kept.join(", ")} on ${sizes.train} pictures takes ${minutes(least)} at the least ` +
            "on this machine: give as much, or fewer pictures (--shots)"
        })
    )
    const plan = lines(preset, kept, sizes, found)
    const left = methods.filter((method) => !kept.includes(method))
    return {
      preset,
      methods: kept,
      plan: Option.some(plan),
      notes: [
        `budget ${text}: about ${minutes(total(plan))} for ${kept.join(", ")}, ` +
        `${share < 1 ? `with ${Math.round(100 * share)}% of the steps` : "all steps"}` +
        (left.length === 0 ? "" : `; left out: ${left.join(", ")} (--method SFT trains it by itself)`)
      ],
      recorded: recordedOf(given, kept)
    } satisfies Chosen
  })

const recordedOf = (
  { budget }: Pick<Fitting, "budget">,
  methods: ReadonlyArray<Method>
): Chosen["recorded"] => Option.match(budget, { onNone: () => ({}), onSome: (budget) => ({ budget, methods }) })
