/**
 * Answers as Label Studio's tasks with predictions, which its import shows as pre-annotations, and the labelling set-up
 * that they are made for.
 *
 * A distribution is its first label as a choice, since Label Studio has no control for all of it; the whole of it is in
 * the task's data. A picture without an answer is a task without predictions, whose data says why.
 */
import { Stream } from "effect"
import { posix } from "node:path"
import { listed } from "./Coco.ts"
import { isBoxes, type Row, type Shape, type Size, type Value } from "./Row.ts"

export interface Options {
  /** Stands before the names of pictures. */
  readonly prefix: string
  readonly model: string
}

/** A name within an address: slashes stay, and none leads out of the storage's root. */
export const addressOf = (prefix: string, image: string): string =>
  prefix + posix.normalize(image).replace(/^(?:\.{0,2}\/)+/, "").split("/").map(encodeURIComponent).join("/")

const percent = (part: number, whole: number) => Math.round(part / whole * 1e6) / 1e4

/** What is marked in a picture, as results of an annotation or a prediction. */
export const regions = (
  value: Value,
  { labels }: Shape,
  { height, width }: Size
): ReadonlyArray<object> => {
  if (!isBoxes(value)) {
    const [best] = Object.entries(value).toSorted(([, a], [, b]) => b - a)
    return best === undefined
      ? []
      : [{ id: "choice", from_name: "choice", to_name: "image", type: "choices", value: { choices: [best[0]] } }]
  }
  return value.map(({ box: [x, y, w, h], label = labels[0], score }, i) => ({
    id: `box-${i + 1}`,
    from_name: "label",
    to_name: "image",
    type: "rectanglelabels",
    original_width: width,
    original_height: height,
    image_rotation: 0,
    value: {
      x: percent(x, width),
      y: percent(y, height),
      width: percent(w, width),
      height: percent(h, height),
      rotation: 0,
      rectanglelabels: [label]
    },
    ...(score === undefined ? {} : { score })
  }))
}

/** What was thought, as a result beside the regions. */
export const told = (reasoning: string | null): ReadonlyArray<object> =>
  reasoning === null
    ? []
    : [{ id: "reasoning", from_name: "reasoning", to_name: "image", type: "textarea", value: { text: [reasoning] } }]

const taskOf = (row: Row, shape: Shape, { model, prefix }: Options): string => {
  const { annotation, confidence, fault, height = 1, image, reasoning, value, width = 1 } = row
  return JSON.stringify({
    data: {
      image: addressOf(prefix, image),
      file_name: image,
      ...(annotation === null ? { fault } : { annotation }),
      ...(value === null || isBoxes(value) ? {} : { distribution: value })
    },
    predictions: value === null ? [] : [{
      model_version: model,
      ...(confidence === undefined ? {} : { score: confidence }),
      result: [...regions(value, shape, { width, height }), ...told(reasoning)]
    }]
  })
}

/** Tasks, each as JSON, as texts that are the file one after another. */
export const document = <E, R>(tasks: Stream.Stream<string, E, R>): Stream.Stream<string, E, R> =>
  Stream.make("[").pipe(Stream.concat(listed(tasks)), Stream.concat(Stream.make("\n]\n")))

/** The file of rows. */
export const ofRows = <E, R>(
  rows: Stream.Stream<Row, E, R>,
  shape: Shape,
  options: Options
): Stream.Stream<string, E, R> => document(Stream.map(rows, (row) => taskOf(row, shape, options)))

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;" }

const attribute = (text: string) => text.replace(/[&<>"]/g, (character) => entities[character] ?? character)

/** The labelling set-up of a project that these tasks are imported into. */
export const setUp = ({ kind, labels }: Shape): string => {
  const each = (tag: string) => labels.map((label) => `    <${tag} value="${attribute(label)}"/>`).join("\n")
  const control = kind === "boxes"
    ? `  <RectangleLabels name="label" toName="image">\n${each("Label")}\n  </RectangleLabels>`
    : `  <Choices name="choice" toName="image" showInline="true">\n${each("Choice")}\n  </Choices>`
  return `<View>\n  <Image name="image" value="$image"/>\n${control}\n` +
    "  <TextArea name=\"reasoning\" toName=\"image\" rows=\"3\"/>\n</View>\n"
}
