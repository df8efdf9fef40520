/**
 * Soft-label classification as a task plug-in: prompts, codec, similarity, leakage, metrics and grammar of one
 * label set.
 *
 * @module
 */
import { Option } from "effect"
import { AnswerGrammar } from "../../dsl/grammar/index.ts"
import { make as makeTask, type Task } from "../../dsl/Task.ts"
import * as Codec from "./Codec.ts"
import * as Combine from "./Combine.ts"
import type { Definition } from "./Definition.ts"
import { describe } from "./Description.ts"
import * as TaskGrammar from "./Grammar.ts"
import { check as checkLabels, type Distribution, schema, top } from "./Labels.ts"
import { leaks } from "./Leakage.ts"
import * as Metric from "./Metric.ts"
import * as Wording from "./Prompts.ts"
import * as Similarity from "./Similarity.ts"

export type { Definition } from "./Definition.ts"

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

/** How answers of either kind are written, read, asked for, measured, combined and held to a grammar. */
const kinds = {
  distribution: {
    encode: Codec.encode,
    decode: Codec.decode,
    prompts: Wording.prompts,
    metrics: Metric.all,
    combine: Combine.mean,
    compile: TaskGrammar.compile
  },
  single: {
    encode: Codec.encodeSingle,
    decode: Codec.decodeSingle,
    prompts: Wording.singlePrompts,
    metrics: Metric.single,
    combine: Combine.vote,
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
  const prompts = { ...kind.prompts(subject, labels), ...definition.prompts }
  return {
    ...makeTask<Distribution>({
      name,
      annotation: schema(labels.length),
      encode: kind.encode(labels),
      decode: kind.decode(labels),
      prompts,
      similarity: definition.similarity === "literal" ? Similarity.literal : Similarity.similarity,
      leaks: leaks(labels, definition.leakage?.labels ?? "allow"),
      metrics: kind.metrics,
      combine: kind.combine,
      placeless: true,
      single: answer === "single",
      ...Option.match(describe(definition, prompts), { onNone: () => ({}), onSome: (described) => ({ described }) }),
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
