/**
 * What annotating can be told.
 */
import type { Effect } from "effect"
import type * as Rise from "../dsl/Rise.ts"
import * as Settings from "../dsl/stages/Settings.ts"
import type { BadSetting } from "../dsl/stages/StageError.ts"
import * as Rules from "../kernels/math/Rules.ts"

/** Options of `annotate`. */
export interface AnnotateOptions {
  /** Default "think". */
  readonly form?: Rise.Form
  /** Longest answer, in tokens. Default 224. */
  readonly maxTokens?: number
  /** Default "mask": an annotator should not miss the format. Servers take none: "off". */
  readonly grammar?: Rise.GrammarMode
  /** What is asked about every image that has no question of its own, for tasks that ask one. */
  readonly question?: string
  /** Pictures that are computed together, but for the first few. Servers are asked one by one. Default 32. */
  readonly batch?: number
  /**
   * Answers that are drawn for each picture, at temperature 1 and by keys, and combined into one by the task's
   * `combine`. Default 1: the greedy answer.
   */
  readonly samples?: number
  /**
   * The first pictures of the stream, of which earlier work has the answers: they are left out. Batches are those of
   * the whole stream, so the others are answered as if nothing had stopped, to the last bit. Default 0.
   */
  readonly skip?: number
}

const { oneOf, text, whole } = Rules
const { most } = Settings

/** What the options may be. */
const rules: Rules.Table = {
  form: oneOf("think", "answer"),
  maxTokens: whole(1),
  grammar: Settings.grammarMode,
  question: text("a question"),
  batch: whole(1),
  samples: whole(1, most.batch),
  skip: whole(0)
}

/** Fails on the first option that there is none of, or that breaks its rule. */
export const check = (options: AnnotateOptions): Effect.Effect<void, BadSetting> =>
  Settings.check("annotate", rules, options)
