/**
 * Files of a run folder, read back through their schemas.
 */
import { Effect, FileSystem, Option, Schema, Stream } from "effect"
import { fromPlatform, RunFileError } from "../dsl/RunError.ts"

/** A JSON file, decoded; none where it is not there. */
export const json = Effect.fnUntraced(function*<A>(file: string, codec: Schema.Codec<A, unknown>) {
  const fs = yield* FileSystem.FileSystem
  const there = yield* fs.exists(file).pipe(Effect.mapError(fromPlatform(file, "reading")))
  if (!there) return Option.none<A>()
  const text = yield* fs.readFileString(file).pipe(Effect.mapError(fromPlatform(file, "reading")))
  return Option.some(
    yield* Schema.decodeUnknownEffect(Schema.fromJsonString(codec))(text).pipe(
      Effect.mapError((cause) => new RunFileError({ path: file, reason: "is not what this version writes", cause }))
    )
  )
})

/** The lines of a file, decoded one at a time; nothing where it is not there. */
export const lines = <A>(file: string, codec: Schema.Codec<A, unknown>) =>
  Stream.unwrap(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const there = yield* fs.exists(file).pipe(Effect.mapError(fromPlatform(file, "reading")))
    if (!there) return Stream.empty
    const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(codec))
    return fs.stream(file).pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.filter((line) => line !== ""),
      Stream.mapError(fromPlatform(file, "reading")),
      Stream.mapEffect((line) =>
        Effect.mapError(decode(line), (cause) =>
          new RunFileError({ path: file, reason: "holds a line that is not what this version writes", cause }))
      )
    )
  }))
