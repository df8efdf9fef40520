/**
 * Answers as a COCO file of its own, with images, categories and annotations, as annotation tools import it. Each
 * annotation has its `score`, so that pycocotools' `loadRes` takes the list of annotations as results, too.
 *
 * Pictures without an answer are none of its images, for there they would look empty: they stand in `faults`.
 */
import { Stream } from "effect"
import { isBoxes, type Row, type Shape } from "./Row.ts"

/** Texts with a comma between any two. */
export const listed = <E, R>(items: Stream.Stream<string, E, R>): Stream.Stream<string, E, R> =>
  items.pipe(Stream.zipWithIndex, Stream.map(([text, i]) => i === 0 ? `\n${text}` : `,\n${text}`))

const answered = (row: Row) => row.value !== null

const boxesOf = ({ value }: Row) => value !== null && isBoxes(value) ? value : []

/** Texts that are the file one after another. @param rows run once for each list of the file */
export const document = <E, R>(
  rows: Stream.Stream<Row, E, R>,
  { labels }: Shape,
  model: string
): Stream.Stream<string, E, R> => {
  const categories = labels.map((name, i) => ({ id: i + 1, name, supercategory: "" }))
  const idOf = new Map(categories.map(({ id, name }) => [name, id]))
  const images = rows.pipe(
    Stream.filter(answered),
    Stream.zipWithIndex,
    Stream.map(([{ height, image, reasoning, width }, i]) =>
      JSON.stringify({ id: i + 1, file_name: image, width, height, ...(reasoning === null ? {} : { reasoning }) })
    )
  )
  const annotations = rows.pipe(
    Stream.filter(answered),
    Stream.zipWithIndex,
    Stream.flatMap(([row, i]) => Stream.fromIterable(boxesOf(row).map((boxed) => ({ boxed, image: i + 1 })))),
    Stream.zipWithIndex,
    Stream.map(([{ boxed: { box, label, score }, image }, i]) =>
      JSON.stringify({
        id: i + 1,
        image_id: image,
        category_id: (label === undefined ? undefined : idOf.get(label)) ?? 1,
        bbox: box,
        area: Math.round(box[2] * box[3] * 100) / 100,
        iscrowd: 0,
        segmentation: [],
        ...(score === undefined ? {} : { score })
      })
    )
  )
  const faults = rows.pipe(
    Stream.filter((row) => !answered(row)),
    Stream.map(({ fault, image }) => JSON.stringify({ file_name: image, fault: fault ?? "" }))
  )
  const info = { description: `Boxes by ${model}`, version: "1.0" }
  return Stream.concat(
    Stream.make(`{"info":${JSON.stringify(info)},"licenses":[],"categories":${JSON.stringify(categories)},"images":[`),
    listed(images)
  ).pipe(
    Stream.concat(Stream.make("\n],\"annotations\":[")),
    Stream.concat(listed(annotations)),
    Stream.concat(Stream.make("\n],\"faults\":[")),
    Stream.concat(listed(faults)),
    Stream.concat(Stream.make("\n]}\n"))
  )
}
