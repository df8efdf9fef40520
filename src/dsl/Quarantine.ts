/**
 * Where bad samples go: set aside with a typed reason and counted, so that one broken row never ends a run and never vanishes.
 *
 * Readers report to the `Quarantine` reference. Without one in place every row is logged as a warning; a run puts a collector
 * there (`collect`, or `file` for one that also writes NDJSON).
 */
import { Context, Effect, FileSystem, Schema, type Scope, Semaphore } from "effect"
import { DataError } from "./DataError.ts"

/** A sample that was set aside. */
export class Row extends Schema.Class<Row>("rise/Quarantine/Row")({
  /** The manifest or data set it stood in. */
  source: Schema.String,
  /** Its record number there, from 1; a header is record 1. */
  row: Schema.Int,
  /** A tag to count by, such as "missing-file". */
  reason: Schema.String,
  /** What was wrong, with the wrong value. */
  detail: Schema.String
}) {}

/** Receives bad samples. */
export interface Shape {
  /** A row that was reported before (data sets are read many times) is not counted again. */
  readonly add: (row: Row) => Effect.Effect<void, DataError>
}

export const Quarantine = Context.Reference<Shape>("rise/Quarantine", {
  defaultValue: () => ({
    add: (row) => Effect.logWarning(`quarantined ${row.source} row ${row.row}: ${row.reason}: ${row.detail}`)
  })
})

/** Reports a bad sample to whoever collects. */
export const add = (row: Row): Effect.Effect<void, DataError> => Effect.flatMap(Quarantine, (quarantine) => quarantine.add(row))

/** A quarantine that remembers. */
export interface Collector extends Shape {
  /** Rows by reason. */
  readonly counts: Effect.Effect<Readonly<Record<string, number>>>
  readonly total: Effect.Effect<number>
  /** The first rows in the order they came, at most `kept`. */
  readonly rows: Effect.Effect<ReadonlyArray<Row>>
}

/** Rows that a collector keeps in memory; beyond them it only counts. */
export const kept = 1000

const make = (write: (row: Row) => Effect.Effect<void, DataError>): Effect.Effect<Collector> =>
  Effect.map(Semaphore.make(1), (one) => {
    const seen = new Set<string>()
    const counts = new Map<string, number>()
    const rows: Array<Row> = []
    return {
      add: (row) =>
        one.withPermits(1)(Effect.suspend(() => {
          const key = `${row.source}\u0000${row.row}`
          if (seen.has(key)) return Effect.void
          return Effect.tap(write(row), () =>
            Effect.sync(() => {
              seen.add(key)
              counts.set(row.reason, (counts.get(row.reason) ?? 0) + 1)
              if (rows.length < kept) rows.push(row)
            }))
        })),
      counts: Effect.sync(() => Object.fromEntries(counts)),
      total: Effect.sync(() => seen.size),
      rows: Effect.sync(() => rows.slice())
    }
  })

/**
 * Collects in memory.
 *
 * ```ts
 * const quarantine = yield* Quarantine.collect
 * yield* run.pipe(Effect.provideService(Quarantine.Quarantine, quarantine))
 * const counts = yield* quarantine.counts // { "missing-file": 2 }
 * ```
 */
export const collect: Effect.Effect<Collector> = make(() => Effect.void)

const toLine = (row: Row) => new TextEncoder().encode(`${JSON.stringify(Schema.encodeSync(Row)(row))}\n`)

/** Collects, and writes each row to an NDJSON file as it comes. The file is replaced: a run reads its data again. */
export const file = (path: string): Effect.Effect<Collector, DataError, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const unwritable = Effect.mapError((error: Error) => new DataError({ source: path, reason: `cannot write the quarantine: ${error.message}` }))
    const handle = yield* unwritable(fs.open(path, { flag: "w" }))
    return yield* make((row) => unwritable(handle.writeAll(toLine(row))))
  })
