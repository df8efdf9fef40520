/**
 * The frame of every reader: rows become samples or go to the quarantine, in order, and a data set that has none left
 * says so.
 */
import { Effect, Schema, Stream } from "effect"
import type { DataError } from "../dsl/DataError.ts"
import type * as Quarantine from "../dsl/Quarantine.ts"
import { type Options, sift } from "../dsl/Sift.ts"
import { oneLine } from "../kernels/text/oneLine.ts"

/** Why a row is set aside: a tag to count by, and what was wrong, with the wrong value. */
export type BadRow = Quarantine.Reason

/** A row of a data set, not yet read. */
export interface Row<out A, out R = never> {
  /** Names the row in the quarantine together with the data set. From 1. */
  readonly row: number
  /** Its samples; some rows hold several. */
  readonly read: Effect.Effect<ReadonlyArray<A>, BadRow | DataError, R>
}

/** Rows that are taken from the source together, and of them, those that are read at one time. */
const AT_A_TIME = 32
const CONCURRENCY = 16

/**
 * Reads rows concurrently and yields their samples in order. Fails where no sample is left: with `nothing`, if it is
 * given, of a source without rows, with the reasons of one whose rows are all set aside.
 */
export const samples =
  <A>(source: string, nothing: string | undefined, more: Pick<Options<A>, "counts" | "unit" | "unusable"> = {}) =>
  <E, R, R2>(rows: Stream.Stream<Row<A, R2>, E, R>): Stream.Stream<A, E | DataError, R | R2> =>
    rows.pipe(
      // Some at a time: handed through the stream one by one, tens of thousands of bad rows would take seconds.
      Stream.grouped(AT_A_TIME),
      Stream.mapEffect((rows) =>
        Effect.forEach(
          rows,
          ({ read, row }) => Effect.map(Effect.result(read), (outcome) => ({ row, read: outcome })),
          { concurrency: CONCURRENCY }
        )
      ),
      Stream.flattenIterable,
      sift({ source, ...(nothing !== undefined && { nothing }), ...more })
    )

/** Decodes a value of a row, or sets the row aside with what the schema says. */
export const decode = <A>(schema: Schema.Codec<A, unknown>, reason: string) => {
  const read = Schema.decodeUnknownEffect(schema)
  return (value: unknown): Effect.Effect<A, BadRow> =>
    Effect.mapError(read(value), (error) => ({ reason, detail: oneLine(error.message, "; ") }))
}
