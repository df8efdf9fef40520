/** Charts of memory over work, with what the report draws its curves with. */
import { line } from "../../src/studies/report/Chart.ts"
import type { Sample, Samples } from "./samples.ts"

/** A chart of the report, as a file of its own. */
const alone = (charts: ReadonlyArray<string>): string => {
  const [width, height] = [620, 200]
  const parts = charts.map((chart, i) =>
    chart.replace("<svg ", `<svg y="${i * height}" width="${width}" height="${height}" `)
  )
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

/** One picture of all parts, one below the other. */
export const draw = (parts: ReadonlyArray<{ readonly title: string; readonly samples: Samples }>): string =>
  alone(parts.map(({ samples, title }) => chart(title, samples)))
