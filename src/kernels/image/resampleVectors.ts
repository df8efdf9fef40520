/** Resampling on vectors, strip by strip: a picture of any size in a memory that caches hold. */
import * as Module from "../wasm/Module.ts"
import { type Weights, weightsOf } from "./cubic.ts"
import type { Pixels } from "./Image.ts"
import { along, down, group, pair, places, rowsAlong, vectorBytes } from "./resampleKernels.ts"
import type { Size } from "./smartResize.ts"

const kernelsOf = Module.compiledOnce<"along" | "down">(() => ({ along, down }))

/** Bytes of a strip: its sources, its result and what is in between. */
const STRIP = 2 ** 19

const aligned = (bytes: number): number => Math.ceil(bytes / vectorBytes) * vectorBytes

/** Weights of one direction in the kernels' form, an entry for each index of the result. */
interface Packed {
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

const tables = new Map<string, Packed>()

const tableOf = (from: number, to: number, leads: boolean): Packed => {
  const key = `${from} ${to} ${leads}`
  const known = tables.get(key)
  if (known !== undefined) return known
  const made = pack(weightsOf(from, to), leads)
  if (made.entries.length > TABLE_NUMBERS) return made
  for (const oldest of tables.keys()) {
    if (tables.size < TABLES) break
    tables.delete(oldest)
  }
  tables.set(key, made)
  return made
}

/** Nothing where there are no vectors, or where the picture would take more memory than is kept. */
export const resampleVectors = ({ data, height, width }: Pixels, to: Size): Pixels | undefined => {
  const kernels = kernelsOf()
  if (kernels === undefined) return undefined
  const isWider = to.width !== width
  const isHigher = to.height !== height
  const across = tableOf(width, to.width, true)
  const upright = tableOf(height, to.height, false)

  // A row between the directions has room for what kernels store too much, where it is not one of the source's.
  const [line, outLine] = [width * 3, to.width * 3]
  const wideLine = isWider ? aligned(outLine + 1) : line
  const lines = upright.most + Math.floor(STRIP / (line + wideLine + outLine))
  const acrossAt = places.byteLength
  const uprightAt = acrossAt + 4 * across.entries.length
  const sourceAt = aligned(uprightAt + 4 * upright.entries.length)
  // Rows go along several at a time: the last of a strip may have others behind it.
  const more = rowsAlong - 1
  const wideAt = sourceAt + (isWider ? aligned((lines + more) * line + 3 * group * across.pairs) : 0)
  const targetAt = wideAt + aligned((lines + 1 + (isWider ? more : 0)) * wideLine) + vectorBytes
  const bytes = targetAt + lines * outLine + vectorBytes
  const { calls, memory: reserve } = kernels
  const memory = reserve(bytes)
  if (memory === undefined) return undefined
  memory.set(places)
  const numbers = new Int32Array(memory.buffer)
  numbers.set(across.entries, acrossAt / 4)
  numbers.set(upright.entries, uprightAt / 4)

  // Every byte of it is written.
  const out = new Uint8Array(Buffer.allocUnsafeSlow(to.height * outLine).buffer)
  const firstOf = (y: number) => isHigher ? upright.start[y]! : y
  const endOf = (y: number) => isHigher ? upright.start[y]! + upright.count[y]! : y + 1
  // Rows of the source that lie in the memory, resampled along.
  let [first, end] = [0, 0]
  for (let y = 0; y < to.height;) {
    const from = firstOf(y)
    let next = y + 1
    while (next < to.height && next - y < lines && endOf(next) - from <= lines) next++
    const kept = Math.max(0, end - from)
    memory.copyWithin(wideAt, wideAt + (end - kept - first) * wideLine, wideAt + (end - first) * wideLine)
    const begin = from + kept
    ;[first, end] = [from, endOf(next - 1)]
    const into = wideAt + kept * wideLine
    memory.set(data.subarray(begin * line, end * line), isWider ? sourceAt : into)
    if (isWider) {
      const stop = into + (end - begin) * wideLine
      calls.along(sourceAt, line, into, wideLine, stop, acrossAt, uprightAt, across.entryBytes)
    }
    for (let row = y; row < next; row++) {
      const at = wideAt + (firstOf(row) - first) * wideLine
      if (!isHigher) out.set(memory.subarray(at, at + outLine), row * outLine)
      else {
        const target = targetAt + (row - y) * outLine
        const table = uprightAt + row * upright.entryBytes
        calls.down(at, wideLine, target, target + outLine, table, table + upright.entryBytes)
      }
    }
    if (isHigher) out.set(memory.subarray(targetAt, targetAt + (next - y) * outLine), y * outLine)
    y = next
  }
  return { width: to.width, height: to.height, data: out }
}
