/**
 * Files of a run folder, read back through their schemas.
 */
import { Effect, FileSystem, Option, Schema, Stream } from "effect"
import * as Lines from "../dsl/Lines.ts"
import { fromPlatform, RunFileError } from "../dsl/RunError.ts"
import * as Json from "../kernels/weights/Json.ts"

/** A JSON file, decoded; none where it is not there. */
export const json = Effect.fnUntraced(function*<A>(file: string, codec: Schema.Codec<A, unknown>) {
  const fs = yield* FileSystem.FileSystem
  const there = yield* fs.exists(file).pipe(Effect.mapError(fromPlatform(file, "reading")))
  if (!there) return Option.none<A>()
  const text = yield* fs.readFileString(file).pipe(Effect.mapError(fromPlatform(file, "reading")))
  return Option.some(
    yield* Schema.decodeUnknownEffect(Json.text(codec))(text).pipe(
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
    const decode = Schema.decodeUnknownEffect(Json.text(codec))
    return Lines.ofFile(file, {
      unreadable: fromPlatform(file, "reading"),
      tooLong: (reason) => new RunFileError({ path: file, reason })
    }).pipe(
      Stream.filter(({ text }) => text !== ""),
      Stream.mapEffect(({ number, text }) =>
        Effect.mapError(decode(text), (cause) =>
          new RunFileError({ path: file, reason: `line ${number} is not what this version writes`, cause }))
      )
    )
  }))
