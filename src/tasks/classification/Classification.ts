/**
 * Soft-label classification as a task plug-in: prompts, codec, similarity, leakage, metrics and format mask of one label set.
 */
import { Effect } from "effect"
import { make as makeTask, type Prompts, type Task, type Vocabulary } from "../../dsl/Task.ts"
import type { Grammar } from "../../kernels/generate/Grammar.ts"
import * as Codec from "./Codec.ts"
import * as FormatMask from "./Grammar.ts"
import { check, type Distribution, schema, top } from "./Labels.ts"
import { type LabelPolicy, leaks } from "./Leakage.ts"
import * as Metric from "./Metric.ts"
import { prompts } from "./Prompts.ts"
import * as Similarity from "./Similarity.ts"

export interface Definition {
  /** Names the task in artefacts and messages. */
  readonly name: string
  /** In the order of every distribution's probabilities. */
  readonly labels: ReadonlyArray<string>
  /** Completes "rate the … of this picture", for example "feelings". */
  readonly subject: string
  readonly leakage?: {
    /** Whether a reasoning may name a label. Default "allow". */
    readonly labels?: LabelPolicy
  }
  /** `"literal"`: eq. 2–5 as printed, not bounded by 1; then its use as a reward fails where it exceeds 1. Default "bounded". */
  readonly similarity?: "bounded" | "literal"
  /** Words of one's own for some of the four prompts. */
  readonly prompts?: Partial<Prompts>
}

/** A task over distributions that also knows its labels. */
export interface Classification extends Task<Distribution> {
  readonly labels: ReadonlyArray<string>
  /** The label with most mass, the first of them where several tie: what "n shots per class" draws by. */
  readonly classOf: (truth: Distribution) => string
}

/** Compiling encodes a thousand texts: one mask per tokenizer and form. */
const cached = (compile: (vocabulary: Vocabulary, form: FormatMask.Form) => ReturnType<typeof FormatMask.compile>) => {
  const masks = new WeakMap<Vocabulary["encode"], Map<string, Grammar>>()
  return (vocabulary: Vocabulary, form: FormatMask.Form) =>
    Effect.suspend(() => {
      const known = masks.get(vocabulary.encode) ?? new Map<string, Grammar>()
      masks.set(vocabulary.encode, known)
      const key = [form, vocabulary.size, vocabulary.endOfTurn, ...vocabulary.specials ?? []].join()
      const mask = known.get(key)
      if (mask !== undefined) return Effect.succeed(mask)
      return Effect.tap(compile(vocabulary, form), (made) => Effect.sync(() => known.set(key, made)))
    })
}

/**
 * Makes a soft-label task.
 *
 * ```ts
 * const Weather = Classification.make({ name: "weather", labels: ["sunny", "rainy", "windy"], subject: "weather" })
 * Weather.encode([0.67, 0.33, 0]) // "sunny 67 rainy 33"
 * ```
 *
 * @throws TaskError when labels could not be read back: repeated, empty, with tags or numbers in them
 */
export const make = (definition: Definition): Classification => {
  const { labels, name, subject } = definition
  check(name, labels)
  return {
    ...makeTask<Distribution>({
      name,
      annotation: schema(labels.length),
      encode: Codec.encode(labels),
      decode: Codec.decode(labels),
      prompts: { ...prompts(subject, labels), ...definition.prompts },
      similarity: definition.similarity === "literal" ? Similarity.literal : Similarity.similarity,
      leaks: leaks(labels, definition.leakage?.labels ?? "allow"),
      metrics: Metric.all,
      grammar: cached((vocabulary, form) => FormatMask.compile(name, labels, vocabulary, form))
    }),
    labels,
    classOf: (truth) => labels[top(truth)[0] ?? 0] ?? ""
  }
}
