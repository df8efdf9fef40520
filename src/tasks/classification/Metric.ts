/**
 * What an annotator of distributions is measured by. An answer that did not decode takes the worst value of each
 * measure.
 *
 * @module
 */
import { Option } from "effect"
import type { TaskMetric } from "../../dsl/Task.ts"
import * as Divergence from "../../kernels/math/Divergence.ts"
import { type Distribution, top } from "./Labels.ts"

/**
 * Eq. 11: Jensen–Shannon divergence in nats between the normalised distributions. An undecodable answer scores ln 2.
 */
export const jsd: TaskMetric<Distribution> = {
  name: "JSD",
  direction: "lower",
  of: (truth, predicted) =>
    Option.match(predicted, { onNone: () => Divergence.maxJs, onSome: (answer) => Divergence.js(truth, answer) })
}

/**
 * Top-1 accuracy. Where several labels tie for the top of the truth, any of them is right; where they tie in the
 * answer, it earns the share of its ties that are right. An undecodable answer scores 0.
 */
export const accuracy: TaskMetric<Distribution> = {
  name: "accuracy",
  direction: "higher",
  of: (truth, predicted) =>
    Option.match(predicted, {
      onNone: () => 0,
      onSome: (answer) => {
        const right = new Set(top(Divergence.normalise(truth)))
        const named = top(Divergence.normalise(answer))
        return named.filter((label) => right.has(label)).length / named.length
      }
    })
}

/**
 * Mean absolute error per class between the normalised distributions. An undecodable answer scores 2 / N, the most that
 * two distributions over N classes can differ.
 */
export const meanAbsoluteError: TaskMetric<Distribution> = {
  name: "MAE",
  direction: "lower",
  of: (truth, predicted) =>
    Option.match(predicted, {
      onNone: () => 2 / truth.length,
      onSome: (answer) => {
        const a = Divergence.normalise(truth)
        const b = Divergence.normalise(answer)
        return a.reduce((sum, p, i) => sum + Math.abs(p - (b[i] ?? NaN)), 0) / a.length
      }
    })
}

/** The measures of every classification task, the paper's first. */
export const all: ReadonlyArray<TaskMetric<Distribution>> = [jsd, accuracy, meanAbsoluteError]

/** The measures of a task whose answers are one label: the paper's for ImageNet-Sub. */
export const single: ReadonlyArray<TaskMetric<Distribution>> = [accuracy]
