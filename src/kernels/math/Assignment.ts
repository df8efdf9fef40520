/**
 * Optimal one-to-one assignment over a rectangular table, in O(n³).
 *
 * Wraps `hungarian-on3`, which is right when it minimises and rows ≤ columns, and wrong for `isProfit = true` (it
 * prices a profit of 0 as infeasible) and for tall tables (padding columns are not reduced with the others). So: always
 * minimise, transpose when tall. Entries at or above 2^30 mean "infeasible" to it, so costs are shifted to start at 0
 * and their range is bounded.
 */
import hungarian from "hungarian-on3"

/** Row-major table; every row has the same length. */
export type Table = ReadonlyArray<ReadonlyArray<number>>

/** The column assigned to each row, -1 where a row stays alone. */
export type Assignment = Int32Array

/** Ranges above this would run into the library's infeasible mark. */
const maxRange = 2 ** 29

/** Checked bounds of a table. @throws RangeError on ragged rows and non-finite entries. */
const bounds = (table: Table): { readonly columns: number; readonly least: number; readonly most: number } => {
  const columns = table[0]?.length ?? 0
  let least = Infinity
  let most = -Infinity
  for (let i = 0; i < table.length; i++) {
    const row = table[i]!
    if (row.length !== columns) throw new RangeError(`row ${i} has ${row.length} entries, row 0 has ${columns}`)
    for (let j = 0; j < columns; j++) {
      const entry = row[j]!
      // A NaN would never compare smaller and the search would not end.
      if (!Number.isFinite(entry)) throw new RangeError(`entry [${i}, ${j}] is ${entry}, expected a finite number`)
      if (entry < least) least = entry
      if (entry > most) most = entry
    }
  }
  if (most - least >= maxRange) {
    throw new RangeError(`entries span ${most - least}, expected less than 2^29: rescale the table`)
  }
  return { columns, least, most }
}

/** Solves a table given as a cost function whose values start at 0. */
const solve = (rows: number, columns: number, cost: (row: number, column: number) => number): Assignment => {
  const assigned = new Int32Array(rows).fill(-1)
  if (rows === 0 || columns === 0) return assigned
  const tall = rows > columns
  const height = tall ? columns : rows
  const width = tall ? rows : columns
  const costs = new Array<Array<number>>(height)
  for (let i = 0; i < height; i++) {
    const line = new Array<number>(width)
    for (let j = 0; j < width; j++) line[j] = tall ? cost(j, i) : cost(i, j)
    costs[i] = line
  }
  for (const [i, j] of hungarian(costs)) {
    if (j < 0) continue
    if (tall) assigned[j] = i
    else assigned[i] = j
  }
  return assigned
}

/** The assignment of least total cost; the shorter side is assigned completely. */
export const minimise = (cost: Table): Assignment => {
  const { columns, least } = bounds(cost)
  return solve(cost.length, columns, (i, j) => cost[i]![j]! - least)
}

/**
 * The assignment of most total profit, for example of IoU; the shorter side is assigned completely, at 0 if need be.
 */
export const maximise = (profit: Table): Assignment => {
  const { columns, most } = bounds(profit)
  return solve(profit.length, columns, (i, j) => most - profit[i]![j]!)
}
