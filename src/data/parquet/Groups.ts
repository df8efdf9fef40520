/**
 * The row groups of a Parquet file, each with its place there and with what it may unpack to. Refused where a footer promises
 * what the file cannot hold, or where the library could not read a column.
 */
import { Result } from "effect"
import type { ColumnMetaData, ParquetType, RowGroup, SchemaTree } from "hyparquet"
import { getMaxDefinitionLevel, getMaxRepetitionLevel, getTreePath } from "hyparquet/src/schema.js"
import type { Footer } from "./Footer.ts"
import { codecs } from "./Unpack.ts"

/** A column of a row group that is read. */
export interface Column {
  /** As an error names it: "image.bytes". */
  readonly name: string
  readonly type: ParquetType
  /** Bytes of a value of fixed length. */
  readonly typeLength: number
  readonly codec: string
  /** Values, nulls and empty lists included. */
  readonly values: number
  /** Whether it lies in no struct or list. */
  readonly isFlat: boolean
  /** Highest levels at which it is defined and repeated. */
  readonly definition: number
  readonly repetition: number
  /** Its bytes in the file. */
  readonly start: number
  readonly end: number
}

/** A row group that is not empty. */
export interface Group {
  /** Its number in the file. */
  readonly index: number
  readonly rows: number
  /** Its bytes in the file. */
  readonly start: number
  readonly end: number
  readonly columns: ReadonlyArray<Column>
  /** Most bytes that its pages may unpack to. */
  readonly mostBytes: number
  /** Most values that its dictionaries may hold. */
  readonly mostWords: number
}

export interface Limits {
  /** Most bytes that a row group may unpack to. */
  readonly maxGroupBytes: number
  /** Names of the columns that are read; all where it is left out. */
  readonly wanted?: ReadonlyArray<string>
}

/** Rows of a group are held as objects; writers make at most a million. */
const MOST_ROWS = 2 ** 22
/** A byte of the file unpacks to as many as gzip can make of one, beside a sixteenth of the limit for what packs better. */
const UNPACKED_PER_BYTE = 1024
/** A byte of the file stands for so many values, beside one for every 4 KiB of the limit. Run lengths would allow any number. */
const VALUES_PER_BYTE = 64

const TYPE_LENGTH_OF_DECIMAL = 32

const leaves = ({ children, path }: SchemaTree): ReadonlyArray<string> => children.length === 0 ? [path.join("\0")] : children.flatMap(leaves)

/** What of a column the library cannot read, or could not in bounded time. */
const unreadable = (meta: ColumnMetaData, path: ReadonlyArray<SchemaTree>): string | undefined => {
  const { converted_type: converted, type, type_length: length = 0 } = path.at(-1)?.element ?? { name: "" }
  if (meta.type !== type || type === undefined) return `is ${meta.type ?? "of no known type"} here and ${type ?? "of no known type"} in the schema`
  if (!codecs.includes(meta.codec)) {
    return `is packed with ${meta.codec ?? "an unknown codec"}, which is not read: write it with ${codecs.filter((codec) => codec !== "UNCOMPRESSED").join(", ")} or no compression`
  }
  if (type === "FIXED_LEN_BYTE_ARRAY" && !(length > 0)) return `has values of ${length} bytes`
  if (converted === "DECIMAL" && (type === "BYTE_ARRAY" || length > TYPE_LENGTH_OF_DECIMAL)) {
    return `holds decimals of ${type === "BYTE_ARRAY" ? "any number of" : length} bytes, at most ${TYPE_LENGTH_OF_DECIMAL} are read`
  }
  if (path.some(({ element }) => element.logical_type?.type === "VARIANT")) return "is of the type VARIANT, which is not read"
  return undefined
}

const place = ({ data_page_offset: data, dictionary_page_offset: dictionary, total_compressed_size: size }: ColumnMetaData) => {
  const start = Number(dictionary || data)
  return { first: Math.min(start, Number(data)), start, end: start + Number(size) }
}

const group = (
  index: number, { columns, num_rows: rows }: RowGroup, { schema }: Footer, size: number, { maxGroupBytes, wanted }: Limits
): Result.Result<Group, string> => {
  const fail = (reason: string) => Result.fail(`row group ${index} ${reason}`)
  if (rows > BigInt(MOST_ROWS)) return fail(`has ${rows} rows, at most ${MOST_ROWS} are read: write smaller row groups`)
  const paths = leaves(schema)
  const chunks = columns.flatMap(({ meta_data }) => meta_data === undefined ? [] : [meta_data])
  const listed = chunks.map(({ path_in_schema }) => path_in_schema.join("\0"))
  if (listed.length !== paths.length || listed.some((name, k) => name !== paths[k])) return fail("does not have the columns of the schema")
  const places = chunks.map(place)
  const outside = places.findIndex(({ end, first, start }) => !(first >= 4 && end > start && end <= size))
  if (outside >= 0) return fail(`has a column that is not inside the file, "${chunks[outside]?.path_in_schema.join(".")}"`)

  const [start, end] = [Math.min(...places.map(({ first }) => first)), Math.max(...places.map((at) => at.end))]
  const unpacked = chunks.reduce((sum, { total_uncompressed_size }) => sum + total_uncompressed_size, 0n)
  if (unpacked > BigInt(maxGroupBytes) || end - start > maxGroupBytes) {
    return fail(`unpacks to ${unpacked} bytes, at most ${maxGroupBytes} are read: write smaller row groups, or raise maxGroupBytes`)
  }
  const mostBytes = Math.min(maxGroupBytes, Math.ceil(maxGroupBytes / 16) + UNPACKED_PER_BYTE * (end - start))
  if (unpacked > BigInt(mostBytes)) {
    return fail(`unpacks from ${end - start} to ${unpacked} bytes, at most ${mostBytes} are read: it is damaged, or raise maxGroupBytes`)
  }

  const read: Array<Column> = []
  // A value costs an object for every level that it lies in.
  let cells = 0
  for (const [i, meta] of chunks.entries()) {
    const [top = ""] = meta.path_in_schema
    if (wanted?.includes(top) === false) continue
    const name = meta.path_in_schema.join(".")
    const path = getTreePath(schema, meta.path_in_schema)
    const [definition, repetition] = [getMaxDefinitionLevel(path), getMaxRepetitionLevel(path)]
    const wrong = unreadable(meta, path)
    if (wrong !== undefined) return fail(`has a column "${name}" that ${wrong}`)
    if (repetition === 0 ? meta.num_values !== rows : meta.num_values < rows) {
      return fail(`has ${rows} rows and ${meta.num_values} values in its column "${name}"`)
    }
    cells += Number(meta.num_values) * (1 + definition)
    const { end: last = 0, start: from = 0 } = places[i] ?? {}
    read.push({
      name, type: meta.type, typeLength: path.at(-1)?.element.type_length ?? 0, codec: meta.codec, values: Number(meta.num_values),
      isFlat: path.length === 2 && repetition === 0, definition, repetition, start: from, end: last
    })
  }
  const mostCells = Math.ceil(maxGroupBytes / 4096) + VALUES_PER_BYTE * (end - start)
  return cells > mostCells
    ? fail(`announces ${cells} values and lists in ${end - start} bytes, at most ${mostCells} are read: it is damaged, or write smaller row groups, or raise maxGroupBytes`)
    : Result.succeed({ index, rows: Number(rows), start, end, columns: read, mostBytes, mostWords: mostCells - cells })
}

/** The row groups that hold rows, in order: every column of the schema once, inside the file, within the limits. */
export const of = (footer: Footer, size: number, limits: Limits): Result.Result<ReadonlyArray<Group>, string> =>
  Result.try({
    try: () =>
      Result.gen(function*() {
        const found: Array<Group> = []
        for (const [i, rowGroup] of footer.metadata.row_groups.entries()) {
          // Nothing is written for no rows, and what stands in for it differs between writers.
          if (rowGroup.num_rows > 0n) found.push(yield* group(i, rowGroup, footer, size, limits))
        }
        return found
      }),
    // The library hands fields on as they are, of whatever kind.
    catch: (cause) => `its footer is damaged: ${cause instanceof Error ? cause.message : String(cause)}`
  }).pipe(Result.flatMap((found) => found))
