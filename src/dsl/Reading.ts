/**
 * Where things are in a run folder, and how its line files are read.
 */
import { Effect, FileSystem, Path, Schema, Stream } from "effect"
import * as Json from "../kernels/weights/Json.ts"
import * as Lines from "./Lines.ts"
import { fromPlatform, RunFileError } from "./RunError.ts"

const decodeLine = Schema.decodeEffect(Json.text(Schema.Json))

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
        Stream.mapError(fromPlatform(file, "reading")),
        Lines.read((reason) => new RunFileError({ path: file, reason })),
        Stream.filter(({ text }) => text !== ""),
        Stream.mapEffect(({ text }) =>
          Effect.mapError(
            decodeLine(text),
            (cause) => new RunFileError({ path: file, reason: "is not what this version writes", cause })
          )
        )
      )
    }
  }
})
