/**
 * A data set that is read once: later passes repeat what the first whole one found, also to the quarantine.
 */
import { Effect, Option, Stream } from "effect"
import type { DataError, Dataset } from "../dsl/Dataset.ts"
import * as Quarantine from "../dsl/Quarantine.ts"
import type { Sample } from "../dsl/Task.ts"
import { window } from "./mixed.ts"
import type * as Spill from "./Spill.ts"

/** What a pass found. */
interface Found<A> {
  readonly samples: Dataset<A, DataError>
  readonly rows: ReadonlyArray<Quarantine.Row>
  readonly passes: ReadonlyArray<Quarantine.Pass>
  /** Whether the samples are still there. */
  readonly isThere: () => boolean
}

/** Reports what was set aside, as the pass did that found it. */
const repeat = ({ passes, rows }: Pick<Found<never>, "passes" | "rows">) =>
  Effect.gen(function*() {
    const { add, passed = () => Effect.void, passing = add } = yield* Quarantine.Quarantine
    yield* Effect.forEach(rows, passing, { discard: true })
    yield* Effect.forEach(passes, passed, { discard: true })
  })

/** Keeps the samples of a pass: the first window of them in memory, all of them on the disk where there are more. */
const keeper = <A>(spills: Option.Option<Spill.Spills>) => {
  let held: Array<Sample<A>> = []
  let spill: Spill.Spill<A> | undefined
  let fits = true
  const lose = Effect.sync(() => {
    fits = false
    held = []
    spill = undefined
  })
  return {
    lose,
    isOnDisk: () => spill !== undefined,
    add: (sample: Sample<A>): Effect.Effect<void> =>
      Effect.gen(function*() {
        if (!fits) return
        // Pictures that come with their bytes would fit nowhere.
        if (sample.image.source._tag !== "File") return yield* lose
        if (spill !== undefined) return yield* spill.add(sample)
        held.push(sample)
        if (held.length <= window) return
        if (Option.isNone(spills)) return yield* lose
        const opened = yield* spills.value.open<A>()
        yield* Effect.forEach(held, opened.add, { discard: true })
        held = []
        spill = opened
        // A disk that is full costs time, not the run: the data are read again.
      }).pipe(Effect.catch(() => lose)),
    /** All of them, if they could be kept. */
    end: Effect.suspend((): Effect.Effect<Option.Option<Dataset<A, DataError>>> => {
      if (!fits) return Effect.succeedNone
      return spill === undefined ? Effect.succeedSome(Stream.fromIterable(held)) : Effect.option(spill.end)
    })
  }
}

/** Reads, and keeps what it finds where that is no more than can be kept. */
const recorded = <A, E, R>(
  samples: Dataset<A, E, R>,
  spills: Option.Option<Spill.Spills>,
  keep: (found: Found<A>) => void
) =>
  Stream.unwrap(Effect.map(Quarantine.Quarantine, (around) => {
    const kept = keeper<A>(spills)
    const rows: Array<Quarantine.Row> = []
    const passes: Array<Quarantine.Pass> = []
    const note = <B>(list: Array<B>, item: B) =>
      Effect.suspend(() => {
        if (list.length >= window) return kept.lose
        list.push(item)
        return Effect.void
      })
    const { add, passed = () => Effect.void, passing = add } = around
    const recorder: Quarantine.Shape = {
      ...around,
      add: (row) => Effect.andThen(note(rows, row), add(row)),
      passing: (row) => Effect.andThen(note(rows, row), passing(row)),
      passed: (pass) => Effect.andThen(note(passes, pass), passed(pass))
    }
    const end = Effect.map(kept.end, (samples) => {
      if (Option.isNone(samples)) return
      const place = kept.isOnDisk() ? spills : Option.none()
      keep({ samples: samples.value, rows, passes, isThere: () => Option.isNone(place) || place.value.isOpen() })
    })
    return samples.pipe(
      Stream.provideService(Quarantine.Quarantine, recorder),
      Stream.tap(kept.add),
      Stream.concat(Stream.drain(Stream.fromEffect(end)))
    )
  }))

/**
 * The samples; after a whole pass as that found them, as long as they are references to files: from memory, or from the
 * disk where they are more than a window (50,000) and a scope is there to clear that away (`Spill.here`). Other data
 * are read with every pass, and so are those of which more than a window of rows is set aside.
 */
export const remembered = <A, E, R>(
  samples: Dataset<A, E, R>,
  spills: Option.Option<Spill.Spills> = Option.none()
): Dataset<A, E | DataError, R> => {
  let found: Found<A> | undefined
  return Stream.suspend((): Dataset<A, E | DataError, R> =>
    found?.isThere() === true
      ? Stream.concat(Stream.drain(Stream.fromEffect(repeat(found))), found.samples)
      : recorded(samples, Option.filter(spills, ({ isOpen }) => isOpen()), (kept) => {
        found = kept
      })
  )
}
