/**
 * A data set that is read once: later passes repeat what the first whole one found, also to the quarantine.
 */
import { Effect, Stream } from "effect"
import type { DataError, Dataset } from "../dsl/Dataset.ts"
import * as Quarantine from "../dsl/Quarantine.ts"
import type { Sample } from "../dsl/Task.ts"
import { window } from "./mixed.ts"

/** What a pass found. */
interface Found<A> {
  readonly samples: ReadonlyArray<Sample<A>>
  readonly rows: ReadonlyArray<Quarantine.Row>
  readonly passes: ReadonlyArray<Quarantine.Pass>
}

/** Reports what was set aside, as the pass did that found it. */
const repeat = ({ passes, rows }: Pick<Found<never>, "passes" | "rows">) =>
  Effect.gen(function*() {
    const { add, passed = () => Effect.void, passing = add } = yield* Quarantine.Quarantine
    yield* Effect.forEach(rows, passing, { discard: true })
    yield* Effect.forEach(passes, passed, { discard: true })
  })

/** Reads, and keeps what it finds where that is no more than a window of references to files. */
const recorded = <A, E, R>(samples: Dataset<A, E, R>, keep: (found: Found<A>) => void) =>
  Stream.unwrap(Effect.map(Quarantine.Quarantine, (around) => {
    const found = { samples: Array<Sample<A>>(), rows: Array<Quarantine.Row>(), passes: Array<Quarantine.Pass>() }
    let fits = true
    const note = <B>(list: Array<B>, item: B) => {
      fits &&= list.length < window
      if (fits) list.push(item)
    }
    const { add, passed = () => Effect.void, passing = add } = around
    const recorder: Quarantine.Shape = {
      ...around,
      add: (row) => Effect.andThen(Effect.sync(() => note(found.rows, row)), add(row)),
      passing: (row) => Effect.andThen(Effect.sync(() => note(found.rows, row)), passing(row)),
      passed: (pass) => Effect.andThen(Effect.sync(() => note(found.passes, pass)), passed(pass))
    }
    return samples.pipe(
      Stream.provideService(Quarantine.Quarantine, recorder),
      Stream.tap((sample) =>
        Effect.sync(() => {
          // Pictures that come with their bytes would not fit in memory.
          fits &&= sample.image.source._tag === "File"
          note(found.samples, sample)
        })
      ),
      Stream.concat(Stream.suspend(() => {
        if (fits) keep(found)
        return Stream.empty
      }))
    )
  }))

/**
 * The samples; after a whole pass from memory, as long as they are references to files and fewer than a window of them
 * (50,000). Larger data are read with every pass.
 */
export const remembered = <A, E, R>(samples: Dataset<A, E, R>): Dataset<A, E | DataError, R> => {
  let kept: Found<A> | undefined
  return Stream.suspend((): Dataset<A, E | DataError, R> =>
    kept === undefined
      ? recorded(samples, (found) => {
        kept = found
      })
      : Stream.concat(Stream.drain(Stream.fromEffect(repeat(kept))), Stream.fromIterable(kept.samples))
  )
}
