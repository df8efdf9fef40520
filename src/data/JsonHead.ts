/**
 * How a JSON file is written, told from its first MiB: an object a line, a list of objects, or one object.
 */
import { Context, Effect, FileSystem, Option, Predicate, Stream } from "effect"
import { DataError } from "../dsl/DataError.ts"
import * as SystemFault from "../kernels/runtime/SystemFault.ts"
import { Json } from "../kernels/weights/index.ts"
import * as JsonText from "./JsonText.ts"
import * as Pointer from "./Pointer.ts"

export interface Head {
  readonly form: "lines" | "list" | "object"
  /** The first row that is an object, of the first few; of an object itself. */
  readonly first: Option.Option<unknown>
  /** Of an object: its keys that hold a list, as far as they stand in the first MiB. */
  readonly lists: ReadonlyArray<string>
}

/** Bytes that are looked at. */
const sniffed = 2 ** 20

const parse = Option.liftThrowable(Json.parse)

/** Where a string ends that begins at `from`. */
const endOfString = (text: string, from: number): number => {
  let at = from + 1
  while (at < text.length && text[at] !== "\"") at += text[at] === "\\" ? 2 : 1
  return at
}

/** Rows that are looked at: some may be damaged. */
const few = 20

/** Walks brackets, as far as the text goes: the first things inside of the outermost, and its keys that hold lists. */
const outline = (text: string) => {
  const lists: Array<string> = []
  const rows: Array<string> = []
  let [depth, start] = [0, 0]
  let key = ""
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (char === "\"") {
      const close = endOfString(text, i)
      if (depth === 1) key = text.slice(i + 1, close)
      i = close
    } else if (char === "{" || char === "[") {
      depth++
      if (depth === 2) start = i
      if (depth === 2 && char === "[") lists.push(key)
    } else if (char === "}" || char === "]") {
      depth--
      if (depth === 1 && rows.length < few) rows.push(text.slice(start, i + 1))
      if (depth === 0) break
    }
  }
  return { lists, rows }
}

const isObject = (value: unknown) => Predicate.isObject(value) && !Array.isArray(value)

const firstObject = (rows: ReadonlyArray<unknown>) => Option.fromUndefinedOr(rows.find(isObject))

/** The first of some texts that is an object. */
const firstOf = (texts: ReadonlyArray<string>) => firstObject(texts.flatMap((text) => Option.toArray(parse(text))))

const isLines = (file: string) => /\.(?:jsonl|ndjson)$/i.test(file)

type Reading = Effect.Effect<Head, DataError, FileSystem.FileSystem>

/** Heads that were read, by file; nothing where files may change between two looks. */
const Known = Context.Reference<Map<string, Reading> | undefined>("rise/JsonHead", { defaultValue: () => undefined })

/** Looks at every file once, however many layouts ask what it is. */
export const once = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => Effect.provideService(effect, Known, new Map<string, Reading>()))

/** Fails where the file cannot be read, is in UTF-16, or a Git LFS pointer. */
export const read = (file: string, expected: string): Reading =>
  Effect.gen(function*() {
    const known = yield* Known
    if (known === undefined) return yield* look(file, expected)
    const reading = known.get(file) ?? (yield* Effect.cached(look(file, expected)))
    known.set(file, reading)
    return yield* reading
  })

const look = (file: string, expected: string): Reading =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const fail = (reason: string) => new DataError({ source: file, reason })
    yield* Pointer.refuse(file)
    const chunks = yield* fs.stream(file, { bytesToRead: sniffed }).pipe(
      Stream.runCollect,
      Effect.mapError((error) =>
        fail(
          error.reason._tag === "NotFound"
            ? `no such file, expected ${expected}`
            : `cannot be read: ${SystemFault.words(error)}`
        )
      )
    )
    const bytes = Buffer.concat(chunks)
    if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff) || bytes[1] === 0) {
      return yield* fail("written in UTF-16, JSON is read in UTF-8: save it as that")
    }
    const text = bytes.toString("utf8").replace(/^\uFEFF/, "").trimStart()
    const head = (form: Head["form"], first: Option.Option<unknown>, lists: ReadonlyArray<string> = []): Head => ({
      form,
      first,
      lists
    })
    const newline = text.indexOf("\n")
    const alone = newline < 0 || text.slice(newline).trim() === ""
    const opening = parse(newline < 0 ? text : text.slice(0, newline))
    if (text.startsWith("[")) {
      const first = firstOf(outline(text).rows)
      if (Option.isSome(first) || bytes.length < sniffed) return head("list", first)
      // Its first row is longer than what is looked at: it has to be read whole.
      const whole = yield* JsonText.read(file, expected)
      return head("list", Array.isArray(whole) ? firstObject(whole) : Option.none())
    }
    if (isLines(file) || (Option.isSome(opening) && !alone) || !text.startsWith("{")) {
      return head("lines", firstOf(text.split("\n", few)))
    }
    return head("object", parse(text), outline(text).lists)
  })
