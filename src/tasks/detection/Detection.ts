/**
 * Detection as a task plug-in: prompts, codec, similarity of eq. 6, leakage and metrics for boxes in one coordinate
 * space.
 *
 * Ground truth is held in the space that the model writes, so that nothing needs a picture's size to compare them:
 * convert it where it is read, with `Box.convert`.
 *
 * @module
 */
import { Option, Result } from "effect"
import { AnswerGrammar } from "../../dsl/grammar/index.ts"
import { type FormatReason, formatReason, make as makeTask, type Task, TaskError } from "../../dsl/Task.ts"
import { show } from "../../kernels/text/show.ts"
import { type Annotation, schema, wanted } from "./Annotation.ts"
import type { Space } from "./Box.ts"
import * as Codecs from "./Codec.ts"
import { ranked } from "./Confidence.ts"
import type { Definition } from "./Definition.ts"
import { describe } from "./Description.ts"
import * as TaskGrammar from "./Grammar.ts"
import { leaks } from "./Leakage.ts"
import * as Metric from "./Metric.ts"
import { embedded, prompts } from "./Prompts.ts"
import { type Denominator, similarity } from "./Similarity.ts"

export type { Definition } from "./Definition.ts"

/** A task over boxes that also knows how they are written. */
export interface Detection<S extends Space> extends Task<Annotation<S>> {
  /** How its boxes are written. */
  readonly codec: Codecs.Codec<S>
  /** The label with most area in the picture, "" where there is none: what "n shots per class" draws by. */
  readonly classOf: (truth: Annotation<S>) => string
}

const classOf = <S extends Space>(truth: Annotation<S>): string => {
  const areas = new Map<string, number>()
  for (const { box, label } of wanted(truth)) {
    if (label !== undefined) areas.set(label, (areas.get(label) ?? 0) + box[2] * box[3])
  }
  return [...areas].reduce((best, next) => next[1] > best[1] ? next : best, ["", 0])[0]
}

/**
 * Makes a detection task.
 *
 * ```ts
 * const Shelter = Detection.make({
 *   name: "shelter", subject: "what would keep you dry", codec: BoxCodec.scenes(), targets: "single"
 * })
 * Shelter.encode([{ box: Box.make("thousandths", [250, 300, 200, 200]) }]) // "[250, 300, 200, 200]"
 * ```
 *
 * @throws TaskError when a label could not be read back: an empty or repeated one, or one with a bracket in it
 */
export const make = <S extends Space>(definition: Definition<S>): Detection<S> => {
  const { badBox = "fail", codec, denominator = "truth", name, subject, targets = "multi" } = definition
  const { labels } = codec
  for (const [i, label] of (labels ?? []).entries()) {
    if (label.trim() !== label || label === "" || /[[\](){}<>]/.test(label)) {
      throw new TaskError({ task: name, reason: `label ${show(label)} must be words without brackets` })
    }
    if (labels?.indexOf(label) !== i) {
      throw new TaskError({ task: name, reason: `label ${show(label)} is listed twice` })
    }
  }
  const asked = { ...prompts(subject, codec.words, labels), ...definition.prompts }
  const decode = (text: string): Result.Result<Annotation<S>, FormatReason> =>
    Result.flatMap(codec.read(text), ({ rejected, targets: found }) => {
      const [first] = rejected
      if (first !== undefined && (badBox === "fail" || found.length === 0)) return Result.fail(first)
      if (targets === "multi" || found.length === 1) return Result.succeed(found)
      return Result.fail(formatReason(found.length === 0 ? "no-box" : "several-boxes", text))
    })
  return {
    ...makeTask<Annotation<S>>({
      name,
      annotation: schema(codec.space, { labels, single: targets === "single" }),
      encode: codec.encode,
      decode,
      prompts: asked,
      similarity: similarity(denominator),
      leaks: leaks(codec, definition.leakage?.labels ?? "allow"),
      metrics: Metric.all<S>(denominator),
      oneSided: denominator === "truth",
      setMetric: Metric.averagePrecision<S>,
      rank: ranked<S>,
      ...Option.match(describe(definition, asked), { onNone: () => ({}), onSome: (described) => ({ described }) }),
      grammar: AnswerGrammar.cached((vocabulary, form) =>
        TaskGrammar.compile(name, codec, targets === "multi", vocabulary, form)
      )
    }),
    codec,
    classOf
  }
}

/**
 * Everything with one of these names, for the embedded checkpoint: in the few words it has, boxes on the grid that it
 * writes. Names that it has no words for it spells letter by letter.
 *
 * @throws TaskError as `make` does
 */
export const forEmbedded = (definition: {
  readonly name: string
  readonly labels: ReadonlyArray<string>
  /** As in `Definition`. */
  readonly denominator?: Denominator
}): Detection<"thousandths"> =>
  make({
    name: definition.name,
    subject: "every thing",
    codec: Codecs.scenes({ labels: definition.labels, step: 10 }),
    denominator: definition.denominator ?? "max",
    prompts: embedded
  })
