/**
 * A pass over rows: what is usable goes on, in order; what is not is set aside, counted, and told of when the pass
 * ends. A source that has nothing left is an error with the reasons.
 */
import { Effect, Exit, Option, Result, Stream } from "effect"
import * as Aside from "./Aside.ts"
import { DataError } from "./DataError.ts"
import * as Quarantine from "./Quarantine.ts"

/** A row, read or refused. */
export interface Outcome<out A> {
  /** Names the row in the quarantine together with the source. From 1. */
  readonly row: number
  /** Its samples; some rows hold several. A `DataError` ends the pass. */
  readonly read: Result.Result<ReadonlyArray<A>, Aside.Reason | DataError>
}

export interface Options<in A> {
  readonly source: string
  /** What a row is called. Of a "picture" the details say its name. Default "row". */
  readonly unit?: string
  /** What to say of a source without rows. Default: it is no error. */
  readonly nothing?: string
  /** What to say of a source whose rows were all set aside; their reasons follow. */
  readonly unusable?: (rows: number) => string
  /** Whether a sample is worth going on for: a source without one that is has nothing left. Default: all are. */
  readonly counts?: (sample: A) => boolean
}

/** The samples of the rows. */
export const sift = <A>(options: Options<A>) => {
  const { counts = () => true, nothing, source, unit = "row" } = options
  const { unusable = (rows) => `none of its ${rows} ${unit}s is usable` } = options
  return <E, R>(outcomes: Stream.Stream<Outcome<A>, E, R>): Stream.Stream<A, E | DataError, R> =>
    Stream.unwrap(Effect.map(Quarantine.Quarantine, (quarantine) => {
      const { add, passed = () => Effect.void, passing = add, place = Option.none } = quarantine
      const tally = Aside.tally(source)
      let rows = 0
      let left = false
      let whole = false

      /** Why nothing is left; nothing where that is no error. */
      const reason = (): string | undefined => {
        const [first] = tally.first
        if (first === undefined) return rows === 0 ? nothing : unusable(rows)
        const all = Option.match(place(), { onNone: () => "", onSome: (path) => `. All of them: ${path}` })
        return `${unusable(rows)}: ${Aside.reasons(tally)}. First, ${Aside.line(first)}${all}`
      }
      const end = Stream.suspend(() => {
        whole = true
        const why = left ? undefined : reason()
        return why === undefined ? Stream.empty : Stream.fail(new DataError({ source, reason: why }))
      })
      return outcomes.pipe(
        Stream.mapEffect(({ read, row }) => {
          rows++
          if (Result.isSuccess(read)) {
            left ||= read.success.some(counts)
            return Effect.succeed(read.success)
          }
          if (read.failure instanceof DataError) return Effect.fail(read.failure)
          const bad = new Quarantine.Row({ source, row, ...unit !== "row" && { unit }, ...read.failure })
          tally.add(bad)
          return Effect.as(passing(bad), [])
        }),
        Stream.flattenIterable,
        Stream.concat(end),
        Stream.onExit((exit) =>
          Exit.isSuccess(exit) && tally.total > 0
            ? passed({ source, unit, counts: tally.counts, first: tally.first, total: tally.total, rows, whole })
            : Effect.void
        )
      )
    }))
}
