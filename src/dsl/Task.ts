/**
 * A task plug-in: the only thing a new annotation problem has to supply.
 */
import type { Effect, Option, Result, Schema } from "effect"
import type { Grammar } from "../kernels/generate/Grammar.ts"
import type { Image } from "../kernels/image/Image.ts"

/** An image with its ground-truth annotation. */
export interface Sample<out A> {
  readonly image: Image
  readonly truth: A
  /** Cues that are really in the picture, where they are known (embedded scenes): groundedness is measured with them. */
  readonly cues?: ReadonlyArray<string>
  /** Names a part of a test set that is reported apart, for example "seen" and "unseen". */
  readonly part?: string
}

/** The paper's four prompt forms. */
export interface Prompts {
  /** Image and annotation → why. */
  readonly reason: (annotation: string) => string
  /** Image and reasoning → annotation. */
  readonly reconstruct: (reasoning: string) => string
  /** Image → `<think>…</think><answer>…</answer>`. */
  readonly annotate: string
  /** Image → annotation, the SFT baseline. */
  readonly answerOnly: string
}

/** Why a text is not an annotation. */
export interface FormatReason {
  readonly reason: string
  readonly value: string
}

/** What a reasoning gave away. */
export interface LeakReason {
  readonly reason: string
  readonly value: string
}

/** A figure of merit over a test set: the mean of `of`. An answer that did not decode is `None`. */
export interface TaskMetric<in A> {
  readonly name: string
  readonly direction: "lower" | "higher"
  readonly of: (truth: A, predicted: Option.Option<A>) => number
}

/** What a grammar is compiled with: the policy's tokenizer. */
export interface Vocabulary {
  readonly encode: (text: string) => Int32Array
  readonly size: number
  readonly endOfTurn: number
}

export interface Task<in out A> {
  readonly name: string
  /** Validates annotations wherever they enter. */
  readonly annotation: Schema.Codec<A, unknown>
  /** How the annotation is written for the model. */
  readonly encode: (annotation: A) => string
  /** Reads untrusted model output: total, never throws. */
  readonly decode: (text: string) => Result.Result<A, FormatReason>
  readonly prompts: Prompts
  /** In [0, 1], 1 for equal annotations. */
  readonly similarity: (truth: A, predicted: A) => number
  /** What counts as quoting the annotation. Default: numeric content. */
  readonly leaks?: (reasoning: string, truth: A) => Option.Option<LeakReason>
  readonly metrics?: ReadonlyArray<TaskMetric<A>>
  /** Optional format mask. `answer`: the bare annotation; `think`: `<think>…</think><answer>…</answer>`. */
  readonly grammar?: (vocabulary: Vocabulary, form: "answer" | "think") => Effect.Effect<Grammar, GrammarError>
}

/** The tokenizer cannot express the task's format mask. */
export interface GrammarError {
  readonly _tag: "GrammarError"
  readonly reason: string
}
