/**
 * Distributions over labels as readers make them: shares that were written down, and single labels.
 */
import { Result } from "effect"
import * as Divergence from "../kernels/math/Divergence.ts"
import type { BadRow } from "./Rows.ts"

/** All mass on one label, in label order. */
export const oneHot = (labels: ReadonlyArray<string>, label: string): ReadonlyArray<number> => labels.map((name) => name === label ? 1 : 0)

/** Non-negative finite shares that sum to 1 within `tolerance`, renormalised. */
export const normalised = (shares: ReadonlyArray<number>, tolerance: number): Result.Result<ReadonlyArray<number>, BadRow> => {
  const wrong = shares.find((share) => !(share >= 0 && share < Infinity))
  if (wrong !== undefined) return Result.fail({ reason: wrong < 0 ? "negative" : "not-a-number", detail: `a share is ${wrong}, expected one from 0 to 1` })
  const sum = Divergence.total(shares)
  // 1e-9: 0.98 written in decimals is still within 0.02 of 1.
  return Math.abs(sum - 1) <= tolerance + 1e-9
    ? Result.succeed(Divergence.normalise(shares))
    : Result.fail({ reason: "sum", detail: `shares sum to ${Number(sum.toFixed(6))}, expected 1 ± ${tolerance}` })
}
