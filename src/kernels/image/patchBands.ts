/**
 * Cutting pixels into patches in WebAssembly, a band of merge blocks at a time: loops that are unrolled for the patch's
 * size, in a memory that caches hold.
 */
import * as Code from "../wasm/Code.ts"
import * as Module from "../wasm/Module.ts"
import type { Pixels } from "./Image.ts"
import type { PatchOptions } from "./PatchOptions.ts"

const { add, advance, all, constant, get, mul, set, shiftLeft, until } = Code

/** A band of the picture at `source` into its patches at `target`. The table of values lies at 0. */
const band = ({ mergeSize, patchSize, temporalPatchSize }: PatchOptions): Module.Definition => ({
  parameters: 4,
  body: (parameter, fresh) => {
    const [source, sourceEnd, line, target] = [parameter(0), parameter(1), parameter(2), parameter(3)]
    const [y, x, channel, row] = [fresh.number(), fresh.number(), fresh.number(), fresh.number()]
    const [from, values, value] = [fresh.number(), fresh.number(), fresh.number()]
    const area = patchSize * patchSize
    const times = Array.from({ length: temporalPatchSize }, (_, time) => 4 * area * time)
    const count = (local: Code.Local, times: number, body: Code.Code) =>
      all(set(local, constant(0)), until(local, constant(times), constant(1), body))
    const pixel = (column: number) =>
      all(
        set(value, Code.load32(add(get(values), shiftLeft(Code.loadByte(get(from), 3 * column), constant(2))))),
        ...times.map((time) => Code.store32(get(target), get(value), time + 4 * column))
      )
    return until(
      source,
      get(sourceEnd),
      constant(3 * patchSize * mergeSize),
      count(
        y,
        mergeSize,
        count(
          x,
          mergeSize,
          count(
            channel,
            3,
            all(
              // The row, the column and the channel of the first byte.
              set(from, add(get(source), mul(get(line), mul(get(y), constant(patchSize))))),
              advance(from, add(mul(get(x), constant(3 * patchSize)), get(channel))),
              set(values, shiftLeft(get(channel), constant(10))),
              count(
                row,
                patchSize,
                all(
                  ...Array.from({ length: patchSize }, (_, column) => pixel(column)),
                  advance(from, get(line)),
                  advance(target, constant(4 * patchSize))
                )
              ),
              advance(target, constant(4 * area * (temporalPatchSize - 1)))
            )
          )
        )
      )
    )
  }
})

/** By sizes of a patch: models have one each. */
const kernelOf = Module.compiledOnce(
  (options: PatchOptions) => ({ band: band(options) }),
  ({ mergeSize, patchSize, temporalPatchSize }) => `${patchSize} ${temporalPatchSize} ${mergeSize}`
)

/** Fills `patches`; false, and nothing is done, where there is no WebAssembly or it would take too much memory. */
export const patchBands = ({ data, height, width }: Pixels, options: PatchOptions, patches: Float32Array): boolean => {
  const { mergeSize, patchSize, table, temporalPatchSize } = options
  const line = 3 * width
  const bytes = patchSize * mergeSize * line
  const values = bytes * temporalPatchSize
  const sourceAt = table.byteLength
  const targetAt = Math.ceil((sourceAt + bytes) / 4) * 4
  const length = targetAt + 4 * values
  const kernel = kernelOf(options)
  // Bands that are too wide for it are left to plain loops.
  const memory = kernel?.memory(length)
  if (kernel === undefined || memory === undefined) return false
  new Float32Array(memory.buffer).set(table)
  const filled = memory.subarray(targetAt, length)
  // `set` goes a number at a time where memory is shared; filling with as many bytes as there is room for copies them.
  const into = Buffer.from(patches.buffer, patches.byteOffset, patches.byteLength)
  for (let from = 0, at = 0; from < height * line; from += bytes, at += values) {
    memory.set(data.subarray(from, from + bytes), sourceAt)
    kernel.calls.band(sourceAt, sourceAt + line, line, targetAt)
    into.fill(filled, 4 * at, 4 * (at + values))
  }
  return true
}
