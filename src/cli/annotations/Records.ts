/**
 * The whole records of a file that is appended to: what a crash has left behind the last of them is no part of it.
 */
import { Effect, FileSystem, Stream } from "effect"
import * as Lines from "../../dsl/Lines.ts"
import { fromPlatform, RunFileError } from "../../dsl/RunError.ts"

/**
 * Visits every whole record, its end of line included, and gives the bytes of all of them. A file that is not there has
 * none.
 */
export const visit = <E, R>(
  path: string,
  options: Pick<Lines.Options, "quoted">,
  each: (record: string, number: number) => Effect.Effect<void, E, R>
): Effect.Effect<number, E | RunFileError, FileSystem.FileSystem | R> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const reading = fromPlatform(path, "reading")
    if (!(yield* Effect.mapError(fs.exists(path), reading))) return 0
    let whole = 0
    yield* fs.stream(path).pipe(
      Stream.mapError(reading),
      Lines.records((reason) => new RunFileError({ path, reason }), options),
      Stream.filter((record) => record.whole),
      Stream.runForEach(({ end, number, text }) => {
        whole = end
        return each(text, number)
      })
    )
    return whole
  })
