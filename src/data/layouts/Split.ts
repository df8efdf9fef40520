/**
 * Which rows are to train on and which to test on: by the file they are in, or by what they say.
 */
import { Option, Result, Stream } from "effect"
import { count, quoted } from "../Quoted.ts"
import type { Part, Row } from "./Row.ts"

export type Split = "train" | "test" | "val"

/** Words for the halves of a data set. */
const words: ReadonlyMap<string, Split> = new Map<string, Split>([
  ...["train", "training", "trn"].map((word) => [word, "train"] as const),
  ...["test", "testing", "tst"].map((word) => [word, "test"] as const),
  ...["val", "valid", "validation", "validate", "dev", "eval", "evaluation"].map((word) => [word, "val"] as const)
])

/** The half that a word is of. */
export const of = (word: string): Option.Option<Split> => Option.fromUndefinedOr(words.get(word.trim().toLowerCase()))

/** The half that a name such as `instances_train2017` or `test-00000-of-00001` is of. */
export const named = (name: string): Option.Option<Split> =>
  Option.firstSomeOf(name.split(/[^a-z]+/i).filter((word) => word !== "").map(of))

/** Rows by the half that they name. */
export interface Splits {
  readonly train: number
  readonly test: number
  readonly val: number
}

export const counter = () => {
  const counts = { train: 0, test: 0, val: 0 }
  return {
    add: ({ split }: Row): void => {
      const half = Option.flatMap(split, of)
      if (Option.isSome(half)) counts[half.value]++
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
  Option.isSome(row.split) && Option.isNone(of(row.split.value))
    ? {
      ...row,
      picture: Result.fail({
        reason: "unknown-split",
        detail: `${quoted(row.split.value)}, expected "train", "test" or "val"`
      })
    }
    : row

/** Rows of these halves; those that name none are to train on. */
const among = (part: Part, halves: ReadonlyArray<Split>): Half => ({
  part,
  rows: part.rows.pipe(
    Stream.map(known),
    Stream.filter(({ split }) => halves.includes(Option.getOrElse(Option.flatMap(split, of), () => "train" as const)))
  )
})

/** The halves of a data set, and what is said of them. What is measured is the test part, or else the validation. */
export const halves = (train: Part, test: Option.Option<Part>, { test: tests, val }: Splits) => {
  const whole = (part: Part): Half => ({ part, rows: part.rows })
  if (Option.isSome(test)) return { train: whole(train), test: Option.some(whole(test.value)), notes: [] }
  if (tests + val === 0) return { train: among(train, ["train"]), test: Option.none<Half>(), notes: [] }
  const held: Split = tests > 0 ? "test" : "val"
  const rest = tests > 0 && val > 0 ? [`${count(val, train.unit)} of the validation split not used`] : []
  const notes = [`halves by "split": ${held} is tested on`, ...rest]
  return { train: among(train, ["train"]), test: Option.some(among(train, [held])), notes }
}
