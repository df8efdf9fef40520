/**
 * The label set of a soft-label classification task, and distributions over it.
 */
import { Schema } from "effect"
import { TaskError } from "../../dsl/Task.ts"
import * as Divergence from "../../kernels/math/Divergence.ts"
import { show } from "../../kernels/text/show.ts"

/**
 * Probabilities in label order. Ground truth sums to 1; what a model wrote is its percents over 100 and may not.
 */
export type Distribution = ReadonlyArray<number>

/** How far a ground truth's sum may be from 1: rounding only. Readers of data forgive more and renormalise. */
const sumTolerance = 1e-6

/** Ground truth over `count` labels: finite, in [0, 1], summing to 1. */
export const schema = (count: number): Schema.Codec<Distribution, unknown> =>
  Schema.Array(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))).check(
    Schema.makeFilter((values: Distribution) => {
      if (values.length !== count) return `${count} probabilities, got ${values.length}`
      const sum = Divergence.total(values)
      return Math.abs(sum - 1) <= sumTolerance || `probabilities that sum to 1, got a sum of ${sum}`
    })
  )

/** Whether a word could be taken for a number. */
export const isNumberLike = (word: string): boolean => /^[-+.]?\d/.test(word)

/** Whether a word of a label could be taken for a number. */
export const hasNumber = (label: string): boolean => label.split(" ").some(isNumberLike)

/**
 * Checks that answers over these labels can be read back: distinct, single spaces, nothing that could be a tag, and
 * where `percents` follow them no word that reads as a number.
 *
 * @throws TaskError naming the label
 */
export const check = (task: string, labels: ReadonlyArray<string>, percents: boolean): void => {
  const fail = (reason: string): never => {
    throw new TaskError({ task, reason })
  }
  if (labels.length < 2) fail(`a classification needs at least 2 labels, got ${labels.length}`)
  const seen = new Set<string>()
  for (const label of labels) {
    if (label === "" || label !== label.trim().split(/\s+/).join(" ")) {
      fail(`label ${show(label)} must be words with single spaces between`)
    }
    if (/[<>]/.test(label)) fail(`label ${show(label)} contains an angle bracket, which could be read as a tag`)
    if (percents && hasNumber(label)) {
      fail(`label ${show(label)} has a word that reads as a number, and percents follow labels: spell it out`)
    }
    if (seen.has(label)) fail(`label ${show(label)} is listed twice`)
    seen.add(label)
  }
}

/** Weights closer than this tie. */
const tie = 1e-9

/** Indices of the largest weight: more than one where several tie. */
export const top = (weights: Distribution): ReadonlyArray<number> => {
  const most = Math.max(...weights)
  return weights.flatMap((weight, i) => weight >= most - tie ? [i] : [])
}
