/**
 * A task plug-in: the only thing a new annotation problem has to supply.
 *
 * @module
 */
import { type Effect, type Option, type Result, Schema } from "effect"
import { inspect } from "node:util"
import type { Grammar } from "../kernels/generate/Grammar.ts"
import type { Image } from "../kernels/image/Image.ts"
import type { Judging } from "./JudgeError.ts"
import * as TaskShape from "./TaskShape.ts"

/** An image with its ground-truth annotation. */
export interface Sample<out A> {
  readonly image: Image
  /** The ground truth. */
  readonly truth: A
  /** What is asked about this picture, in tasks whose prompts hold `{question}`. */
  readonly question?: string
  /**
   * Cues that are really in the picture, where they are known (embedded scenes): groundedness is measured with them.
   */
  readonly cues?: ReadonlyArray<string>
  /** Names a part of a test set that is reported apart, for example "seen" and "unseen". */
  readonly part?: string
}

/** What an answer was given to: the sample, with the reasoning that came before the answer, where there is one. */
export interface Turn<out A> extends Sample<A> {
  /** Untrusted text of the policy. */
  readonly reasoning?: string
}

/** The paper's four prompt forms. `{question}` in one of them is the sample's own question (see `Question`). */
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
  /** A tag to count by, such as "not-a-rating". */
  readonly reason: string
  /** The text that was wrong, cut to 80 characters. */
  readonly value: string
}

/** What a reasoning gave away. */
export interface LeakReason {
  /** A tag to count by, such as "annotation-number". */
  readonly reason: string
  /** What the reasoning quotes. */
  readonly value: string
}

/** A figure of merit over a test set: the mean of `of`. An answer that did not decode is `None`. */
export interface TaskMetric<in A> {
  /** As results and tables call it. */
  readonly name: string
  /** Which way is better. */
  readonly direction: "lower" | "higher"
  /** The figure of one sample. */
  readonly of: (truth: A, predicted: Option.Option<A>) => number
  /**
   * How many things of a sample the figure is of, such as the boxes that were written, from 0 on: a mean that hardly
   * anything stands behind is never called the best, and one of nothing is left out. Default: 1.
   */
  readonly items?: (truth: A, predicted: Option.Option<A>) => number
}

/**
 * Figures of a whole test set that are no means over its samples, such as mAP: fed sample by sample, read at the end.
 */
export interface SetMetric<in A> {
  /** An answer that did not decode is `None`. */
  readonly add: (truth: A, predicted: Option.Option<A>) => void
  /** By name, higher is better; none where a figure is not defined on what was added. */
  readonly figures: () => Readonly<Record<string, number>>
}

/** What a grammar is compiled with: the policy's tokenizer. */
export interface Vocabulary {
  /** No bos or eos added; special tokens that are spelled in the text are recognised. */
  readonly encode: (text: string) => Int32Array
  /** Number of token ids. */
  readonly size: number
  /** Id of the token that ends an answer. */
  readonly endOfTurn: number
  /**
   * Control tokens (image markers, turn markers, `<think>`, …): free text under a grammar never contains one. The end
   * of turn and the grammar's own tags count as control tokens whether listed or not.
   */
  readonly specials?: ReadonlySet<number>
}

/** Whether the policy is asked to think before it answers, or for the bare annotation. */
export type Form = "think" | "answer"

/** An annotation problem: how an annotation is asked for, written, read and compared. `make` checks it. */
export interface Task<in out A> {
  /** Names artefacts and messages. */
  readonly name: string
  /** Validates annotations wherever they enter. */
  readonly annotation: Schema.Codec<A, unknown>
  /** How the annotation is written for the model. */
  readonly encode: (annotation: A) => string
  /** Reads untrusted model output: total, never throws. */
  readonly decode: (text: string) => Result.Result<A, FormatReason>
  /** What the model is asked. */
  readonly prompts: Prompts
  /** In [0, 1], 1 for equal annotations. What was asked about which picture, and the reasoning, may be looked at. */
  readonly similarity: (truth: A, predicted: A, turn: Turn<A>) => number
  /**
   * What an answer is worth beside its similarity, in [0, 1]: the two are multiplied. For what takes an effect, such as
   * asking another model; `Judge.add` gives one the services that it needs. Default: none.
   */
  readonly judge?: (truth: A, predicted: A, turn: Turn<A>) => Effect.Effect<number, unknown>
  /** How the judge is asked. Default: four at a time, and ten failures in a row end a stage. */
  readonly judging?: Judging
  /** What counts as quoting the annotation. Default: numeric content. */
  readonly leaks?: (reasoning: string, truth: A) => Option.Option<LeakReason>
  /** What a test set is measured by, the most important first. Default: none. */
  readonly metrics?: ReadonlyArray<TaskMetric<A>>
  /** Starts the figures of a test set. */
  readonly setMetric?: () => SetMetric<A>
  /**
   * Gives what was read from a text the confidence that it was written with, for figures that rank answers.
   *
   * @param probability mean probability of the tokens that wrote these characters of the text
   */
  readonly rank?: (annotation: A, text: string, probability: (from: number, to: number) => number) => A
  /**
   * Several annotations of one picture as one, for `annotate({ samples })`. Default: the medoid, the one that is most
   * similar to all the others.
   */
  readonly combine?: (annotations: ReadonlyArray<A>) => A
  /**
   * Whether an annotation is one answer, such as one label, which says nothing of how sure it is: that is told by how
   * many draws agree, or by the probability of its tokens. Default false.
   */
  readonly single?: boolean
  /**
   * Whether an annotation holds for the picture mirrored or moved by a little, too: of labels, not of boxes. Default
   * false: `augment` refuses to flip and to shift.
   */
  readonly placeless?: boolean
  /**
   * Whether the similarity leaves things free that the prediction has and the truth lacks, as eq. 6 over N_g does
   * boxes: an audit, which doubts the truth, then compares both ways. Default false.
   */
  readonly oneSided?: boolean
  /**
   * The task as JSON, which `Rise.saveModel` writes beside the weights, so that whoever opens the model knows what it
   * was trained for. `Classification.make` and `Detection.make` give it; default: nothing is written.
   */
  readonly described?: Schema.Json
  /** Optional grammar of answers. `answer`: the bare annotation; `think`: `<think>…</think><answer>…</answer>`. */
  readonly grammar?: (vocabulary: Vocabulary, form: Form) => Effect.Effect<Grammar, GrammarError>
}

/** The tokenizer cannot express the task's grammar. */
export class GrammarError extends Schema.TaggedError<GrammarError>()("GrammarError", {
  /** Name of the task. */
  task: Schema.String,
  /** What the tokenizer cannot express. */
  reason: Schema.String
}) {
  override get message() {
    return `grammar of task "${this.task}": ${this.reason}`
  }
}

/** Metrics that every task has beside its own. */
export const commonMetrics: ReadonlyArray<string> = [
  "valid",
  "reward",
  "ranked",
  "cue precision",
  "cue recall",
  "grounded",
  "grounded nats"
]

/** The plug-in itself is wrong: a mistake in its definition, code that throws, or a similarity outside [0, 1]. */
export class TaskError extends Schema.TaggedError<TaskError>()("TaskError", {
  /** Name of the task. */
  task: Schema.String,
  /** Image id of the sample that its code was run for. */
  sample: Schema.optionalKey(Schema.String),
  /** What is wrong, and what was expected. */
  reason: Schema.String,
  /** What the plug-in's code threw, where it threw. */
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return `task "${this.task}"${this.sample === undefined ? "" : `, sample ${this.sample}`}: ${this.reason}`
  }
}

/**
 * Checks a plug-in and infers its annotation type from the schema.
 *
 * ```ts
 * const Stars = Task.make({
 *   name: "stars",
 *   annotation: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 })),
 *   encode: String,
 *   decode: (text) =>
 *     /^[1-5]$/.test(text) ? Result.succeed(Number(text)) : Result.fail(Task.formatReason("not-a-rating", text)),
 *   prompts: {
 *     reason: (rating) => `People gave this dish ${rating} stars. Explain why without numbers.`,
 *     reconstruct: (reasoning) => `${reasoning} How many stars, 1 to 5?`,
 *     annotate: "Rate this dish: <think>why</think><answer>1 to 5</answer>.",
 *     answerOnly: "Rate this dish, 1 to 5."
 *   },
 *   similarity: (truth, predicted) => 1 - Math.abs(truth - predicted) / 4
 * })
 * ```
 *
 * @throws TaskError when a member is missing or no function, the name is empty or none that a file can bear (artefacts
 * are named by it), or a metric has the name of one that every task has.
 */
export const make = <A>(task: Task<A>): Task<A> => {
  const reason = TaskShape.fault({ ...task }, commonMetrics)
  if (reason !== undefined) throw new TaskError({ task: String(task.name), reason })
  return task
}

/** What a plug-in's code gave, as an error says it: at most 80 characters of one line. */
export const shown = (value: unknown): string =>
  formatReason("", inspect(value, { breakLength: Infinity, compact: true })).value

/** A reason with its offending value cut to what a log line can carry. */
export const formatReason = (reason: string, value: string): FormatReason => ({
  reason,
  value: value.length > 80 ? `${value.slice(0, 79)}…` : value
})
