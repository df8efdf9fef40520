/**
 * `npm run test:soak`: many steps of training in one process, many pipelines in another, both at once. Prints how much
 * each grew after its warm-up, and draws what memory it had: STEPS (2000), PIPELINES (150), OUT (soak.svg). Ends with 1
 * where one grew by 3% or more.
 */
import { spawn } from "node:child_process"
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { draw } from "./draw.ts"
import { growth } from "./growth.ts"
import { type Samples, samplesOf } from "./samples.ts"

const { OUT = "soak.svg", PIPELINES = "150", STEPS = "2000" } = process.env
/** Growth that is taken for a leak. */
const MOST = 0.03

const program = fileURLToPath(new URL("./process.ts", import.meta.url))

/** What a process had, once it has ended; it must not fail. */
const run = (what: string, count: string) =>
  new Promise<Samples>((resolve, reject) => {
    const child = spawn(process.execPath, ["--expose-gc", program, what, count], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    let text = ""
    child.stdout.on("data", (chunk) => {
      text += String(chunk)
    })
    child.on("close", (code) => code === 0 ? resolve(samplesOf(text)) : reject(new Error(`${what} ended with ${code}`)))
  })

const percent = (share: number) => `${(100 * share).toFixed(1)}%`

const parts = await Promise.all(
  ([["steps", STEPS], ["pipelines", PIPELINES]] as const).map(async ([what, count]) => ({
    title: `${count} ${what}`,
    samples: await run(what, count)
  }))
)
writeFileSync(OUT, draw(parts))
let most = -Infinity
for (const { samples, title } of parts) {
  for (const kind of ["plain", "collected"] as const) {
    const found = growth(samples[kind])
    most = Math.max(most, found)
    const last = samples[kind].at(-1)?.mebibytes ?? NaN
    console.log(
      `${title}, ${kind}: ${samples[kind].length} samples, ${percent(found)} after warm-up, ${last.toFixed(0)} MiB`
    )
  }
}
// Not `most >= MOST`: a figure that is none is no success.
process.exitCode = most < MOST ? 0 : 1
