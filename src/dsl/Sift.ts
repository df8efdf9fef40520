/**
 * A pass over rows: what is usable goes on, in order; what is not is set aside, counted, and told of when the pass ends. A source
 * that has nothing left is an error with the reasons.
 */
import { Effect, Exit, Result, Stream } from "effect"
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
  /** What a row is called. Default "row". */
  readonly unit?: string
  /** What to say of a source without rows. Default: it is no error. */
  readonly nothing?: string
  /** What to say of a source whose rows were all set aside; their reasons follow. */
  readonly unusable?: (rows: number) => string
  /** Whether a sample is worth going on for: a source without one that is has nothing left. Default: all are. */
  readonly counts?: (sample: A) => boolean
}

/** The samples of the rows. */
export const sift = <A>({ counts = () => true, nothing, source, unit = "row", unusable = (rows) => `none of its ${rows} ${unit}s is usable` }: Options<A>) =>
<E, R>(outcomes: Stream.Stream<Outcome<A>, E, R>): Stream.Stream<A, E | DataError, R> =>
  Stream.unwrap(Effect.map(Quarantine.Quarantine, ({ add, passed = () => Effect.void, passing = add, place }) => {
    const tally = Aside.tally(source)
    let rows = 0
    let left = false
    let ended = false
    const pass = (): Quarantine.Pass => ({ source, unit, counts: tally.counts, first: tally.first, total: tally.total, rows, whole: ended })
    const none = () => {
      const [first] = tally.first
      if (first === undefined) return rows === 0 ? nothing : unusable(rows)
      const all = place?.()
      return `${unusable(rows)}: ${Aside.reasons(tally)}. First, ${Aside.line(first, unit)}${all?._tag === "Some" ? `. All of them: ${all.value}` : ""}`
    }
    return outcomes.pipe(
      Stream.mapEffect(({ read, row }) => {
        rows++
        if (Result.isSuccess(read)) {
          left ||= read.success.some(counts)
          return Effect.succeed(read.success)
        }
        if (read.failure instanceof DataError) return Effect.fail(read.failure)
        const bad = new Quarantine.Row({ source, row, ...read.failure })
        tally.add(bad)
        return Effect.as(passing(bad), [])
      }),
      Stream.flattenIterable,
      Stream.concat(Stream.suspend(() => {
        ended = true
        const reason = left ? undefined : none()
        return reason === undefined ? Stream.empty : Stream.fail(new DataError({ source, reason }))
      })),
      Stream.onExit((exit) => Exit.isSuccess(exit) && tally.total > 0 ? passed(pass()) : Effect.void)
    )
  }))
