/**
 * Answers as Label Studio's tasks with predictions, which its import shows as pre-annotations.
 *
 * A distribution is its first label as a choice, since Label Studio has no control for all of it; the whole of it is in
 * the task's data. A picture without an answer is a task without predictions, whose data says why.
 */
import { Stream } from "effect"
import { posix } from "node:path"
import { listed } from "./Coco.ts"
import { isBoxes, type Row, type Shape } from "./Row.ts"

export interface Options {
  /** Stands before the names of pictures. */
  readonly prefix: string
  readonly model: string
}

/** A name within an address: slashes stay, and none leads out of the storage's root. */
const addressOf = (prefix: string, image: string) =>
  prefix + posix.normalize(image).replace(/^(?:\.{0,2}\/)+/, "").split("/").map(encodeURIComponent).join("/")

const percent = (part: number, whole: number) => Math.round(part / whole * 1e6) / 1e4

const regions = ({ height = 1, value, width = 1 }: Row, { labels }: Shape): ReadonlyArray<object> => {
  if (value === null) return []
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

const taskOf = (row: Row, shape: Shape, { model, prefix }: Options): string => {
  const { annotation, confidence, fault, image, reasoning, value } = row
  const told = reasoning === null
    ? []
    : [{ id: "reasoning", from_name: "reasoning", to_name: "image", type: "textarea", value: { text: [reasoning] } }]
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
      result: [...regions(row, shape), ...told]
    }]
  })
}

/** Texts that are the file one after another. */
export const document = <E, R>(
  rows: Stream.Stream<Row, E, R>,
  shape: Shape,
  options: Options
): Stream.Stream<string, E, R> =>
  Stream.make("[").pipe(
    Stream.concat(listed(Stream.map(rows, (row) => taskOf(row, shape, options)))),
    Stream.concat(Stream.make("\n]\n"))
  )
