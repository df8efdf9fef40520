/**
 * What an evaluation can be told.
 */
import { type Effect, Stream } from "effect"
import type * as Rise from "../dsl/Rise.ts"
import * as Settings from "../dsl/stages/Settings.ts"
import type { BadSetting } from "../dsl/stages/StageError.ts"
import type { Sample, Task } from "../dsl/Task.ts"
import * as Rules from "../kernels/math/Rules.ts"

/** Options of `evaluate`: what is evaluated, and how it is asked. */
export interface EvaluateOptions<A, E, R> {
  /** The row it becomes: "base", "SFT", "Visual-RFT", "RISE", … */
  readonly method: string
  /** The task whose prompts and metrics are used. */
  readonly task: Task<A>
  /** The test samples. Replayable. */
  readonly data: Stream.Stream<Sample<A>, E, R>
  /** Whether the method thinks before it answers. Default "think". */
  readonly form?: Rise.Form
  /** Longest answer, in tokens. Default 224. */
  readonly maxTokens?: number
  /**
   * Default "both": as the policy writes, and the task's metrics once more under its grammar where that can be
   * made. "off" and "mask": only the one or the other.
   */
  readonly grammar?: Rise.GrammarMode | "both"
  /**
   * Answers that are drawn for each sample, at temperature 1 and by keys, and combined into one as `annotate({ samples
   * })` does. Default 1: the greedy answer.
   */
  readonly samples?: number
  /** The cues a text names, for groundedness on samples whose cues are known. */
  readonly cuesNamed?: ((text: string) => Iterable<string>) | undefined
  /** The shots that the method was trained on. Default "full". */
  readonly shots?: string
}

const { oneOf, record, required, text, whole } = Rules

/** What the options may be. */
const rules: Rules.Table = {
  method: required(text("the name of the row that it becomes")),
  task: required(record("a task, of Task.make, Classification.make or Detection.make")),
  data: required({ expected: "a stream of samples", holds: Stream.isStream }),
  form: oneOf("think", "answer"),
  maxTokens: whole(1),
  grammar: oneOf("both", "mask", "off"),
  samples: whole(1, Settings.most.batch),
  cuesNamed: { expected: "a function of a text", holds: (value) => typeof value === "function" },
  shots: text("\"full\", or training samples per class")
}

/** Fails on the first option that there is none of, or that breaks its rule. */
export const check = (options: object, besides: ReadonlyArray<string> = []): Effect.Effect<void, BadSetting> =>
  Settings.check("evaluate", rules, options, besides)
