/**
 * `npm run test:soak`: many steps of training in one process, many pipelines in another, both at once. Prints how much
 * each grew after its warm-up, and draws what memory it had: STEPS (2000), PIPELINES (50), OUT (soak.svg). Ends with 1
 * where one grew by 3% or more.
 */
import { spawn } from "node:child_process"
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { line } from "../../src/studies/report/Chart.ts"
import { growth, type Sample } from "./growth.ts"

const { OUT = "soak.svg", PIPELINES = "50", STEPS = "2000" } = process.env
/** Growth that is taken for a leak. */
const MOST = 0.03

const program = fileURLToPath(new URL("./process.ts", import.meta.url))

type Kind = "plain" | "collected"
type Samples = Readonly<Record<Kind, ReadonlyArray<Sample>>>

const samplesOf = (text: string): Samples => {
  const found: Record<Kind, Array<Sample>> = { plain: [], collected: [] }
  for (const row of text.split("\n").filter((row) => row.startsWith("["))) {
    const [done, kind, mebibytes]: readonly [number, Kind, number] = JSON.parse(row)
    found[kind].push({ done, mebibytes })
  }
  return found
}

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

/** A chart of the report, as a file of its own. */
const alone = (charts: ReadonlyArray<string>): string => {
  const [width, height] = [620, 200]
  const parts = charts.map((chart, i) => chart.replace("<svg ", `<svg y="${i * height}" width="${width}" height="${height}" `))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${charts.length * height}">` +
    `<style>svg{background:#fff}text{font:11px sans-serif;fill:#555}.title{font-weight:600;fill:#222}` +
    `.grid{stroke:#ddd}</style>${parts.join("")}</svg>\n`
}

const chart = (title: string, { collected, plain }: Samples): string => {
  const points = (samples: ReadonlyArray<Sample>) => samples.map(({ done, mebibytes }) => [done, mebibytes] as const)
  return line({
    title: `${title}: resident MiB`,
    width: 620,
    height: 200,
    // From nothing: a leak is told by how much of the whole it is.
    range: [0, 0],
    series: [
      { name: "as it is", colour: "#c2410c", points: points(plain) },
      { name: "collected", colour: "#1d4ed8", points: points(collected), dots: true }
    ]
  })
}

const parts = await Promise.all(
  ([["steps", STEPS], ["pipelines", PIPELINES]] as const).map(async ([what, count]) => ({
    title: `${count} ${what}`,
    samples: await run(what, count)
  }))
)
writeFileSync(OUT, alone(parts.map(({ samples, title }) => chart(title, samples))))
let most = -Infinity
for (const { samples, title } of parts) {
  for (const kind of ["plain", "collected"] as const) {
    const found = growth(samples[kind])
    most = Math.max(most, found)
    const last = samples[kind].at(-1)?.mebibytes ?? NaN
    console.log(`${title}, ${kind}: ${samples[kind].length} samples, ${percent(found)} after warm-up, ${last.toFixed(0)} MiB`)
  }
}
// Not `most >= MOST`: a figure that is none is no success.
process.exitCode = most < MOST ? 0 : 1
