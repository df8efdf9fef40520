/**
 * Several answers about one picture as one: the mean of distributions, the vote of single labels.
 */
import * as Divergence from "../../kernels/math/Divergence.ts"
import { type Distribution, top } from "./Labels.ts"

/** The mean of the distributions, each brought to a sum of 1: one that wrote percents of 700 counts no more. */
export const mean = (answers: ReadonlyArray<Distribution>): Distribution => {
  const shares = answers.map((answer) => Divergence.normalise(answer))
  return Divergence.normalise(
    (shares[0] ?? []).map((_, label) => shares.reduce((sum, share) => sum + (share[label] ?? 0), 0))
  )
}

/** The answer whose label came most often; of several labels the one that came first. */
export const vote = (answers: ReadonlyArray<Distribution>): Distribution => {
  const labelOf = (answer: Distribution) => top(answer)[0] ?? 0
  const counts = new Map<number, number>()
  for (const answer of answers) counts.set(labelOf(answer), (counts.get(labelOf(answer)) ?? 0) + 1)
  const most = Math.max(...counts.values())
  return answers.find((answer) => counts.get(labelOf(answer)) === most) ?? []
}
