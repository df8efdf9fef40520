/** Charts of memory over work, with what the report draws its curves with. */
import { line } from "../../src/studies/report/Chart.ts"
import { sheet } from "../../src/studies/report/Sheet.ts"
import type { Sample, Samples } from "./samples.ts"

const size = { width: 620, height: 200 }

const chart = (title: string, { collected, plain }: Samples): string => {
  const points = (samples: ReadonlyArray<Sample>) => samples.map(({ done, mebibytes }) => [done, mebibytes] as const)
  return line({
    title: `${title}: resident MiB`,
    ...size,
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
  sheet(parts.map(({ samples, title }) => chart(title, samples)), size)
