/**
 * A table in a text file, whoever wrote it: encoding and delimiter are found out, records stream.
 */
import { Effect, type FileSystem, Option, type PlatformError, Result, Stream } from "effect"
import { DataError } from "../dsl/DataError.ts"
import * as SystemFault from "../kernels/runtime/SystemFault.ts"
import { fitted } from "./csv/Doubt.ts"
import * as Records from "./csv/Records.ts"
import * as Delimiter from "./Delimiter.ts"
import * as Pointer from "./Pointer.ts"
import type { BadRow } from "./Rows.ts"
import * as Spelling from "./Spelling.ts"
import * as TextEncoding from "./TextEncoding.ts"
import * as Walk from "./Walk.ts"

/** A record, of a table with a header one below it. */
export interface Record {
  /** The line that it begins in, from 1. */
  readonly row: number
  /** Or why the record cannot be read. */
  readonly cells: Result.Result<ReadonlyArray<string>, BadRow>
}

export interface Table {
  readonly file: string
  readonly encoding: TextEncoding.Encoding
  readonly delimiter: Delimiter.Delimiter
  /** The names of its columns, trimmed; none of an empty file; "column 1" and so on where it has none. */
  readonly header: ReadonlyArray<string>
  /** Whether its first record names the columns. */
  readonly hasHeader: boolean
  /** Replayable; without blank lines. */
  readonly records: Stream.Stream<Record, DataError, FileSystem.FileSystem>
  /** A cell as a number is written in it: with a decimal point. */
  readonly number: (cell: string) => string
}

const longestLine = 2 ** 20
const mostColumns = 10_000

/** The first lines, enough to tell the delimiter by: its text up to a line's end. */
const firstLine = <E, R>(text: Stream.Stream<string, E, R>): Effect.Effect<string, E, R> =>
  text.pipe(
    Stream.scan(() => "", (before, piece) => before + piece),
    Stream.takeUntil((line) => /[\r\n]/.test(line) || line.length > longestLine),
    Stream.runLast,
    Effect.map((line) => /^[^\r\n]*/.exec(Option.getOrElse(line, () => ""))?.[0] ?? "")
  )

/** Whether a first column is the row number that pandas writes: it has no name. */
export const isIndex = (name: string, column: number): boolean => column === 0 && /^(?:unnamed: 0)?$/i.test(name)

const isBlank = (cells: Record["cells"]): boolean =>
  Result.isSuccess(cells) && cells.success.length === 1 && cells.success[0]?.trim() === ""

/** Options of `open`. */
export interface Options {
  /** Whether the first record may be a row already: it is where it names a picture. Default false. */
  readonly headless?: boolean
}

/** Opens a table. Fails where there is none: `expected` says what it should be. */
export const open = (
  file: string,
  expected: string,
  { headless = false }: Options = {}
): Effect.Effect<Table, DataError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fail = (reason: string) => new DataError({ source: file, reason })
    const told = (error: DataError | PlatformError.PlatformError) => {
      if (error._tag === "DataError") return error
      return fail(
        error.reason._tag === "NotFound"
          ? `no such file, expected ${expected}`
          : `cannot be read: ${SystemFault.words(error)}`
      )
    }
    yield* Pointer.refuse(file)
    const encoding = yield* Effect.mapError(TextEncoding.of(file), told)
    const text = TextEncoding.decoded(file, encoding)
    const line = yield* Effect.mapError(firstLine(text), told)
    const given = Delimiter.named(line)
    const delimiter = given ?? Delimiter.of(line)
    // A spreadsheet's own line is no header.
    const all = text.pipe(Stream.mapError(told), Records.of(delimiter, given === undefined ? 0 : 1))
    const head = Option.getOrUndefined(yield* Stream.runHead(all))
    const first = yield* Effect.fromResult(
      Result.mapBoth(head?.cells ?? Result.succeed([]), {
        onFailure: ({ detail }) => fail(`line ${head?.line}, which names the columns: ${detail}`),
        onSuccess: (cells) => cells.map((name) => Spelling.composed(name.trim()))
      })
    )
    if (first.length > mostColumns) return yield* fail(`${first.length} columns, at most ${mostColumns} are read`)
    const width = first.length
    const hasHeader = !(headless && first.some(Walk.isPictureName))
    return {
      file,
      encoding,
      delimiter,
      header: hasHeader ? first : first.map((_, i) => `column ${i + 1}`),
      hasHeader,
      records: all.pipe(
        Stream.drop(hasHeader ? 1 : 0),
        Stream.filter(({ cells }) => !isBlank(cells)),
        Stream.map(({ cells, line }) => ({
          row: line,
          cells: Result.map(cells, (some) => fitted(some, width).map(Spelling.composed))
        }))
      ),
      number: (cell) => Delimiter.decimal(delimiter, cell)
    }
  })
