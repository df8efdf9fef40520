/**
 * Which rows are to train on and which to test on: by the file they are in, or by what they say.
 */
import { Option, type Path, Result, Stream } from "effect"
import { count, names, quoted } from "../Quoted.ts"
import * as Names from "./Names.ts"
import type { Part, Row } from "./Row.ts"

/** Files, named from a folder, by the half that they or the folder they lie in are called by. */
export const byName = (path: Path.Path, files: ReadonlyArray<string>) =>
  Object.groupBy(
    files,
    (file) => Names.halfIn(path.basename(file)) ?? Names.halfIn(path.dirname(file)) ?? "whole"
  )

/** What to say where no file is to train on, and those of other halves are read as one. */
export const onlyTested = (tested: ReadonlyArray<ReadonlyArray<string>>, trained: number): ReadonlyArray<string> =>
  trained > 0
    ? []
    : [`no file to train on: ${names(tested.flat(), 4)} ${tested.flat().length === 1 ? "is" : "are"} read as one part`]

/** Rows by the half that they name. */
export interface Splits {
  readonly train: number
  readonly test: number
  readonly validation: number
}

/** The half that a row names. */
const halfOf = (split: Row["split"]): Names.Half | undefined => Names.halfOf(Option.getOrElse(split, () => ""))

/** Whether a row is to train on, where all halves are rows of one part. One of an unknown half is set aside. */
export const isTrained = ({ split }: Row): boolean => Option.isNone(split) || halfOf(split) === "train"

export const counter = () => {
  const counts = { train: 0, test: 0, validation: 0 }
  return {
    add: ({ split }: Row): void => {
      const half = halfOf(split)
      if (half !== undefined) counts[half]++
    },
    splits: (): Splits => counts
  }
}

/** The rows of one half. */
export interface Half {
  readonly part: Part
  readonly rows: Part["rows"]
}

const known = (row: Row): Row =>
  Option.isSome(row.split) && halfOf(row.split) === undefined
    ? {
      ...row,
      picture: Result.fail({
        reason: "unknown-split",
        detail: `${quoted(row.split.value)}, expected "train", "test" or "val"`
      })
    }
    : row

/** Rows of these halves; those that name none are to train on. */
const among = (part: Part, halves: ReadonlyArray<Names.Half>): Half => ({
  part,
  rows: part.rows.pipe(
    Stream.map(known),
    Stream.filter(({ split }) => halves.includes(halfOf(split) ?? "train"))
  )
})

/** The halves of a data set, and what is said of them. What is measured is the test part, or else the validation. */
export const halves = (train: Part, test: Option.Option<Part>, { test: tests, validation }: Splits) => {
  const whole = (part: Part): Half => ({ part, rows: part.rows })
  if (Option.isSome(test)) return { train: whole(train), test: Option.some(whole(test.value)), notes: [] }
  if (tests + validation === 0) return { train: among(train, ["train"]), test: Option.none<Half>(), notes: [] }
  const held: Names.Half = tests > 0 ? "test" : "validation"
  const rest = tests > 0 && validation > 0 ? [`${count(validation, train.unit)} of the validation split not used`] : []
  const notes = [`halves by "split": ${held} is tested on`, ...rest]
  return { train: among(train, ["train"]), test: Option.some(among(train, [held])), notes }
}
