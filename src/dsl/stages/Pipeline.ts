/**
 * A lazy pipeline whose stage is known to the compiler: the literal is what makes `sft` before `filter` a type error.
 */
import { Effect, Pipeable, Stream } from "effect"
import * as Rules from "../../kernels/math/Rules.ts"
import type { Policy, PolicyError, Session } from "../../policy/Policy.ts"
import { cut } from "../Cut.ts"
import type { DataError } from "../DataError.ts"
import type { Explained, Group, Lesson, Reasoned, Reconstructed, Validated } from "../Group.ts"
import type { JudgeError } from "../JudgeError.ts"
import * as NoProgram from "../NoProgram.ts"
import type { NotProvided } from "../Provided.ts"
import type { MissingQuestion } from "../Question.ts"
import type { RunError } from "../RunError.ts"
import type { Form, GrammarError, Sample, Task, TaskError } from "../Task.ts"
import * as Truth from "../Truth.ts"
import type { Planned } from "./Ahead.ts"
import type { Described } from "./described.ts"
import * as Order from "./Order.ts"
import { Batching, batchingRules } from "./Sampling.ts"
import * as Settings from "./Settings.ts"
import type { BadSetting, Misplaced } from "./StageError.ts"

/** The element that flows out of each stage. */
export interface Stages<A> {
  /** D, before anything happened. */
  readonly Sampled: Sample<A>
  /** D, after the warm-up that every method shares. */
  readonly Warmed: Sample<A>
  /** R_g: candidate reasonings, in groups of one sample. */
  readonly Reasoned: Group<A, Reasoned>
  /** Â_g: each reasoning with the text that the annotation was rebuilt in. */
  readonly Reconstructed: Group<A, Reconstructed>
  /** r_g: each reconstruction with its reward, eq. 1. */
  readonly Validated: Group<A, Validated>
  /** Validated groups of the policy that RISE-CoT trained. */
  readonly Reinforced: Group<A, Validated>
  /** D_RISE. */
  readonly Explained: Explained<A>
  /** D_RISE^high. */
  readonly Curated: Explained<A>
  /** Annotations as targets, without reasoning. */
  readonly Answered: Lesson<A>
  /** D, after supervised fine-tuning. */
  readonly Tuned: Sample<A>
  /** D, after reinforcement fine-tuning. */
  readonly Strengthened: Sample<A>
}
/** Names of the stages. */
export type Stage = keyof Stages<unknown>

/** Stages behind which the policy has been trained or D_RISE has been written: what `run` accepts. */
export type Runnable = Order.Before<"run">

export type { Form }

/** What any stage may fail with besides the data's own errors. */
export type Fault =
  | PolicyError
  | RunError
  | GrammarError
  | TaskError
  | DataError
  | Truth.TruthError
  | JudgeError
  | MissingQuestion
  | BadSetting
  | Misplaced
  | NotProvided

/** A stream of samples on its way through the paper's steps. Nothing happens until it is run. */
export interface Pipeline<out S extends Stage, in out A, out E = never, out R = never> extends Pipeable.Pipeable {
  /** The stage as a literal, for the compiler. */
  readonly stage: S
  readonly task: Task<A>
  /** What the policy is trained to write and will be asked for. */
  readonly form: Form
  /** D without the validation split: what every training stage draws from. Replayable. */
  readonly data: Stream.Stream<Sample<A>, E, R>
  /** The split that snapshots are selected on; empty unless `make` was given a share. */
  readonly validation: Stream.Stream<Sample<A>, E, R>
  /** What was described so far, stage by stage, with the options of each. */
  readonly described: ReadonlyArray<Described>
  /** The stages that reading `ready` reports progress of, in their order. */
  readonly plan: ReadonlyArray<Planned>
  /** What reading `items` reports besides; undefined where it reports nothing. */
  readonly reading?: Planned | undefined
  /** Fails on a setting, of this stage or one before, that cannot mean anything. Goes before all work; does none. */
  readonly sound: Effect.Effect<void, E>
  /** Everything that has to have happened before `items` can be read: trainings, the writing of D_RISE. Done once. */
  readonly ready: Effect.Effect<void, E, R>
  /** What flows out. Replayable; pulls `ready` first. */
  readonly items: Stream.Stream<Stages<A>[S], E, R>
}

/** Where a batch is sampled: one weight version, and the prefix of the keys of its random draws. */
export interface Visit {
  readonly session: Session
  readonly key: string
}

/** A described part of the closed loop: `reinforce` interprets it again for every step. */
export type Loop<A, X> = (
  visit: Visit,
  samples: ReadonlyArray<Sample<A>>
) => Effect.Effect<ReadonlyArray<X>, Fault, Policy>

/** A pipeline that is still only a description of the closed loop. */
export interface ClosedLoop<
  out S extends "Reasoned" | "Reconstructed" | "Validated",
  in out A,
  out E = never,
  out R = never
> extends Pipeline<S, A, E, R> {
  /** Runs what is described of the closed loop so far on one batch of samples. */
  readonly loop: Loop<A, Stages<A>[S]>
  /** How many texts the loop draws for a sample. */
  readonly texts: number
  /** How its stages draw, so far as learning from it depends on that. */
  readonly drawn: Drawn
}

/** The settings of drawing stages by stage, with defaults filled in. */
export interface Drawn {
  readonly generate: { readonly candidates: number; readonly temperature: number }
  readonly reconstruct?: { readonly temperature: number }
}

/**
 * `pipe`, and words for a pipeline that stands where it must not. `Effect.gen` asks what is yielded for its iterator:
 * that of a pipeline, which no type tells of, is an effect that fails.
 */
const prototype: Pipeable.Pipeable = Object.create(Pipeable.Prototype, {
  toString: {
    value(this: { readonly described: ReadonlyArray<Described> }) {
      return NoProgram.pipelineWords + this.described.map(([step]) => `Rise.${step}`).join(", ")
    }
  },
  [Symbol.iterator]: {
    value(this: object) {
      return Effect.fail(NoProgram.yielded(String(this)))[Symbol.iterator]()
    }
  }
})

/** Gives a plain record its `pipe`. */
export const pipeable = <T extends { readonly described: ReadonlyArray<Described> }>(
  fields: T
): T & Pipeable.Pipeable => Object.assign(Object.create(prototype), fields)

/** The next stage: same task, same data, new items behind new work. `sound` looks at its own settings. */
export const advance = <S extends Stage, A, E, R, E2 = never, R2 = never>(
  self: Pipeline<Stage, A, E, R>,
  next: {
    readonly stage: S
    readonly form?: Form
    /** What was asked for: its name in the language, and its options. */
    readonly described: readonly [step: Order.Step, options: object]
    /** What `ready` reports behind what was planned before. */
    readonly plan?: ReadonlyArray<Planned>
    readonly reading?: Planned | undefined
    readonly sound?: Effect.Effect<void, E | E2>
    readonly ready: Effect.Effect<void, E | E2, R | R2>
    readonly items: Stream.Stream<Stages<A>[S], E | E2, R | R2>
  }
): Pipeline<S, A, E | E2 | Misplaced, R | R2> => {
  const { described, plan, sound: placed } = Order.behind(next.described[0], self)
  const sound = next.sound === undefined ? placed : Effect.andThen(placed, next.sound)
  const ready = Effect.andThen(sound, next.ready)
  return pipeable({
    stage: next.stage,
    task: self.task,
    form: next.form ?? self.form,
    data: self.data,
    validation: self.validation,
    described: [...described, next.described],
    plan: [...plan, ...(next.plan ?? [])],
    reading: next.reading,
    sound,
    ready,
    items: Stream.unwrap(Effect.as(ready, next.items))
  })
}

/** Options of `make`. */
export interface MakeOptions {
  /**
   * Share of the data held out for model selection, in [0, 1), by a draw that depends on image ids alone: every method
   * and every seed holds out the same. Default 0.
   */
  readonly validation?: number
}

/**
 * Starts a pipeline. A sample whose annotation is none of the task ends it with a `TruthError`, data that can be read
 * only once with a `DataError`.
 *
 * ```ts
 * Rise.make(task, data, { validation: 0.1 })
 * ```
 */
export const make = <A, E, R>(
  task: Task<A>,
  data: Stream.Stream<Sample<A>, E, R>,
  options: MakeOptions = {}
): Pipeline<"Sampled", A, E | BadSetting | DataError | Truth.TruthError, R> & {
  readonly data: Stream.Stream<Sample<A>, E | DataError | Truth.TruthError, R>
} => {
  const share = options.validation ?? 0
  // Node runs a script whose types do not fit.
  const begun = { task, data }
  const samples = Rules.broken(Settings.beginning, begun) === undefined ? Truth.checked(task)(data) : Stream.empty
  const given = Settings.holds("make", Settings.beginning, begun)
  const sound = Effect.andThen(
    Effect.andThen(given, Settings.check("make", Settings.making, options)),
    Effect.flatMap(Batching, (batching) => Settings.check("Batching", batchingRules, batching))
  )
  const { train, validation } = share > 0 && share < 1
    ? cut({ share, seed: 0 })(samples)
    : { train: samples, validation: Stream.empty }
  return pipeable({
    stage: "Sampled",
    task,
    form: "think",
    data: train,
    validation,
    described: [["make", options]],
    plan: [],
    sound,
    ready: sound,
    items: Stream.unwrap(Effect.as(sound, train))
  })
}
