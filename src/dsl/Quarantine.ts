/**
 * Where bad samples go: set aside with a typed reason and counted, so that one broken row never ends a run and never
 * vanishes.
 *
 * Readers report to the `Quarantine` reference, row by row, and say when a pass over their source has ended. Without a
 * collector in place a pass that set rows aside ends with one warning. A run puts a collector there that also writes
 * `quarantine.jsonl`; `collect` keeps rows for whoever asks, in silence.
 *
 * @module
 */
import { Context, Effect, FileSystem, Option, Schema, Scope, Semaphore } from "effect"
import * as SystemFault from "../kernels/runtime/SystemFault.ts"
import { warn } from "../kernels/runtime/Warning.ts"
import * as Aside from "./Aside.ts"
import { DataError } from "./DataError.ts"
import { type Pass, teller } from "./Telling.ts"

export { type Reason, Row } from "./Aside.ts"
export type { Pass } from "./Telling.ts"
type Row = Aside.Row

/** Receives bad samples. */
export interface Shape {
  /** A row that was reported before (data sets are read many times) is not counted again. */
  readonly add: (row: Row) => Effect.Effect<void, DataError>
  /** The same for a row of a pass that `passed` will sum up. Default: `add`. */
  readonly passing?: (row: Row) => Effect.Effect<void, DataError>
  /** A pass has ended, and not by failing: such an error holds the reasons itself. */
  readonly passed?: (pass: Pass) => Effect.Effect<void>
  /** The file that holds every row, where there is one. */
  readonly place?: () => Option.Option<string>
}

/** Rows of no pass are logged as they come, the first of each source: nobody says when they end. */
const logged = (): Shape => {
  const seen = new Map<string, Set<string>>()
  return {
    add: (row) =>
      Effect.suspend(() => {
        const known = seen.get(row.source) ?? new Set()
        seen.set(row.source, known)
        const text = Aside.line(row)
        if (known.has(text) || known.size > Aside.shown) return Effect.void
        known.add(text)
        return warn(
          known.size > Aside.shown
            ? `more rows of ${row.source} are quarantined: Quarantine.collect counts, Quarantine.file writes them down`
            : `quarantined ${row.source} ${text}`
        )
      }),
    passing: () => Effect.void,
    passed: teller(Option.none).tell
  }
}

/** The quarantine that readers report to. The default one warns once per source and keeps nothing. */
export const Quarantine = Context.Reference<Shape>("rise/Quarantine", { defaultValue: logged })

/** Reports a bad sample to whoever collects. */
export const add = (row: Row): Effect.Effect<void, DataError> =>
  Effect.flatMap(Quarantine, (quarantine) => quarantine.add(row))

/** A quarantine that remembers. */
export interface Collector extends Shape {
  /** Rows by reason. */
  readonly counts: Effect.Effect<Readonly<Record<string, number>>>
  /** Rows in all. */
  readonly total: Effect.Effect<number>
  /** The first rows in the order they came, at most `kept`. */
  readonly rows: Effect.Effect<ReadonlyArray<Row>>
}

/** Rows that a collector keeps in memory; beyond them it only counts. */
export const kept = 1000

interface Memory extends Collector {
  /** What was set aside, by source. */
  readonly sources: () => Iterable<Aside.Aside>
}

const make = (write: (row: Row) => Effect.Effect<void, DataError>): Effect.Effect<Memory> =>
  Effect.map(Semaphore.make(1), (one) => {
    const seen = new Set<string>()
    const sources = new Map<string, Aside.Tally>()
    const rows: Array<Row> = []
    return {
      add: (row) =>
        one.withPermits(1)(Effect.suspend(() => {
          const key = `${row.source}\u0000${row.row}`
          if (seen.has(key)) return Effect.void
          return Effect.tap(write(row), () =>
            Effect.sync(() => {
              seen.add(key)
              const tally = sources.get(row.source) ?? Aside.tally(row.source)
              sources.set(row.source, tally)
              tally.add(row)
              if (rows.length < kept) rows.push(row)
            }))
        })),
      counts: Effect.sync(() => {
        const counts: Record<string, number> = {}
        for (const tally of sources.values()) {
          for (const [reason, count] of tally.counts) counts[reason] = (counts[reason] ?? 0) + count
        }
        return counts
      }),
      total: Effect.sync(() => seen.size),
      rows: Effect.sync(() => rows.slice()),
      sources: () => sources.values()
    }
  })

/**
 * Collects in memory, and tells nobody.
 *
 * ```ts
 * const quarantine = yield* Quarantine.collect
 * yield* run.pipe(Effect.provideService(Quarantine.Quarantine, quarantine))
 * const counts = yield* quarantine.counts // { "missing-file": 2 }
 * ```
 */
export const collect: Effect.Effect<Collector> = make(() => Effect.void)

/**
 * Lets a collector have the rows that an effect reports. Where that fails they go to the quarantine around it as well:
 * nobody reads them again.
 */
export const into = (quarantine: Collector) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Quarantine, ({ add, passing = add }) =>
    effect.pipe(
      Effect.provideService(Quarantine, quarantine),
      Effect.tapError(() => Effect.ignore(Effect.flatMap(quarantine.rows, Effect.forEach(passing, { discard: true }))))
    ))

/** Reads data before a run does, without a word: the run reads the same rows again, and tells of them. */
export const silently = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(collect, (quarantine) => into(quarantine)(effect))

const toLine = (row: Row) => new TextEncoder().encode(`${JSON.stringify(Schema.encodeSync(Aside.Row)(row))}\n`)

/** Where a run folder keeps its rows. */
export const fileName = "quarantine.jsonl"

/** A collector of a run: its data are read once before its folder is there. */
export interface RunCollector extends Collector {
  /**
   * Moves the rows to an NDJSON file, which is replaced, and tells of them; later rows follow them there. An empty file
   * says that nothing was set aside.
   */
  readonly settle: (path: string) => Effect.Effect<void, DataError>
}

/**
 * Collects, holds the rows in a temporary file until it is told where they belong, and passes them on to the quarantine
 * around it. What no pass has told of is told when the scope closes.
 */
export const forRun: Effect.Effect<RunCollector, never, FileSystem.FileSystem | Scope.Scope> = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const scope = yield* Effect.scope
  const around = yield* Quarantine
  const forward = around.passing ?? around.add
  let sheet: { readonly path: string; readonly file: FileSystem.File } | undefined
  let place = Option.none<string>()
  const { tell, told } = teller(() => place)

  const writing = (path: string) => <A>(effect: Effect.Effect<A, { readonly message: string }>) =>
    Effect.mapError(
      effect,
      (cause) =>
        new DataError({ source: path, reason: `cannot write the quarantine: ${SystemFault.words(cause, { path })}` })
    )
  const open = (path: string, flag: "w" | "a") =>
    Effect.map(writing(path)(Scope.provide(fs.open(path, { flag }), scope)), (file) => {
      sheet = { path, file }
      return sheet
    })
  // Opened for the first row: most runs never need it.
  const temporary = fs.makeTempFileScoped({ prefix: "rise-quarantine-" }).pipe(
    Scope.provide(scope),
    writing("a temporary file"),
    Effect.flatMap((path) => open(path, "w"))
  )
  const { sources, ...memory } = yield* make((row) =>
    Effect.suspend(() => sheet === undefined ? temporary : Effect.succeed(sheet)).pipe(
      Effect.flatMap(({ file, path }) => writing(path)(file.writeAll(toLine(row)))),
      Effect.andThen(forward(row))
    )
  )
  /** Passes that ended before the rows had their place: nobody could have looked them up. */
  const early = new Map<string, Pass>()
  const untold = Effect.suspend(() => {
    const passes = [...early.values()]
    early.clear()
    return Effect.andThen(
      Effect.forEach(passes, tell, { discard: true }),
      Effect.suspend(() =>
        Effect.forEach(
          // Of a pass that failed, before the run's folder was there, its error tells.
          Option.isNone(place) ? [] : [...sources()].filter(({ source, total }) => total > told(source)),
          (aside) => tell({ ...aside, whole: true }),
          { discard: true }
        )
      )
    )
  })
  yield* Effect.addFinalizer(() => untold)
  return {
    ...memory,
    passed: (pass) => Option.isSome(place) ? tell(pass) : Effect.sync(() => void early.set(pass.source, pass)),
    place: () => place,
    settle: (path) =>
      Effect.gen(function*() {
        if (sheet !== undefined) yield* writing(path)(fs.copyFile(sheet.path, path))
        yield* open(path, sheet === undefined ? "w" : "a")
        place = Option.some(path)
        yield* untold
      })
  }
})

/**
 * Collects, writes each row to an NDJSON file as it comes, and tells of them. The file is replaced: a run reads its
 * data again.
 */
export const file = (path: string): Effect.Effect<Collector, DataError, FileSystem.FileSystem | Scope.Scope> =>
  Effect.tap(forRun, ({ settle }) => settle(path))
