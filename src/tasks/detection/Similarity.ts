/**
 * S(A, Â) of eq. 6: the mean IoU of ground-truth boxes with their partners under the best one-to-one matching.
 *
 * The paper divides by N_g, the number of true boxes: `"truth"`. Then boxes beyond them are free and a policy may
 * spray. `"max"` divides by max(N_g, N_p), so N_p > N_g boxes earn at most N_g / N_p. Where nothing is to be found, S
 * is 1 for an empty answer and 0 for any other. Two boxes that both bear a label are partners only if it is the same.
 *
 * @module
 */
import * as Assignment from "../../kernels/math/Assignment.ts"
import { type Annotation, type Target, wanted } from "./Annotation.ts"
import { iou, type Space } from "./Box.ts"

/** What the sum of IoUs is divided by: N_g as in the paper, or max(N_g, N_p). */
export type Denominator = "truth" | "max"

/** IoU of two targets, 0 where their labels differ. */
const overlap = <S extends Space>(a: Target<S>, b: Target<S>): number =>
  a.label !== undefined && b.label !== undefined && a.label !== b.label ? 0 : iou(a.box, b.box)

/** A true target and its partner. */
export interface Match<S extends Space> {
  /** The true target. */
  readonly truth: Target<S>
  /** The box of the answer that was matched with it. */
  readonly predicted: Target<S>
  /** In (0, 1]. */
  readonly iou: number
}

/** The matching of greatest total IoU; pairs that do not overlap are left out. */
export const match = <S extends Space>(truth: Annotation<S>, predicted: Annotation<S>): ReadonlyArray<Match<S>> => {
  const targets = wanted(truth)
  const answers = wanted(predicted)
  const table = targets.map((target) => answers.map((answer) => overlap(target, answer)))
  const partners = Assignment.maximise(table)
  return targets.flatMap((target, i) => {
    const partner = answers[partners[i] ?? -1]
    const shared = table[i]?.[partners[i] ?? -1] ?? 0
    return partner === undefined || shared === 0 ? [] : [{ truth: target, predicted: partner, iou: shared }]
  })
}

/** Eq. 6, in [0, 1]; 1 for equal annotations. Crowds count on neither side. */
export const similarity =
  (denominator: Denominator) => <S extends Space>(truth: Annotation<S>, predicted: Annotation<S>): number => {
    const targets = wanted(truth).length
    const answers = wanted(predicted).length
    if (targets === 0) return answers === 0 ? 1 : 0
    const total = match(truth, predicted).reduce((sum, pair) => sum + pair.iou, 0)
    return Math.min(1, total / (denominator === "truth" ? targets : Math.max(targets, answers)))
  }
