/**
 * Files of a run folder, read back through their schemas. A folder may come from elsewhere: what is no file, larger or
 * deeper than anything that is written here is refused before it is held or decoded.
 */
import { Effect, FileSystem, Option, Schema, Stream } from "effect"
import { fromPlatform, RunFileError } from "../dsl/RunError.ts"

/** Largest JSON file, and longest line of one, in bytes. */
const [largestFile, longestLine] = [64 * 2 ** 20, 8 * 2 ** 20]

/** Records in records: more than that is no file of ours, and would be more than a decoder's stack holds. */
const deepest = 100

/** Whether brackets stand in one another beyond what is decoded. */
const isDeep = (text: string): boolean => {
  let depth = 0
  for (const [found] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (found === "{" || found === "[") depth++
    else if (found === "}" || found === "]") depth--
    if (depth > deepest) return true
  }
  return false
}

const mebibytes = (bytes: number | bigint) => `${Math.ceil(Number(bytes) / 2 ** 20)} MiB`

/** Whether there is such a file. Anything else of its name, such as a folder or a pipe, is an error. */
const present = Effect.fnUntraced(function*(file: string, most?: number) {
  const fs = yield* FileSystem.FileSystem
  const found = yield* fs.stat(file).pipe(
    Effect.map(Option.some),
    Effect.catchIf(({ reason }) => reason._tag === "NotFound", () => Effect.succeedNone),
    Effect.mapError(fromPlatform(file, "reading"))
  )
  if (Option.isNone(found)) return false
  const { size, type } = found.value
  const refuse = (reason: string) => new RunFileError({ path: file, reason })
  if (type !== "File") return yield* refuse(`is a ${type.toLowerCase()}, expected a file of a run`)
  if (most !== undefined && size > BigInt(most)) {
    return yield* refuse(`has ${mebibytes(size)}, at most ${mebibytes(most)} are read: no run writes so much here`)
  }
  return true
})

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
  const fs = yield* FileSystem.FileSystem
  if (!(yield* present(file, largestFile))) return Option.none<A>()
  const text = yield* fs.readFileString(file).pipe(Effect.mapError(fromPlatform(file, "reading")))
  return Option.some(yield* decoded(file, codec, "is not what this version writes")(text))
})

/** Where a line lies in its file, without its end. */
export interface Place {
  /** Of its first byte. */
  readonly at: number
  readonly bytes: number
}

/** A file's lines with their places, as they come in chunks. */
const cutting = (file: string) => {
  const decoder = new TextDecoder()
  let waiting: ReadonlyArray<Uint8Array> = []
  let [at, bytes] = [0, 0]
  const take = (last: Uint8Array) => {
    const parts = [...waiting, last]
    const whole = parts.length === 1 ? last : Buffer.concat(parts)
    const place = { at, bytes: whole.length }
    waiting = []
    bytes = 0
    at += whole.length + 1
    return { place, text: decoder.decode(whole) }
  }
  return {
    chunk: (chunk: Uint8Array) => {
      const found: Array<{ readonly place: Place; readonly text: string }> = []
      let from = 0
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
        found.push(take(chunk.subarray(from, end)))
        from = end + 1
      }
      waiting = [...waiting, Uint8Array.from(chunk.subarray(from))]
      bytes += chunk.length - from
      return bytes > longestLine || found.some(({ place }) => place.bytes > longestLine)
        ? Effect.fail(new RunFileError({ path: file, reason: `holds a line of more than ${mebibytes(longestLine)}` }))
        : Effect.succeed(found)
    },
    rest: () => bytes === 0 ? [] : [take(new Uint8Array(0))]
  }
}

/** The lines of a file with their places, decoded one at a time; nothing where it is not there. */
export const placed = <A>(file: string, codec: Schema.Codec<A, unknown>) =>
  Stream.unwrap(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    if (!(yield* present(file))) return Stream.empty
    const cut = cutting(file)
    const decode = decoded(file, codec, "holds a line that is not what this version writes")
    return fs.stream(file).pipe(
      Stream.mapError(fromPlatform(file, "reading")),
      Stream.mapEffect(cut.chunk),
      Stream.concat(Stream.sync(cut.rest)),
      Stream.flattenIterable,
      Stream.filter(({ text }) => text !== "" && text !== "\r"),
      Stream.mapEffect(({ place, text }) => Effect.map(decode(text), (row) => ({ place, row })))
    )
  }))

/** The lines of a file, decoded one at a time; nothing where it is not there. */
export const lines = <A>(file: string, codec: Schema.Codec<A, unknown>) =>
  Stream.map(placed(file, codec), ({ row }) => row)

/** Reads single lines of a file again, by their places. The file is open until the scope ends. */
export const rereading = Effect.fnUntraced(function*<A>(file: string, codec: Schema.Codec<A, unknown>) {
  const fs = yield* FileSystem.FileSystem
  const failed = Effect.mapError(fromPlatform(file, "reading"))
  const open = yield* failed(fs.open(file, { flag: "r" }))
  const decode = decoded(file, codec, "holds a line that is not what this version writes")
  return ({ at, bytes }: Place): Effect.Effect<A, RunFileError> =>
    Effect.gen(function*() {
      const found = yield* failed(open.readAlloc(bytes, { position: BigInt(at) }))
      const text = Option.match(found, { onNone: () => "", onSome: (some) => new TextDecoder().decode(some) })
      return yield* decode(text)
    })
})
