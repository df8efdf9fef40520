/** Resampling on vectors, strip by strip: a picture of any size in a memory that caches hold. */
import * as Module from "../wasm/Module.ts"
import type { Pixels } from "./Image.ts"
import { along, down, group, places, rowsAlong, vectorBytes } from "./resampleKernels.ts"
import type { Size } from "./smartResize.ts"
import { tableOf } from "./weightTables.ts"

const kernelsOf = Module.compiledOnce<"along" | "down">(() => ({ along, down }))

/** Bytes of a strip: its sources, its result and what is in between. */
const STRIP = 2 ** 19

const aligned = (bytes: number): number => Math.ceil(bytes / vectorBytes) * vectorBytes

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
