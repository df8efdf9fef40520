/**
 * Soft-label classification as a task plug-in: prompts, codec, similarity, leakage, metrics and grammar of one
 * label set.
 *
 * @module
 */
import { AnswerGrammar } from "../../dsl/grammar/index.ts"
import { make as makeTask, type Prompts, type Task } from "../../dsl/Task.ts"
import * as Codec from "./Codec.ts"
import * as TaskGrammar from "./Grammar.ts"
import { check as checkLabels, type Distribution, schema, top } from "./Labels.ts"
import { type LabelPolicy, leaks } from "./Leakage.ts"
import * as Metric from "./Metric.ts"
import * as Wording from "./Prompts.ts"
import * as Similarity from "./Similarity.ts"

/** Definition of a soft-label task, for `make`. */
export interface Definition {
  /** Names the task in artefacts and messages. */
  readonly name: string
  /** In the order of every distribution's probabilities. */
  readonly labels: ReadonlyArray<string>
  /** Completes "rate the … of this picture", for example "feelings". */
  readonly subject: string
  /** What counts as quoting the annotation, besides its numbers. */
  readonly leakage?: {
    /** Whether a reasoning may name a label. Default "allow". */
    readonly labels?: LabelPolicy
  }
  /**
   * `"distribution"`: labels with percents. `"single"`: the name of one label, which is all of the mass; eq. 2–5 then
   * pay 1 for the right one and 1e-10 for any other. Percents are read all the same, unless a label has a word that
   * reads as a number ("7", "3d"), which only a single answer may. Default "distribution".
   */
  readonly answer?: "distribution" | "single"
  /**
   * `"literal"`: eq. 2–5 as printed, not bounded by 1; then its use as a reward fails where it exceeds 1. Default
   * "bounded".
   */
  readonly similarity?: "bounded" | "literal"
  /** Words of one's own for some of the four prompts. */
  readonly prompts?: Partial<Prompts>
}

/** A task over distributions that also knows its labels. */
export interface Classification extends Task<Distribution> {
  /** In the order of every distribution's probabilities. */
  readonly labels: ReadonlyArray<string>
  /** The label with most mass, the first of them where several tie: what "n shots per class" draws by. */
  readonly classOf: (truth: Distribution) => string
}

/**
 * Checks that labels can be written and read back, as single answers at least.
 *
 * @throws TaskError as `make` does
 */
export const check = (name: string, labels: ReadonlyArray<string>): void => checkLabels(name, labels, false)

/** How answers of either kind are written, read, asked for, measured and held to a grammar. */
const kinds = {
  distribution: {
    encode: Codec.encode,
    decode: Codec.decode,
    prompts: Wording.prompts,
    metrics: Metric.all,
    compile: TaskGrammar.compile
  },
  single: {
    encode: Codec.encodeSingle,
    decode: Codec.decodeSingle,
    prompts: Wording.singlePrompts,
    metrics: Metric.single,
    compile: TaskGrammar.compileSingle
  }
}

/**
 * Makes a soft-label task.
 *
 * ```ts
 * const Weather = Classification.make({ name: "weather", labels: ["sunny", "rainy", "windy"], subject: "weather" })
 * Weather.encode([0.67, 0.33, 0]) // "sunny 67 rainy 33"
 * ```
 *
 * @throws TaskError when labels could not be read back: repeated, empty, with tags in them, or numbers before percents
 */
export const make = (definition: Definition): Classification => {
  const { answer = "distribution", labels, name, subject } = definition
  checkLabels(name, labels, answer === "distribution")
  const kind = kinds[answer]
  return {
    ...makeTask<Distribution>({
      name,
      annotation: schema(labels.length),
      encode: kind.encode(labels),
      decode: kind.decode(labels),
      prompts: { ...kind.prompts(subject, labels), ...definition.prompts },
      similarity: definition.similarity === "literal" ? Similarity.literal : Similarity.similarity,
      leaks: leaks(labels, definition.leakage?.labels ?? "allow"),
      metrics: kind.metrics,
      grammar: AnswerGrammar.cached((vocabulary, form) => kind.compile(name, labels, vocabulary, form))
    }),
    labels,
    classOf: (truth) => labels[top(truth)[0] ?? 0] ?? ""
  }
}

/**
 * Makes a soft-label task for the embedded checkpoint, which is asked in its own few words: a distribution as its
 * pretraining asked for one, a single label without the list of names. Names that it has no words for it spells letter
 * by letter.
 *
 * @throws TaskError as `make` does
 */
export const forEmbedded = (definition: Omit<Definition, "subject"> & Partial<Pick<Definition, "subject">>) => {
  const { answer = "distribution", subject } = definition
  return answer === "single"
    ? make({ ...definition, subject: subject ?? "thing", prompts: Wording.embeddedSingle(subject) })
    : make({ ...definition, subject: subject ?? "feelings" })
}
