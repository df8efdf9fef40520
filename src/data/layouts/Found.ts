/**
 * From rows to what a folder holds: surveyed once, then read again with every pass.
 */
import { Effect, type FileSystem, Option, type Path, Result, Stream } from "effect"
import { DataError, type Dataset } from "../../dsl/Dataset.ts"
import * as Quarantine from "../../dsl/Quarantine.ts"
import { type Outcome, sift } from "../../dsl/Sift.ts"
import type { Sample } from "../../dsl/Task.ts"
import { looked, others, words } from "../BoxPlace.ts"
import type * as Folder from "../Folder.ts"
import { inside, type Instances, unlessCrowds } from "../Instances.ts"
import { count, names, quoted } from "../Quoted.ts"
import type { BadRow } from "../Rows.ts"
import * as Spelling from "../Spelling.ts"
import type { Box } from "./BoxForms.ts"
import * as Composed from "./Composed.ts"
import type { Found, Hints } from "./Layout.ts"
import * as Merged from "./Merged.ts"
import * as Reading from "./Reading.ts"
import type { Part, Row } from "./Row.ts"
import * as Split from "./Split.ts"
import * as Survey from "./Survey.ts"

type Disk = FileSystem.FileSystem | Path.Path

export interface Options {
  readonly layout: string
  readonly hints: Hints
  readonly train: Part
  readonly test: Option.Option<Part>
  /** The labels' own order, where the data have one. */
  readonly order?: ReadonlyArray<string>
  /** Whether several rows of a picture belong together: its boxes one by one, or its labels by several annotators. */
  readonly spread: boolean
  readonly notes: ReadonlyArray<string>
}

const say = (source: string, reason: string) => new DataError({ source, reason })

/** Counts what all rows say, in silence: they are read again. Fails with the reasons where all rows are bad. */
const surveyed = (train: Part, test: Option.Option<Part>) =>
  Effect.gen(function*() {
    const counter = Survey.counter()
    const splits = Split.counter()
    for (const part of [train, ...Option.toArray(test)]) {
      const { brief, rows, source, unit } = part
      // What rows of a whole half say of halves is not asked for (`Split.halves`).
      const isTrained = Option.isSome(test) ? () => part === train : Split.isTrained
      yield* (brief ?? rows).pipe(
        Stream.map((row): Outcome<Row> => {
          counter.add(row, source, isTrained(row))
          splits.add(row)
          return { row: row.row, read: Result.map(Result.flatMap(row.picture, () => row.said), () => [row]) }
        }),
        sift({ source, unit, nothing: `no ${unit}s in it` }),
        Stream.runDrain
      )
    }
    return { survey: counter.survey(), splits: splits.splits() }
  }).pipe(Quarantine.silently)

/** Fails where boxes do not fit their pictures as they are read, and would in another form. */
const unambiguous = (part: Part, reading: Reading.Reading) =>
  part.rows.pipe(
    Stream.filterMap(({ held, picture, said }) => {
      const doubtful = Result.isSuccess(said) && said.success.kind === "boxes"
        ? said.success.boxes.filter((box) => !box.said)
        : []
      return doubtful.length > 0 && Result.isSuccess(picture)
        ? Result.succeed({ boxes: doubtful, picture: held ?? part.find(picture.success) })
        : Result.fail(undefined)
    }),
    Stream.take(looked),
    Stream.mapEffect(({ boxes, picture }) =>
      Effect.map(Effect.option(picture), (size) =>
        Option.isSome(size) ? boxes.map((box) => ({ box, size: size.value })) : []), { concurrency: 16 }),
    Stream.runCollect,
    Effect.flatMap((found) => {
      const forms = others(found.flat(), reading.shares)
      const [first] = found.flat()
      if (forms.length === 0 || first === undefined) {
        return Effect.void
      }
      const { box: { field, form } } = first
      const other = forms.map((fitting) =>
        `"${fitting}" (${words[fitting]})`
      ).join(" or ")
      return Effect.fail(say(
        part.source,
        `boxes in "${field}" leave their pictures as ${words[form]}, and fit them otherwise: write "bbox_format": ` +
          `${other} into every row, or "${form}" where they are right as they are`
      ))
    })
  )

const instances = (reading: Reading.Reading, boxes: ReadonlyArray<Box>, picture: Folder.Picture) =>
  Effect.forEach(boxes, (box) =>
    Effect.gen(function*() {
      const label = yield* Effect.fromResult(reading.labelOf(box))
      const within = yield* inside(yield* Effect.fromResult(reading.place(box, picture)), picture)
      return { box: within, label, ...box.crowd === true && { crowd: true } }
    })).pipe(Effect.flatMap((found) => unlessCrowds(picture.image.id, found)))

/** The truth of a row, by the kind of data set that it is in. */
const truths = (reading: Reading.Reading) => {
  const other = (expected: string) =>
    Effect.fail<BadRow>({ reason: "other-kind", detail: `no ${expected}, as most rows have` })
  return {
    classes: ({ said }: Row) =>
      Effect.flatMap(
        Effect.fromResult(said),
        (row) => row.kind === "weights" ? Effect.fromResult(reading.distribution(row)) : other("labels")
      ),
    boxes: ({ said }: Row, picture: Folder.Picture) =>
      Effect.flatMap(Effect.fromResult(said), (row): Effect.Effect<Instances, BadRow> => {
        const { height, width } = picture
        return row.kind === "boxes"
          ? Effect.map(instances(reading, row.boxes, picture), (found) => ({ width, height, instances: found }))
          : other("boxes")
      })
  }
}

/** How rows become truths, and whether one is worth going on for: by default all are. */
interface Kept<A> {
  readonly truth: (row: Row, picture: Folder.Picture) => Effect.Effect<A, BadRow>
  readonly counts?: (truth: A) => boolean
}

/** Samples of rows in order, each picture once; `end` is done after a whole pass. */
const samples = <A>(
  { find, source, unit }: Part,
  rows: Part["rows"],
  { counts, truth }: Kept<A>,
  end: Effect.Effect<void>
): Dataset<A, DataError, Disk> =>
  Stream.suspend(() => {
    const seen = new Map<string, number>()
    // Pictures with nothing boxed in them alone are no data: what others say may have been set aside.
    const left = counts === undefined ? {} : {
      counts: ({ truth }: Sample<A>) => counts(truth),
      unusable: (rows: number) =>
        seen.size === 0 ? `none of its ${rows} ${unit}s is usable` : `not one box is left in its ${rows} ${unit}s`
    }
    const once = ({ read, row }: Outcome<Sample<A>>): Outcome<Sample<A>> => {
      const id = Result.isSuccess(read) ? read.success[0]?.image.id : undefined
      if (id === undefined) return { row, read }
      const before = seen.get(id)
      if (before === undefined) seen.set(id, row)
      const detail = `${quoted(id)} was listed in ${unit} ${before}`
      return before === undefined ? { row, read } : { row, read: Result.fail({ reason: "duplicate-image", detail }) }
    }
    return rows.pipe(
      Stream.mapEffect((row) =>
        Effect.gen(function*() {
          const name = yield* Effect.fromResult(row.picture)
          yield* Effect.fromResult(row.said)
          const picture = yield* row.held ?? find(name)
          return [{ image: picture.image, truth: yield* truth(row, picture) }]
        }).pipe(Effect.result, Effect.map((read): Outcome<Sample<A>> => ({ row: row.row, read }))), {
        concurrency: 16
      }),
      Stream.map(once),
      sift<Sample<A>>({ source, unit, nothing: `no ${unit}s in it`, ...left }),
      Stream.concat(Stream.drain(Stream.fromEffect(end)))
    )
  })

/** What the parts of halves hold is let go when every half of the part has been read. */
const releasing = (halves: ReadonlyArray<Split.Half>) => {
  const unread = new Set(halves)
  return (half: Split.Half): Effect.Effect<void> =>
    Effect.suspend(() => {
      unread.delete(half)
      const { release = Effect.void } = half.part
      return [...unread].some(({ part }) => part === half.part) ? Effect.void : release
    })
}

const questionNote = ({ questions }: Survey.Survey) =>
  questions > 1
    ? [
      `${questions}${
        questions === Survey.mostQuestions ? " or more" : ""
      } different questions: only the answers are learned`
    ]
    : []

/** What the parts hold. Fails where they hold nothing that can be read, or where it can be read in several ways. */
export const make = (options: Options): Effect.Effect<Found, DataError, Disk> =>
  Effect.gen(function*() {
    const { hints, layout, spread } = options
    const train = Composed.part(options.train)
    const test = Option.map(options.test, Composed.part)
    const parts = [train, ...Option.toArray(test)]
    const { splits, survey } = yield* surveyed(train, test)
    const order = Option.map(Option.fromUndefinedOr(options.order), (labels) => labels.map(Spelling.composed))
    const reading = yield* Effect.fromResult(
      Result.mapError(Reading.decide(survey, hints, order), (reason) => say(train.source, reason))
    )
    if (reading.kind === "boxes") {
      for (const part of parts) yield* unambiguous(part, reading)
    }
    const merges = spread && survey.repeated > 0
    const halves = Split.halves(train, test, splits)
    const end = releasing([halves.train, ...Option.toArray(halves.test)])
    const of = <A>(kept: Kept<A>) => {
      const half = (half: Split.Half) => {
        const rows = merges ? Merged.read(reading.kind)(half.rows) : half.rows
        return samples(half.part, rows, kept, end(half))
      }
      return { train: half(halves.train), test: Option.map(halves.test, half) }
    }
    const { classes, boxes } = truths(reading)
    const { labels, single } = reading
    const together = reading.kind === "boxes" ? "their boxes are put together" : "each label counts as a vote"
    const notes = [
      ...options.notes,
      ...questionNote(survey),
      ...halves.notes,
      ...reading.notes,
      ...survey.marks,
      ...(survey.addresses > 0
        ? [`${count(survey.addresses, "picture")} named by an address: the file of the same name is taken`]
        : []),
      ...(survey.left.length > 0 ? [`keys left alone: ${names(survey.left)}`] : []),
      ...(merges ? [`${count(survey.repeated, "picture")} in several rows: ${together}`] : [])
    ]
    if (reading.kind === "boxes") {
      return {
        kind: "boxes",
        layout,
        labels,
        notes,
        ...of({ truth: boxes, counts: ({ instances }) => instances.length > 0 })
      }
    }
    const isSingle = single && (!merges || survey.agreed)
    return { kind: "classes", layout, labels, single: isSingle, notes, ...of({ truth: classes }) }
  })
