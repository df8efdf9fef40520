/**
 * Answers as a COCO file of its own, with images, categories and annotations, as annotation tools import it; and as
 * COCO's results, the list that pycocotools' `loadRes` compares with a file of truths.
 *
 * Pictures without an answer are none of its images, for there they would look empty: they stand in `faults`.
 */
import { Effect, Option, Stream } from "effect"
import { RunFileError } from "../../dsl/RunError.ts"
import type { Ids } from "./CocoIds.ts"
import { isBoxes, type Row, type Shape } from "./Row.ts"

/** Texts with a comma between any two. */
export const listed = <E, R>(items: Stream.Stream<string, E, R>): Stream.Stream<string, E, R> =>
  items.pipe(Stream.zipWithIndex, Stream.map(([text, i]) => i === 0 ? `\n${text}` : `,\n${text}`))

const answered = (row: Row) => row.value !== null

const areaOf = (width: number, height: number) => Math.round(width * height * 100) / 100

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
        area: areaOf(box[2], box[3]),
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

/**
 * The results of one picture: a box without a score of its own has the answer's, for results are ranked by it.
 */
const resultsOf = (
  row: Row,
  { labels }: Shape,
  { category, image }: Ids
): Effect.Effect<ReadonlyArray<string>, RunFileError> => {
  const fail = (reason: string) => Effect.fail(new RunFileError({ path: row.image, reason }))
  const id = image(row.image)
  return Effect.forEach(boxesOf(row), ({ box, label = labels[0] ?? "", score = row.confidence }) => {
    const of = category(label)
    if (Option.isNone(id) || Option.isNone(of)) return fail(`no id for it, or for its label "${label}"`)
    return score === undefined
      ? fail("its boxes have no score, and COCO ranks results by it: the server tells no probabilities; --format coco")
      : Effect.succeed(JSON.stringify({ image_id: id.value, category_id: of.value, bbox: box, score }))
  })
}

/** Texts that are the list of results one after another. */
export const results = <E, R>(
  rows: Stream.Stream<Row, E, R>,
  shape: Shape,
  ids: Ids
): Stream.Stream<string, E | RunFileError, R> => {
  const each = rows.pipe(Stream.mapEffect((row) => resultsOf(row, shape, ids)), Stream.flattenIterable)
  return Stream.make("[").pipe(Stream.concat(listed(each)), Stream.concat(Stream.make("\n]\n")))
}
