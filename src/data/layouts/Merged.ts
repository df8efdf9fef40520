/**
 * What is said of a picture in several rows, together: boxes one by one, labels of several annotators as votes. Held in
 * memory, a few numbers a row.
 */
import { Effect, Result, Stream } from "effect"
import type { BadRow } from "../Rows.ts"
import type { Row } from "./Row.ts"

/** The labels of rows that have a label or a list of them; other rows are left as they are. */
const votes = (rows: ReadonlyArray<Row>): ReadonlyArray<Row> => {
  const [first] = rows
  const weights = new Map<string, number>()
  for (const { said } of rows) {
    if (Result.isFailure(said)) continue
    const row = said.success
    if (row.kind === "boxes" || (row.told !== "one" && row.told !== "list")) return rows
    for (const [label, weight] of row.weights) weights.set(label, (weights.get(label) ?? 0) + weight)
  }
  if (first === undefined || weights.size === 0) return rows
  const bad = rows.filter(({ said }) => Result.isFailure(said))
  return [{ ...first, said: Result.succeed({ kind: "weights", told: "votes", weights }) }, ...bad]
}

/** The boxes of a picture's rows: a fault of one is a fault of all, as they would say less without it. */
const boxes = (rows: ReadonlyArray<Row>): Row["said"] => {
  const [fault] = rows.flatMap(({ row, said }): ReadonlyArray<BadRow> => {
    if (Result.isFailure(said)) return [{ ...said.failure, detail: `row ${row}: ${said.failure.detail}` }]
    const detail = `row ${row} has labels, other rows of its picture boxes`
    return said.success.kind === "boxes" ? [] : [{ reason: "other-kind", detail }]
  })
  if (fault !== undefined) return Result.fail(fault)
  const all = rows.flatMap(({ said }) =>
    Result.isSuccess(said) && said.success.kind === "boxes" ? said.success.boxes : []
  )
  return Result.succeed({ kind: "boxes", boxes: all })
}

/** One row per picture, at the place of its first, as far as its rows can be put together. */
export const read = (kind: "classes" | "boxes") => <E, R>(rows: Stream.Stream<Row, E, R>): Stream.Stream<Row, E, R> =>
  Stream.unwrap(Effect.map(Stream.runCollect(rows), (all) => {
    const groups = Map.groupBy(all, ({ picture, row }) => Result.isSuccess(picture) ? picture.success : row)
    const merged = [...groups.values()].flatMap((group): ReadonlyArray<Row> => {
      if (group.length === 1) return group
      return kind === "classes" ? votes(group) : group.slice(0, 1).map((first) => ({ ...first, said: boxes(group) }))
    })
    return Stream.fromIterable(merged.sort((a, b) => a.row - b.row))
  }))
