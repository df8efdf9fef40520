/**
 * The frame of every reader: rows become samples or go to the quarantine, in order, and a data set that has none left says so.
 */
import { Effect, Schema, Stream } from "effect"
import { DataError } from "../dsl/DataError.ts"
import * as Quarantine from "../dsl/Quarantine.ts"

/** Why a row is set aside. */
export interface BadRow {
  /** A tag to count by. */
  readonly reason: string
  /** What was wrong, with the wrong value. */
  readonly detail: string
}

/** A row of a data set, not yet read. */
export interface Row<out A, out R = never> {
  /** Names the row in the quarantine together with the data set. From 1. */
  readonly row: number
  /** Its samples; some rows hold several. */
  readonly read: Effect.Effect<ReadonlyArray<A>, BadRow | DataError, R>
}

/** Sets a row aside. */
export const setAside = (source: string, row: number, { detail, reason }: BadRow): Effect.Effect<void, DataError> =>
  Quarantine.add(new Quarantine.Row({ source, row, reason, detail }))

/**
 * Reads rows concurrently and yields their samples in order. Fails where no sample is left: `nothing` says what was expected.
 */
export const samples = (source: string, nothing: string) => <A, E, R, R2>(rows: Stream.Stream<Row<A, R2>, E, R>): Stream.Stream<A, E | DataError, R | R2> =>
  Stream.suspend(() => {
    let read = 0
    let kept = 0
    return rows.pipe(
      Stream.mapEffect(({ read: reading, row }) => Effect.map(Effect.result(reading), (outcome) => ({ outcome, row })), { concurrency: 16 }),
      Stream.mapEffect(({ outcome, row }) => {
        read++
        if (outcome._tag === "Failure") {
          return outcome.failure instanceof DataError ? Effect.fail(outcome.failure) : Effect.as(setAside(source, row, outcome.failure), [])
        }
        kept += outcome.success.length
        return Effect.succeed(outcome.success)
      }),
      Stream.flattenIterable,
      Stream.concat(Stream.suspend(() =>
        kept > 0
          ? Stream.empty
          : Stream.fail(new DataError({ source, reason: read === 0 ? nothing : `none of its ${read} rows is usable: see the quarantine for each row's reason` }))
      ))
    )
  })

/** Decodes a value of a row, or sets the row aside with what the schema says. */
export const decode = <A>(schema: Schema.Codec<A, unknown>, reason: string) => {
  const read = Schema.decodeUnknownEffect(schema)
  return (value: unknown): Effect.Effect<A, BadRow> => Effect.mapError(read(value), (error) => ({ reason, detail: error.message.replaceAll(/\s*\n\s*/g, "; ") }))
}
