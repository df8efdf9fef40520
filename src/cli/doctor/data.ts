/**
 * A folder of data: is it there, can it be read, what is in it.
 */
import { Effect, FileSystem, Path } from "effect"
import { type Finding, note, ok, wrong } from "./Finding.ts"

const pictures = ["jpg", "jpeg", "png", "webp", "gif", "avif", "tif", "tiff", "bmp"]
const tables = ["csv", "tsv", "json", "jsonl", "parquet"]

/** A folder with more files is not counted to its end. */
const most = 200_000

const layouts = "docs/data.md has the layouts that are read"

const counted = (counts: ReadonlyMap<string, number>, kinds: ReadonlyArray<string>): number =>
  kinds.reduce((sum, kind) => sum + (counts.get(kind) ?? 0), 0)

/** What there is to say of a folder, or of a single file, of data. */
export const data = (place: string): Effect.Effect<Finding, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const { type } = yield* fs.stat(place)
    const files = type === "Directory" ? yield* fs.readDirectory(place, { recursive: true }) : [place]
    const counts = new Map<string, number>()
    for (const file of files.slice(0, most)) {
      const kind = path.extname(file).slice(1).toLowerCase()
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
    }
    const text = `${place}: ${counted(counts, pictures)} pictures, ${counted(counts, tables)} files of labels` +
      (files.length > most ? ` among the first ${most} files` : "")
    if (counted(counts, [...pictures, ...tables]) === 0) {
      return wrong("data", `${place}: ${files.length} entries, no picture and no file of labels among them`, layouts)
    }
    return counted(counts, pictures) === 0 && !counts.has("parquet") ? note("data", text, layouts) : ok("data", text)
  }).pipe(
    Effect.catch((error) =>
      Effect.succeed(
        error.reason._tag === "NotFound"
          ? wrong("data", `${place}: no such folder`, "mind the folder that the command is started in")
          : wrong("data", `${place} cannot be read: ${error.message}`, "look at its permissions")
      )
    )
  )
