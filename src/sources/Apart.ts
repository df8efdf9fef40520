/**
 * How far two annotations of one picture may be apart before one of them is taken to be wrong.
 *
 * @module
 */
import * as Divergence from "../kernels/math/Divergence.ts"
import { type Annotation, type Box, BoxSimilarity } from "../tasks/detection/index.ts"

/** A distance between annotations. */
export interface Apart<in A> {
  /** From 0 on. */
  readonly distance: (one: A, other: A) => number
  /** The least distance at which one of the two is wrong. */
  readonly least: number
  /** A distance in words. None where it is as far as can be, or nothing is known of it. */
  readonly words: (distance: number) => string | undefined
}

/**
 * Jensen–Shannon divergence in nats, up to ln 2. Below 0.1 are roundings, and two panels of a dozen raters each that
 * look at the same picture; two single labels are ln 2 apart.
 */
export const ofShares: Apart<ReadonlyArray<number>> = {
  distance: Divergence.js,
  least: 0.1,
  words: (distance) => distance > Divergence.maxJs - 1e-9 ? undefined : `JSD ${distance.toFixed(3)} nats`
}

const similarity = BoxSimilarity.similarity("max")

/** 1 − the mean IoU of boxes that are matched with one of their label; a box without a partner has an IoU of 0. */
export const ofBoxes = <S extends Box.Space>(): Apart<Annotation<S>> => ({
  distance: (one, other) => 1 - similarity(one, other),
  least: 0.25,
  words: (distance) => distance === 1 ? undefined : `mean IoU ${(1 - distance).toFixed(2)}`
})

/** Of annotations that nothing is known of: whatever is not written alike. */
export const written: Apart<unknown> = { distance: () => Infinity, least: 0, words: () => undefined }
