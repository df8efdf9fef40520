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
const decimal = /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?$/i
const percentage = /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)\s*%$/

const rounded = (value: number) => Number(value.toFixed(6))

/** What the numbers of a table are. */
export type Values = "shares" | "percentages" | "votes"

/** The number in a cell, of a percentage the number before the sign; none where it is no decimal number. */
export const amountOf = (cell: string): number | undefined => {
  const text = cell.trim()
  const number = Number(percentage.test(text) ? text.slice(0, -1) : text)
  return (decimal.test(text) || percentage.test(text)) && Number.isFinite(number) ? number : undefined
}

const readBy = (values: Values) => `{ values: "${values}" } reads them, and so does rise train --data`

/** What numbers that are no shares may have been meant as, and how they become shares. */
const meant = (shares: ReadonlyArray<number>, sum: number, tolerance: number): string => {
  if (Math.abs(sum - 100) <= 100 * tolerance + noise) return `; they look like percentages: ${readBy("percentages")}`
  return sum > 1 && shares.every(Number.isInteger)
    ? `; whole numbers look like votes: ${readBy("votes")}`
    : ""
}

const wanted: Readonly<Record<Values, string>> = {
  shares: "a share from 0 to 1",
  percentages: "a percentage from 0 to 100",
  votes: "a number of votes"
}

/** The number that a cell of a table holds. */
const valueOf = (label: string, cell: string, values: Values): Result.Result<number, BadRow> => {
  const bad = (reason: string, more = "") =>
    Result.fail({ reason, detail: `${label} is "${cell}", expected ${wanted[values]}${more}` })
  const value = amountOf(cell)
  if (value === undefined) return bad("not-a-number")
  if (percentage.test(cell) && values !== "percentages") {
    return bad("not-a-number", values === "shares" ? `: percentages look so, ${readBy("percentages")}` : "")
  }
  // Also of -0, which is no share that a text could be written for.
  return value < -noise ? bad("negative") : Result.succeed(Math.max(0, value))
}

/**
 * The distribution that a row of a table holds: a cell for each label. Shares sum to 1 within `tolerance`, percentages
 * to 100 within a hundred times that, with a sign or without; they are renormalised. Votes are divided by their sum.
 * Cells below zero by less than 1e-9 are zeros.
 */
export const read = (
  labels: ReadonlyArray<string>,
  cells: ReadonlyArray<string>,
  tolerance: number,
  values: Values = "shares"
): Result.Result<ReadonlyArray<number>, BadRow> =>
  Result.flatMap(Result.all(labels.map((label, i) => valueOf(label, (cells[i] ?? "").trim(), values))), (numbers) => {
    const sum = Divergence.total(numbers)
    const bad = (expected: string) =>
      Result.fail({ reason: "sum", detail: `${values} sum to ${rounded(sum)}, expected ${expected}` })
    if (values === "votes") {
      return sum > 0 && Number.isFinite(sum) ? Result.succeed(Divergence.normalise(numbers)) : bad("at least one")
    }
    const whole = values === "percentages" ? 100 : 1
    // 0.98 written in decimals is still within 0.02 of 1.
    if (Math.abs(sum - whole) <= whole * tolerance + noise) return Result.succeed(Divergence.normalise(numbers))
    return bad(`${whole} ± ${whole * tolerance}${values === "shares" ? meant(numbers, sum, tolerance) : ""}`)
  })
