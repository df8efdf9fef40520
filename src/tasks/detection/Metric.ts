/**
 * What answers of boxes are measured by: one by one, where an answer that did not decode takes the worst value, and as
 * a whole test set by mAP, to which it says nothing.
 *
 * @module
 */
import { Option } from "effect"
import type { SetMetric, TaskMetric } from "../../dsl/Task.ts"
import { type Annotation, wanted } from "./Annotation.ts"
import * as AveragePrecision from "./AveragePrecision.ts"
import type { Space } from "./Box.ts"
import { type Denominator, match, similarity } from "./Similarity.ts"

const measure = <S extends Space>(
  name: string,
  score: (truth: Annotation<S>, answer: Annotation<S>) => number,
  items?: (truth: Annotation<S>, answer: Option.Option<Annotation<S>>) => number
): TaskMetric<Annotation<S>> => ({
  name,
  direction: "higher",
  ...(items !== undefined && { items }),
  of: (truth, predicted) => Option.match(predicted, { onNone: () => 0, onSome: (answer) => score(truth, answer) })
})

/** Share of `count`, 1 where there is nothing to have a share of. */
const share = (hits: number, count: number) => count === 0 ? 1 : hits / count

const hits = <S extends Space>(truth: Annotation<S>, answer: Annotation<S>, threshold: number) =>
  match(truth, answer).filter(({ iou }) => iou >= threshold).length

/**
 * Eq. 6, over what the task's similarity divides by: weights are chosen by it, and over N_g alone answers that spray
 * boxes would be chosen.
 */
export const meanIou = <S extends Space>(denominator: Denominator) => measure<S>("IoU", similarity(denominator))

/** Share of the true boxes whose partner overlaps them by at least half; 1 where there are none. */
export const recall = <S extends Space>(threshold = 0.5) =>
  measure<S>(
    `recall@${threshold}`,
    (truth, answer) => share(hits(truth, answer, threshold), wanted(truth).length),
    (truth) => wanted(truth).length
  )

/** Share of the written boxes whose partner overlaps them by at least half; 1 where none is written. */
export const precision = <S extends Space>(threshold = 0.5) =>
  measure<S>(
    `precision@${threshold}`,
    (truth, answer) => share(hits(truth, answer, threshold), wanted(answer).length),
    (_, answer) => Option.match(answer, { onNone: () => 0, onSome: (answer) => wanted(answer).length })
  )

/** The measures of every detection task. */
export const all = <S extends Space>(denominator: Denominator): ReadonlyArray<TaskMetric<Annotation<S>>> => [
  meanIou(denominator),
  recall(),
  precision()
]

/**
 * COCO's mAP@0.5, the paper's figure, and mAP@[.5:.95], over all pictures; none without a true box. Keeps a few bytes
 * per box.
 */
export const averagePrecision = <S extends Space>(): SetMetric<Annotation<S>> => {
  const evaluator = AveragePrecision.make<S>()
  return {
    add: (truth, predicted) => evaluator.add({ truth, predicted: Option.getOrElse(predicted, () => []) }),
    figures: () =>
      Option.match(evaluator.figures(), {
        onNone: () => ({}),
        onSome: ({ ap, at }) => ({ "mAP@0.5": at.get(0.5) ?? 0, "mAP@[.5:.95]": ap })
      })
  }
}
