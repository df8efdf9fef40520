/**
 * The row groups of a Parquet file, each with its place there and with what it may unpack to. Refused where a footer
 * promises what the file cannot hold, or where the library could not read a column.
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
/** What a byte of the file may unpack to, as gzip can. What packs better has a sixteenth of the limit besides. */
const UNPACKED_PER_BYTE = 1024
/**
 * Values that a byte of the file may stand for, beside one for every 4 KiB of the limit; in runs there is no end to
 * them.
 */
const VALUES_PER_BYTE = 64
/** Bytes of the longest decimal: the library takes the square of their number. */
const DECIMAL_BYTES = 32

const advice = "it is damaged, or write smaller row groups, or raise maxGroupBytes"

const leaves = ({ children, path }: SchemaTree): ReadonlyArray<string> =>
  children.length === 0 ? [path.join("\0")] : children.flatMap(leaves)

/** What of a column the library cannot read, or could not in bounded time. */
const unreadable = (meta: ColumnMetaData, path: ReadonlyArray<SchemaTree>): string | undefined => {
  const { converted_type: converted, type, type_length: length = 0 } = path.at(-1)?.element ?? { name: "" }
  const none = "of no known type"
  if (meta.type !== type || type === undefined) return `is ${meta.type ?? none} here and ${type ?? none} in the schema`
  if (!codecs.includes(meta.codec)) {
    const others = codecs.filter((codec) => codec !== "UNCOMPRESSED").join(", ")
    const codec = meta.codec ?? "an unknown codec"
    return `is packed with ${codec}, which is not read: write it with ${others} or no compression`
  }
  if (type === "FIXED_LEN_BYTE_ARRAY" && !(length > 0)) return `has values of ${length} bytes`
  if (converted === "DECIMAL" && (type === "BYTE_ARRAY" || length > DECIMAL_BYTES)) {
    const found = type === "BYTE_ARRAY" ? "any number of" : length
    return `holds decimals of ${found} bytes, at most ${DECIMAL_BYTES} are read`
  }
  const isVariant = path.some(({ element }) => element.logical_type?.type === "VARIANT")
  return isVariant ? "is of the type VARIANT, which is not read" : undefined
}

const place = (meta: ColumnMetaData) => {
  const data = Number(meta.data_page_offset)
  const start = Number(meta.dictionary_page_offset || meta.data_page_offset)
  return { first: Math.min(start, data), start, end: start + Number(meta.total_compressed_size) }
}

const column = (meta: ColumnMetaData, schema: SchemaTree, rows: bigint): Result.Result<Column, string> => {
  const name = meta.path_in_schema.join(".")
  const path = getTreePath(schema, meta.path_in_schema)
  const wrong = unreadable(meta, path)
  if (wrong !== undefined) return Result.fail(`has a column "${name}" that ${wrong}`)
  const [definition, repetition] = [getMaxDefinitionLevel(path), getMaxRepetitionLevel(path)]
  if (repetition === 0 ? meta.num_values !== rows : meta.num_values < rows) {
    return Result.fail(`has ${rows} rows and ${meta.num_values} values in its column "${name}"`)
  }
  const { codec, num_values: values, type } = meta
  const { end, start } = place(meta)
  return Result.succeed({
    name,
    type,
    codec,
    definition,
    repetition,
    start,
    end,
    typeLength: path.at(-1)?.element.type_length ?? 0,
    values: Number(values),
    isFlat: path.length === 2 && repetition === 0
  })
}

/** A file's schema, its leaves by path, and its bytes. */
interface Whole {
  readonly schema: SchemaTree
  readonly paths: ReadonlyArray<string>
  readonly size: number
}

const group = (index: number, rowGroup: RowGroup, { paths, schema, size }: Whole, limits: Limits) =>
  Result.gen(function*() {
    const { columns, num_rows: rows } = rowGroup
    const { maxGroupBytes, wanted } = limits
    if (rows > BigInt(MOST_ROWS)) {
      return yield* Result.fail(`has ${rows} rows, at most ${MOST_ROWS} are read: write smaller row groups`)
    }
    const chunks = columns.flatMap(({ meta_data: meta }) => meta === undefined ? [] : [meta])
    if (chunks.length !== paths.length || chunks.some(({ path_in_schema: path }, k) => path.join("\0") !== paths[k])) {
      return yield* Result.fail("does not have the columns of the schema")
    }
    const places = chunks.map(place)
    const outside = places.findIndex(({ end, first, start }) => !(first >= 4 && end > start && end <= size))
    if (outside >= 0) {
      const name = chunks[outside]?.path_in_schema.join(".")
      return yield* Result.fail(`has a column that is not inside the file, "${name}"`)
    }
    const [start, end] = [Math.min(...places.map(({ first }) => first)), Math.max(...places.map((at) => at.end))]
    const bytes = end - start
    const unpacked = chunks.reduce((sum, { total_uncompressed_size: length }) => sum + length, 0n)
    if (unpacked > BigInt(maxGroupBytes) || bytes > maxGroupBytes) {
      return yield* Result.fail(`unpacks to ${unpacked} bytes, at most ${maxGroupBytes} are read: ${advice}`)
    }
    const mostBytes = Math.min(maxGroupBytes, Math.ceil(maxGroupBytes / 16) + UNPACKED_PER_BYTE * bytes)
    if (unpacked > BigInt(mostBytes)) {
      return yield* Result.fail(`unpacks from ${bytes} to ${unpacked} bytes, at most ${mostBytes} are read: ${advice}`)
    }
    const asked = chunks.filter(({ path_in_schema: [top = ""] }) => wanted?.includes(top) ?? true)
    const read = yield* Result.all(asked.map((meta) => column(meta, schema, rows)))
    // A value costs an object for every level that it lies in.
    const values = read.reduce((sum, each) => sum + each.values * (1 + each.definition), 0)
    const most = Math.ceil(maxGroupBytes / 4096) + VALUES_PER_BYTE * bytes
    if (values > most) {
      const found = `announces ${values} values and lists in ${bytes} bytes`
      return yield* Result.fail(`${found}, at most ${most} are read: ${advice}`)
    }
    return { index, rows: Number(rows), start, end, columns: read, mostBytes, mostWords: most - values }
  }).pipe(Result.mapError((reason) => `row group ${index} ${reason}`))

/** Row groups that share bytes, which would be unpacked for each of them. */
const overlap = (groups: ReadonlyArray<Group>): string | undefined => {
  const inPlace = groups.toSorted((a, b) => a.start - b.start)
  const at = inPlace.findIndex(({ start }, i) => start < (inPlace[i - 1]?.end ?? 0))
  return at < 0 ? undefined : `row groups ${inPlace[at - 1]?.index} and ${inPlace[at]?.index} share bytes of the file`
}

/** The row groups that hold rows, in order: every column of the schema once, inside the file, within the limits. */
export const of = (footer: Footer, size: number, limits: Limits): Result.Result<ReadonlyArray<Group>, string> => {
  const { metadata, schema } = footer
  const whole = { schema, paths: leaves(schema), size }
  return Result.try({
    try: () =>
      Result.gen(function*() {
        const found: Array<Group> = []
        for (const [i, rowGroup] of metadata.row_groups.entries()) {
          // Nothing is written for no rows, and what stands in for it differs between writers.
          if (rowGroup.num_rows > 0n) found.push(yield* group(i, rowGroup, whole, limits))
        }
        const shared = overlap(found)
        return shared === undefined ? found : yield* Result.fail(shared)
      }),
    // The library hands fields on as they are, of whatever kind.
    catch: (cause) => `its footer is damaged: ${cause instanceof Error ? cause.message : String(cause)}`
  }).pipe(Result.flatMap((found) => found))
}
