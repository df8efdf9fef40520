/** Tables of weights for resampling on vectors. */
import { type Weights, weightsOf } from "./cubic.ts"
import { group, pair } from "./resampleKernels.ts"

/** Weights of one direction in the kernels' form, an entry for each index of the result. */
export interface Packed {
  /** First source index of each. */
  readonly start: Int32Array
  /** How many sources contribute to each, and the most of them. */
  readonly count: Int32Array
  readonly most: number
  readonly entries: Int32Array
  readonly entryBytes: number
  /** Pairs of weights in an entry. */
  readonly pairs: number
}

/** `leads`: each entry begins with where the first source lies in a row, in bytes, and goes in whole groups. */
const pack = ({ count, start, stride, weights }: Weights, leads: boolean): Packed => {
  const most = count.reduce((most, count) => Math.max(most, count), 0)
  const pairs = leads ? 2 * Math.ceil(most / group) : Math.ceil(most / 2)
  const length = 2 * pairs + (leads ? 1 : 0)
  const entries = new Int32Array(count.length * length)
  for (let i = 0, at = 0; i < count.length; i++) {
    if (leads) entries[at++] = start[i]! * 3
    const weight = (k: number) => k < count[i]! ? weights[i * stride + k]! : 0
    for (let k = 0; k < 2 * pairs; k += 2) [entries[at++], entries[at++]] = pair(weight(k), weight(k + 1))
  }
  return { start, count, most, entries, entryBytes: 4 * length, pairs }
}

/** Tables that are kept, for pictures of a data set share a few sizes; each of at most so many numbers. */
const TABLES = 16
const TABLE_NUMBERS = 2 ** 16

/** The one that was used last is the last. */
const tables = new Map<string, Packed>()

/** Weights that resample `from` pixels to `to`: those asked for last are kept. */
export const tableOf = (from: number, to: number, leads: boolean): Packed => {
  const key = `${from} ${to} ${leads}`
  const known = tables.get(key)
  tables.delete(key)
  const table = known ?? pack(weightsOf(from, to), leads)
  if (table.entries.length > TABLE_NUMBERS) return table
  tables.set(key, table)
  for (const oldest of tables.keys()) {
    if (tables.size <= TABLES) break
    tables.delete(oldest)
  }
  return table
}
