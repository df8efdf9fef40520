/**
 * Rows whose names have their accents composed, whichever system wrote them: labels that look alike are one.
 */
import { Option, Result, Stream } from "effect"
import * as Spelling from "../Spelling.ts"
import type { Part, Row } from "./Row.ts"

const weights = (of: ReadonlyMap<string, number>): ReadonlyMap<string, number> => {
  const sums = new Map<string, number>()
  for (const [label, weight] of of) {
    const name = Spelling.composed(label)
    sums.set(name, (sums.get(name) ?? 0) + weight)
  }
  return sums
}

const said = Result.map((row: Result.Result.Success<Row["said"]>): Result.Result.Success<Row["said"]> =>
  row.kind === "weights"
    ? { ...row, weights: weights(row.weights) }
    : { ...row, boxes: row.boxes.map((box) => ({ ...box, label: Option.map(box.label, Spelling.composed) })) }
)

const rows = (of: Part["rows"]): Part["rows"] =>
  Stream.map(of, (row) => ({
    ...row,
    picture: Result.map(row.picture, Spelling.composed),
    said: said(row.said)
  }))

/** The same part, with the names of pictures and labels composed. */
export const part = (of: Part): Part => ({
  ...of,
  rows: rows(of.rows),
  ...(of.brief === undefined ? {} : { brief: rows(of.brief) })
})
