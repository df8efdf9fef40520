/**
 * What numbers per label are: shares, percentages or votes. One scale holds for a whole data set: the one that most of
 * its rows fit.
 */
import { Result } from "effect"
import * as Divergence from "../../kernels/math/Divergence.ts"
import type { BadRow } from "../Rows.ts"
import type * as Shares from "../Shares.ts"

export type Scale = Shares.Values

/** How far a sum may be from 1, or from 100 in percent. */
const tolerance = 0.02
/** What arithmetic leaves of a zero. */
const noise = 1e-9

const near = (sum: number, whole: number) => Math.abs(sum - whole) <= tolerance * whole + noise

const rounded = (value: number) => Number(value.toFixed(4))

/** Whether a row's numbers are on a scale. */
const fits = (weights: ReadonlyArray<number>): Readonly<Record<Scale, boolean>> => {
  const sum = Divergence.total(weights)
  const positive = weights.every((weight) => weight >= -noise && weight < Infinity)
  return {
    shares: positive && near(sum, 1),
    percentages: positive && near(sum, 100),
    votes: positive && sum > 0 && weights.every(Number.isInteger)
  }
}

/** The least and the greatest sum of some rows. */
type Range = readonly [least: number, most: number]

/** How many rows fit each scale, and what those sum to: the others are set aside. */
export interface Tally {
  readonly rows: number
  readonly shares: number
  readonly percentages: number
  readonly votes: number
  readonly sums: Readonly<Record<Scale, Range>>
  /** Whether all numbers are 0 or 1. */
  readonly binary: boolean
}

const empty: Range = [Infinity, -Infinity]

export const none: Tally = {
  rows: 0,
  shares: 0,
  percentages: 0,
  votes: 0,
  sums: { shares: empty, percentages: empty, votes: empty },
  binary: true
}

export const add = (tally: Tally, weights: ReadonlyArray<number>): Tally => {
  const { percentages, shares, votes } = fits(weights)
  const sum = Divergence.total(weights)
  const grown = ([least, most]: Range, fits: boolean): Range =>
    fits ? [Math.min(least, sum), Math.max(most, sum)] : [least, most]
  return {
    rows: tally.rows + 1,
    shares: tally.shares + Number(shares),
    percentages: tally.percentages + Number(percentages),
    votes: tally.votes + Number(votes),
    sums: {
      shares: grown(tally.sums.shares, shares),
      percentages: grown(tally.sums.percentages, percentages),
      votes: grown(tally.sums.votes, votes)
    },
    binary: tally.binary && weights.every((weight) => weight === 0 || weight === 1)
  }
}

/**
 * Percentages where at least half of the rows sum to 100: whole numbers that sum to something else are mistakes among
 * them rather than votes. Otherwise what most rows fit; whole numbers that sum to 1 everywhere are shares.
 */
export const of = ({ percentages, rows, shares, votes }: Tally): Scale => {
  if (percentages > 0 && 2 * percentages >= rows) return "percentages"
  return votes > shares ? "votes" : "shares"
}

/** `votes: rows sum to 3 to 10, read as shares`. */
export const note = (scale: Scale, { sums }: Tally): string => {
  const [least, most] = sums[scale]
  const [low, high] = [rounded(least), rounded(most)]
  return `${scale}: rows sum to ${low === high ? low : `${low} to ${high}`}${
    scale === "shares" ? "" : ", read as shares"
  }`
}

/** Ones in every row, where rows hold nothing else and all have as many: with more than one, answers to questions. */
export const onesOf = ({ binary, rows, sums: { votes: [least, most] }, votes }: Tally): number =>
  binary && votes === rows && least === most ? least : 0

/** The shares that a row's numbers are, in their order. */
export const read = (scale: Scale, weights: ReadonlyArray<number>): Result.Result<ReadonlyArray<number>, BadRow> => {
  const negative = weights.find((weight) => !(weight >= -noise))
  if (negative !== undefined) {
    return Result.fail({ reason: "negative", detail: `${negative} for a label, expected none below 0` })
  }
  if (fits(weights)[scale]) return Result.succeed(Divergence.normalise(weights.map((weight) => Math.max(0, weight))))
  const sum = rounded(Divergence.total(weights))
  const expected = {
    shares: `expected 1 ± ${tolerance}`,
    percentages: `expected 100 ± ${100 * tolerance}, as most rows have`,
    votes: "expected whole numbers that are not all 0, as most rows have"
  }
  return Result.fail({ reason: "sum", detail: `numbers sum to ${sum}, ${expected[scale]}` })
}

/** The scale that a row is on by itself, if it is on any: all of it on one label may be a share or a vote. */
export const ofRow = (weights: ReadonlyArray<number>): Scale | undefined => {
  const { percentages, shares, votes } = fits(weights)
  if (shares) return votes ? undefined : "shares"
  return percentages ? "percentages" : votes ? "votes" : undefined
}
