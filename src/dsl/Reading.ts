/**
 * Where things are in a run folder, and how its line files are read.
 */
import { Effect, FileSystem, Path, Schema, Stream } from "effect"
import { fromPlatform, RunFileError } from "./RunError.ts"

const decodeLine = Schema.decodeEffect(Schema.fromJsonString(Schema.Json))

export const readers = Effect.fnUntraced(function*(directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  return {
    /** The folder of a finished stage's checkpoint. */
    checkpoint: (stage: string) => path.join(directory, "checkpoints", stage),
    /** `bytes`: only so much of the file. */
    lines: (name: string, bytes?: number) => {
      const file = path.join(directory, name)
      return fs.stream(file, bytes === undefined ? {} : { bytesToRead: bytes }).pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.mapError(fromPlatform(file, "reading")),
        Stream.filter((line) => line !== ""),
        Stream.mapEffect((line) =>
          Effect.mapError(
            decodeLine(line),
            (cause) => new RunFileError({ path: file, reason: "is not what this version writes", cause })
          )
        )
      )
    }
  }
})
