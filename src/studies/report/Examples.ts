/**
 * Pictures of a report with what every method said about them.
 */
import { Option } from "effect"
import type { Drawing, DrawnBox } from "../Drawing.ts"
import type { Example } from "../examples.ts"
import * as Bars from "./Bars.ts"
import { f } from "./Chart.ts"
import { escape } from "./Html.ts"

/** Width and height of a PNG, from its head; a square where there is none. */
const sizeOf = (uri: string): readonly [number, number] => {
  const head = Buffer.from(uri.slice(uri.indexOf(",") + 1, uri.indexOf(",") + 33), "base64")
  return head.length < 24 ? [100, 100] : [Math.max(1, head.readUInt32BE(16)), Math.max(1, head.readUInt32BE(20))]
}

/** A picture with boxes over it, in shares of its sides. */
export const shot = (
  png: string,
  words: string,
  truth: ReadonlyArray<DrawnBox>,
  said: ReadonlyArray<DrawnBox> = []
): string => {
  const [width, height] = sizeOf(png)
  const drawn = (kind: string) => (box: DrawnBox) =>
    `<rect class="box ${kind}" x="${f(box.x * width)}" y="${f(box.y * height)}" width="${
      f(box.width * width)
    }" height="${f(box.height * height)}"><title>${escape(box.label ?? kind)}</title></rect>`
  return `<svg class="shot" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(words)}">` +
    `<image href="${escape(png)}" width="${width}" height="${height}"/>` +
    `${truth.map(drawn("truth")).join("")}${said.map(drawn("ours")).join("")}</svg>`
}

const exampleOf = (drawing: Drawing) => ({ bars, image, part, png, question, said, truth, worst }: Example): string => {
  const boxesOf = (text: string | null) =>
    text === null ? [] : Option.match(drawing.of(text), { onNone: () => [], onSome: ({ boxes }) => boxes })
  const right = boxesOf(truth)
  const spoken = said.filter(({ method }) => ["base", "SFT", "Visual-RFT", "RISE"].includes(method)).map((
    { annotation, bars: own, method, reasoning, text }
  ) => {
    const boxes = boxesOf(annotation)
    const drawn = annotation === null
      ? "<p class=\"note\">It cannot be read, so there is nothing to draw.</p>"
      : bars.length > 0
      ? Bars.paired(bars, own)
      : boxes.length > 0
      ? shot(png, `${image}: truth, and the boxes of ${method}`, right, boxes)
      : ""
    return `<div class="said"><div><b>${escape(method)}</b>${
      reasoning === null ? "" : `<br><q>${escape(reasoning)}</q>`
    }<br><code>${escape(annotation ?? `not an annotation: ${text}`)}</code></div><div>${drawn}</div></div>`
  })
  return `<div class="card example"><div>${shot(png, image, right)}<div class="meta">${escape(image)}${
    part === null ? "" : ` · ${escape(part)}`
  }${question === undefined ? "" : `<br>${escape(question)}`}<br>truth: ${escape(truth)}${
    worst === true ? "<br><b>among the farthest off</b>" : ""
  }</div></div><div>${spoken.join("")}</div></div>`
}

/** All of them, as they are ordered. */
export const examples = (drawing: Drawing, examples: ReadonlyArray<Example>): string =>
  `<div class="stack">${examples.map(exampleOf(drawing)).join("")}</div>`
