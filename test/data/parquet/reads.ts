/**
 * Reads Parquet files in a process of its own, which can be ended where a reader does not come back. Writes a line of
 * JSON for each.
 *
 *     node reads.ts FILE…                     every file
 *     node reads.ts --flip SEED STRIDE FILE   the file with one byte of its footer changed, for every STRIDE-th byte
 */
import { Effect, Exit, Schema } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { Parquet } from "../../../src/data/index.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { peakBytes } from "../../../src/kernels/runtime/peak.ts"
import { stopwatch } from "../../stopwatch.ts"
import { collect, live } from "../folders.ts"

const read = async (file: string) => {
  const spent = stopwatch()
  const exit = await Effect.runPromiseExit(
    live(collect(Parquet.read([file], { annotation: Schema.Unknown, maxPixels: 10_000 })))
  )
  const found = Exit.isSuccess(exit)
    ? { error: exit.value.error, samples: exit.value.samples.length }
    : { defect: String(exit.cause) }
  return { ...found, milliseconds: spent(), mebibytes: peakBytes() / 2 ** 20 }
}

const [first = "", seed = "", stride = "", target = ""] = process.argv.slice(2)
if (first === "--flip") {
  const bytes = readFileSync(target)
  const footer = bytes.readUInt32LE(bytes.length - 8) + 8
  const damaged = `${process.env["TMPDIR"] ?? "/tmp"}/flipped-${process.pid}.parquet`
  for (let at = bytes.length - footer; at < bytes.length; at += Number(stride)) {
    const changed = Buffer.from(bytes)
    changed[at] = changed[at]! ^ (1 + Keyed.stream(Number(seed), `flip/${at}`).int(255))
    writeFileSync(damaged, changed)
    console.log(JSON.stringify({ at, ...(await read(damaged)) }))
  }
} else {
  for (const file of process.argv.slice(2)) console.log(JSON.stringify({ file, ...(await read(file)) }))
}
