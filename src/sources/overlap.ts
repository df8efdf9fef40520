/**
 * Pictures that are in both halves of a data set, by their bytes: whoever learns them by heart is tested on them.
 */
import { Effect, FileSystem, Option, Stream } from "effect"
import { createHash } from "node:crypto"
import type { Sample } from "../dsl/Task.ts"
import { type Image, Source } from "../kernels/image/Image.ts"

/** What two halves share. */
export interface Overlap {
  /** Pictures to test on that are also trained on. */
  readonly count: number
  /** The ids of one of them, to test on and to train on. */
  readonly first: Option.Option<readonly [test: string, train: string]>
}

/** SHA-256 of a picture's bytes; its id where it has none that can be read. */
const hashOf = ({ id, source }: Image) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const bytes = yield* Source.$match(source, {
      File: ({ path }) => fs.readFile(path),
      Encoded: ({ bytes }) => Effect.succeed(bytes),
      Rendered: () => Effect.succeed(new TextEncoder().encode(id))
    })
    return createHash("sha256").update(bytes).digest("base64")
  }).pipe(Effect.orElseSucceed(() => id))

/** Reads every picture of both halves once; remembers a hash and an id of each to train on. */
export const overlap = <A, E, R, E2, R2>(
  train: Stream.Stream<Sample<A>, E, R>,
  test: Stream.Stream<Sample<A>, E2, R2>
): Effect.Effect<Overlap, E | E2, R | R2 | FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const hashed = Stream.mapEffect(
      ({ image }: Sample<A>) => Effect.map(hashOf(image), (hash) => ({ hash, id: image.id })),
      { concurrency: 4 }
    )
    const trained = new Map<string, string>()
    yield* train.pipe(
      hashed,
      Stream.runForEach(({ hash, id }) => Effect.sync(() => void (trained.has(hash) || trained.set(hash, id))))
    )
    let count = 0
    let first: Overlap["first"] = Option.none()
    yield* test.pipe(
      hashed,
      Stream.runForEach(({ hash, id }) =>
        Effect.sync(() => {
          const other = trained.get(hash)
          if (other === undefined) return
          count++
          if (Option.isNone(first)) first = Option.some([id, other])
        })
      )
    )
    return { count, first }
  })
