/**
 * Distributions over labels as readers make them: shares that were written down, and single labels.
 */
import { Result } from "effect"
import * as Divergence from "../kernels/math/Divergence.ts"
import type { BadRow } from "./Rows.ts"

/** All mass on one label, in label order. */
export const oneHot = (labels: ReadonlyArray<string>, label: string): ReadonlyArray<number> =>
  labels.map((name) => name === label ? 1 : 0)

/** What arithmetic leaves of a zero, on either side of it. */
const noise = 1e-9

/** A decimal number, perhaps with an exponent: what `Number` reads besides, such as `0x1` and "", is no share. */
const decimal = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i
const percentage = /^[-+]?(?:\d+\.?\d*|\.\d+)\s*%$/

const rounded = (value: number) => Number(value.toFixed(6))

/** What numbers that are no shares may have been meant as, and how they become shares. */
const meant = (shares: ReadonlyArray<number>, sum: number, tolerance: number): string => {
  if (Math.abs(sum - 100) <= 100 * tolerance + noise) {
    return `; they look like percentages: divide each by ${rounded(sum)}`
  }
  return sum > 1 && shares.every(Number.isInteger)
    ? `; whole numbers look like votes: divide each by their sum, ${sum}`
    : ""
}

/** The share that a cell of a table holds. */
const shareOf = (label: string, cell: string): Result.Result<number, BadRow> => {
  const bad = (reason: string, more = "") =>
    Result.fail({ reason, detail: `${label} is "${cell}", expected a share from 0 to 1${more}` })
  if (percentage.test(cell)) {
    return bad("not-a-number", `: write the percentage as ${rounded(Number.parseFloat(cell) / 100)}`)
  }
  const share = Number(cell)
  if (!decimal.test(cell) || !Number.isFinite(share)) return bad("not-a-number")
  // Also of -0, which is no share that a text could be written for.
  return share < -noise ? bad("negative") : Result.succeed(Math.max(0, share))
}

/**
 * The distribution that a row of a table holds: a cell for each label, shares that sum to 1 within `tolerance`,
 * renormalised. Cells below zero by less than 1e-9 are zeros.
 */
export const read = (
  labels: ReadonlyArray<string>,
  cells: ReadonlyArray<string>,
  tolerance: number
): Result.Result<ReadonlyArray<number>, BadRow> =>
  Result.flatMap(Result.all(labels.map((label, i) => shareOf(label, (cells[i] ?? "").trim()))), (shares) => {
    const sum = Divergence.total(shares)
    // 0.98 written in decimals is still within 0.02 of 1.
    if (Math.abs(sum - 1) <= tolerance + noise) return Result.succeed(Divergence.normalise(shares))
    const expected = `expected 1 ± ${tolerance}${meant(shares, sum, tolerance)}`
    return Result.fail({ reason: "sum", detail: `shares sum to ${rounded(sum)}, ${expected}` })
  })
