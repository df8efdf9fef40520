/**
 * Pictures of a report with what every method said about them.
 */
import type { Example } from "../examples.ts"
import * as Chart from "./Chart.ts"

const exampleOf = ({ bars, image, part, png, question, said, truth, worst }: Example): string => {
  const spoken = said.filter(({ method }) => ["base", "SFT", "Visual-RFT", "RISE"].includes(method)).map((
    { annotation, bars: own, method, reasoning, text }
  ) =>
    `<div class="said"><div><b>${Chart.escape(method)}</b>${
      reasoning === null ? "" : `<q>${Chart.escape(reasoning)}</q><br>`
    }` +
    `<code>${Chart.escape(annotation ?? `not an annotation: ${text}`)}</code></div><div>${
      bars.length === 0 ? "" : Chart.paired(bars, own)
    }</div></div>`
  )
  return `<div class="card example"><div><img src="${Chart.escape(png)}" alt=""><div class="meta">${
    Chart.escape(image)
  }${part === null ? "" : ` · ${Chart.escape(part)}`}` +
    `${question === undefined ? "" : `<br>${Chart.escape(question)}`}<br>truth: ${Chart.escape(truth)}${
      worst === true ? "<br><b>among the farthest off</b>" : ""
    }</div></div><div>${spoken.join("")}</div></div>`
}

/** All of them, as they are ordered. */
export const examples = (examples: ReadonlyArray<Example>): string =>
  `<div class="stack">${examples.map(exampleOf).join("")}</div>`
