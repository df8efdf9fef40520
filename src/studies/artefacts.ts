/**
 * Files of a run folder, read back through their schemas. A folder may come from elsewhere: what is no file, larger or
 * deeper than anything that is written here is refused before it is held or decoded.
 */
import { Effect, FileSystem, Option, Schema, Stream } from "effect"
import * as Lines from "../dsl/Lines.ts"
import { fromPlatform, RunFileError } from "../dsl/RunError.ts"
import * as TextFile from "../dsl/TextFile.ts"

/** Longest line of a file, in bytes. */
const longestLine = 8 * 2 ** 20

/** Records in records: more than that is no file of ours, and would be more than a decoder's stack holds. */
const deepest = 100

/** Whether brackets stand in one another beyond what is decoded. */
const isDeep = (text: string): boolean => {
  let depth = 0
  for (const [found] of text.matchAll(/"(?:[^"\\]|\\.)*"?|[[\]{}]/g)) {
    if (found === "{" || found === "[") depth++
    else if (found === "}" || found === "]") depth--
    if (depth > deepest) return true
  }
  return false
}

/** Decodes a text; what is wrong with it, with the first line of why. */
const decoded = <A>(file: string, codec: Schema.Codec<A, unknown>, what: string) => {
  const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(codec))
  return (text: string): Effect.Effect<A, RunFileError> =>
    isDeep(text)
      ? Effect.fail(new RunFileError({ path: file, reason: `${what}: nested more than ${deepest} deep` }))
      : Effect.mapError(decode(text), (cause) => new RunFileError({ path: file, reason: what, cause }))
}

/** A JSON file, decoded; none where it is not there. */
export const json = Effect.fnUntraced(function*<A>(file: string, codec: Schema.Codec<A, unknown>) {
  const text = yield* TextFile.readIfThere(file)
  if (Option.isNone(text)) return Option.none<A>()
  return Option.some(yield* decoded(file, codec, "is not what this version writes")(text.value))
})

/** The lines of a file, decoded one at a time; nothing where it is not there. */
export const lines = <A>(file: string, codec: Schema.Codec<A, unknown>) =>
  Stream.unwrap(Effect.gen(function*() {
    const decodeLine = decoded(file, codec, "holds a line that is not what this version writes")
    const fs = yield* FileSystem.FileSystem
    if (!(yield* TextFile.isThere(file))) return Stream.empty
    return fs.stream(file).pipe(
      Stream.mapError(fromPlatform(file, "reading")),
      Lines.read((reason) => new RunFileError({ path: file, reason }), longestLine),
      Stream.filter(({ text }) => text !== ""),
      Stream.mapEffect(({ text }) => decodeLine(text))
    )
  }))

/** Where a line lies in its file. */
export interface Place {
  /** Of its first byte. */
  readonly at: number
  readonly bytes: number
}

/** The lines of a file with their places, decoded one at a time; nothing where it is not there. */
export const placed = <A>(file: string, codec: Schema.Codec<A, unknown>) =>
  Stream.unwrap(Effect.gen(function*() {
    const decodeLine = decoded(file, codec, "holds a line that is not what this version writes")
    const fs = yield* FileSystem.FileSystem
    if (!(yield* TextFile.isThere(file))) return Stream.empty
    let before = 0
    return fs.stream(file).pipe(
      Stream.mapError(fromPlatform(file, "reading")),
      Lines.records((reason) => new RunFileError({ path: file, reason }), { most: longestLine }),
      Stream.map(({ end, text }) => {
        const place: Place = { at: before, bytes: end - before }
        before = end
        return { place, text }
      }),
      Stream.filter(({ text }) => text.trim() !== ""),
      Stream.mapEffect(({ place, text }) => Effect.map(decodeLine(text), (row) => ({ place, row })))
    )
  }))

/** Reads single lines of a file again, by their places. The file is open until the scope ends. */
export const rereading = Effect.fnUntraced(function*<A>(file: string, codec: Schema.Codec<A, unknown>) {
  const fs = yield* FileSystem.FileSystem
  const failed = Effect.mapError(fromPlatform(file, "reading"))
  const open = yield* failed(fs.open(file, { flag: "r" }))
  const decodeLine = decoded(file, codec, "holds a line that is not what this version writes")
  return ({ at, bytes }: Place): Effect.Effect<A, RunFileError> =>
    Effect.gen(function*() {
      const found = yield* failed(open.readAlloc(bytes, { position: BigInt(at) }))
      const text = Option.match(found, { onNone: () => "", onSome: (some) => new TextDecoder().decode(some) })
      return yield* decodeLine(text)
    })
})
