/**
 * The boxes of a picture that are spread over rows, together. Held in memory, a few numbers a row.
 */
import { Effect, Result, Stream } from "effect"
import type { BadRow } from "../Rows.ts"
import type { Row } from "./Row.ts"

/** What the rows of a picture say together: a fault of one is a fault of all, as they would say less without it. */
const together = (rows: ReadonlyArray<Row>): Row["said"] => {
  const [fault] = rows.flatMap(({ row, said }): ReadonlyArray<BadRow> => {
    if (Result.isFailure(said)) return [{ ...said.failure, detail: `row ${row}: ${said.failure.detail}` }]
    const detail = `row ${row} has labels, other rows of its picture boxes`
    return said.success.kind === "boxes" ? [] : [{ reason: "other-kind", detail }]
  })
  if (fault !== undefined) return Result.fail(fault)
  const boxes = rows.flatMap(({ said }) =>
    Result.isSuccess(said) && said.success.kind === "boxes" ? said.success.boxes : []
  )
  return Result.succeed({ kind: "boxes", boxes })
}

/** One row per picture, at the place of its first. Rows without a picture stay as they are. */
export const read = <E, R>(rows: Stream.Stream<Row, E, R>): Stream.Stream<Row, E, R> =>
  Stream.unwrap(Effect.map(Stream.runCollect(rows), (all) => {
    const groups = Map.groupBy(all, ({ picture, row }) => Result.isSuccess(picture) ? picture.success : row)
    return Stream.fromIterable(groups.values()).pipe(
      Stream.map((group): ReadonlyArray<Row> =>
        group.length === 1 ? group : group.slice(0, 1).map((first) => ({ ...first, said: together(group) }))
      ),
      Stream.flattenIterable
    )
  }))
