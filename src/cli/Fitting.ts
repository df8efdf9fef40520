/**
 * The settings that run: a preset, or what fits model and data; over it a file and flags; cut to a budget.
 */
import { Clock, Effect, type Layer, Option, type Schema, Stream } from "effect"
import { Pacing } from "../dsl/stages/Pacing.ts"
import type { Sample, Task } from "../dsl/Task.ts"
import {
  Config,
  factsOf,
  filed,
  fit,
  type Line,
  lines,
  type Method,
  pace,
  pacing,
  Presets,
  type Sizes
} from "../pipelines/index.ts"
import type { Policy } from "../policy/index.ts"
import * as Engine from "./engine/fitted.ts"
import * as Budget from "./fitting/budget.ts"
import * as File from "./fitting/file.ts"
import * as Single from "./fitting/flags.ts"
import type { Study } from "./flags.ts"
import { FlagError } from "./futile.ts"
import type { Time } from "./values.ts"

export { type Fitting, flags } from "./fitting/flags.ts"

/** Flags with what stands in the file that `--config` names. */
export type Filed<F> = F & { readonly file: Config.Overrides }

/** Reads the file of settings: before any picture, so that a slip in it is said at once. */
export const read = <F extends Pick<Single.Fitting, "config">>(flags: F) =>
  Effect.map(
    Option.isSome(flags.config) ? File.settings(flags.config.value) : Effect.succeed<Config.Overrides>({}),
    (file): Filed<F> => ({ ...flags, file })
  )

/** What settings are chosen for. */
export interface Subject<A, E, R, EP, RP> {
  readonly flags:
    & Filed<Single.Fitting>
    & Engine.Engine
    & Pick<Study, "lora" | "model" | "noWarmUp" | "out" | "resume" | "tau" | "trainable">
  readonly task: Task<A>
  readonly train: Stream.Stream<Sample<A>, E, R>
  readonly test: Stream.Stream<Sample<A>, E, R>
  readonly methods: ReadonlyArray<Method>
  /** The preset that was asked for; None: what fits model and data. */
  readonly preset: Option.Option<Presets.Preset>
  /** The policy of a preset, to be measured. */
  readonly policy: (preset: Presets.Preset) => Layer.Layer<Policy, EP, RP>
}

/** What is done, for how long, to how much. */
export interface Plan {
  readonly lines: ReadonlyArray<Line>
  readonly sizes: Sizes
}

/** Settings, and how long they are expected to take where that was measured. */
export interface Chosen {
  readonly preset: Presets.Preset
  /** The methods that the time is for. */
  readonly methods: ReadonlyArray<Method>
  readonly plan: Option.Option<Plan>
  /** What to tell the user of it. */
  readonly notes: ReadonlyArray<string>
  /** What run.json records beside the settings. */
  readonly recorded: Readonly<Record<string, Schema.Json>>
  /** A budget that left less than all, and what it left. */
  readonly cut: Option.Option<Pick<Budget.CutShort, "budget" | "left">>
  /** Keeps a budget while the run goes on; None where there is none. */
  readonly pacing: Option.Option<Pacing["Service"]>
}

/** A run that goes on keeps the steps of stages that have begun, and has all of its time again for the others. */
const asPlanned = Pacing.of({ share: () => Effect.succeed(1) })

/** Chooses settings; `measure` times this machine also where no budget asks for it. */
export const choose = <A, E, R, EP, RP>(
  { flags: given, methods, policy, preset: asked, task, test, train }: Subject<A, E, R, EP, RP>,
  { measure }: { readonly measure: boolean }
) =>
  Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    // What settings are fitted by was counted over the data: it is not read once more for their number.
    const { base, samples } = Option.isSome(asked)
      ? { base: asked.value, samples: undefined }
      : yield* Effect.map(
        Effect.flatMap(Engine.sized(given), (sized) => factsOf({ task, data: train, ...sized })),
        (facts) => ({ base: fit(facts), samples: facts.samples })
      )
    const read = filed(Engine.trains(given) ? Presets.atEngine(base) : base, given.file)
    if (Option.isSome(given.config)) yield* Effect.fromResult(Config.complete(given.config.value, read.preset))
    const flagged = yield* Effect.mapError(
      Effect.fromResult(Single.settings(given, read.preset)),
      ({ message }) => new FlagError({ reason: message })
    )
    const general: Config.Overrides = {
      ...(given.noWarmUp && { warmUp: false }),
      ...Option.match(given.tau, { onNone: () => ({}), onSome: (tau) => ({ filter: { tau } }) }),
      ...Option.match(given.trainable, { onNone: () => ({}), onSome: (trainable) => ({ trainable }) })
    }
    const settled = [flagged, general].reduce(Config.merged, read.preset)
    const uncut: Chosen = {
      preset: settled,
      methods,
      plan: Option.none(),
      notes: read.notes,
      recorded: {},
      cut: Option.none(),
      pacing: Option.none()
    }
    const budgeted = (time: Time, cut: Pick<Budget.Cut, "left" | "methods" | "preset">) => ({
      preset: cut.preset,
      methods: cut.methods,
      recorded: Budget.recorded(time, cut),
      cut: Option.liftPredicate({ budget: time.text, left: cut.left }, ({ left }) => left !== Budget.allSteps)
    })
    const earlier = yield* Budget.earlier(given)
    if (Option.isSome(earlier) && Option.isSome(given.budget)) {
      const { left, methods, settings: { name: _, ...parts } } = earlier.value
      const { preset } = filed(settled, yield* Effect.fromResult(Config.decode("run.json", parts)))
      const notes = [...read.notes, `budget ${given.budget.value.text}: as the run was begun, with ${left}`]
      return {
        ...uncut,
        ...budgeted(given.budget.value, { preset, methods, left }),
        notes,
        pacing: Option.some(asPlanned)
      }
    }
    if (Option.isNone(given.budget) && (!measure || Engine.trains(given))) return uncut
    const sizes = { train: samples ?? (yield* Stream.runCount(train)), test: yield* Stream.runCount(test) }
    const found = yield* pace(task, train, settled).pipe(Effect.provide(policy(settled)))
    if (Option.isNone(given.budget)) {
      return { ...uncut, plan: Option.some({ lines: lines(settled, methods, sizes, found), sizes }) }
    }
    const cut = yield* Effect.fromResult(Budget.cut(given.budget.value, settled, methods, sizes, found))
    const { seconds } = given.budget.value
    const chosen: Chosen = {
      ...budgeted(given.budget.value, cut),
      pacing: Option.some(yield* pacing({ plan: cut.plan, left: cut.shares, seconds, began })),
      plan: Option.some({ lines: cut.plan, sizes }),
      notes: [...read.notes, cut.note]
    }
    return chosen
  })
