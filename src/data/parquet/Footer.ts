/**
 * The footer of a Parquet file, refused where it does not agree with itself, before the library builds anything by it.
 */
import { Predicate, Result } from "effect"
import type { FileMetaData, SchemaElement, SchemaTree } from "hyparquet"
import { parquetMetadata, parquetSchema } from "hyparquet"
import { ConvertedTypes, ParquetTypes } from "hyparquet/src/constants.js"
import { deserializeTCompactProtocol } from "hyparquet/src/thrift.js"
import * as Thrift from "./Thrift.ts"

export interface Footer {
  readonly metadata: FileMetaData
  readonly schema: SchemaTree
}

/** Bytes at a file's end that say where the footer begins: its length, and "PAR1". */
export const tailBytes = 8
/** Levels of structs and lists in one another. */
const DEEPEST = 64
/** Elements of a schema. The library looks columns up one by one. */
const MOST_ELEMENTS = 2 ** 14
/** Bytes of a number's least or greatest value. */
const MOST_STATISTIC = 4096

/** What every footer has, by the numbers of its fields. */
const required = [[2, "schema"], [3, "number of rows"], [4, "row groups"]] as const

const messageOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

/** Bytes of the footer, its tail included, in a file of `size` bytes. */
export const length = (tail: Uint8Array, size: number): Result.Result<number, string> => {
  const magic = String.fromCharCode(...tail.subarray(-4))
  if (magic === "PARE") return Result.fail("its footer is encrypted, which is not read")
  // "PAR1" begins a file too.
  if (magic !== "PAR1" || size < 12) return Result.fail(`it does not end with "PAR1"`)
  const announced = new DataView(tail.buffer, tail.byteOffset).getUint32(tail.length - tailBytes, true)
  return announced + tailBytes + 4 > size
    ? Result.fail(`its footer is longer than the file: ${announced} bytes announced, ${size - tailBytes - 4} there`)
    : Result.succeed(announced + tailBytes)
}

/** A field of a struct that nobody has looked at yet, by the numbers of the fields that lead to it. */
const field = (value: unknown, ...path: ReadonlyArray<number>): unknown =>
  path.reduce((inner: unknown, id) => {
    const key = `field_${id}`
    return Predicate.hasProperty(inner, key) ? inner[key] : undefined
  }, value)

const list = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : []

/** Whether the library would turn long bytes into a decimal: it takes the square of their length. */
const hasLongDecimal = (raw: unknown): boolean => {
  const leaves = list(field(raw, 2)).filter((element) => ParquetTypes[Number(field(element, 1))] !== undefined)
  const isDecimal = leaves.map((leaf) =>
    ParquetTypes[Number(field(leaf, 1))] !== "BYTE_ARRAY" && ConvertedTypes[Number(field(leaf, 6))] === "DECIMAL"
  )
  const isLong = (value: unknown) => value instanceof Uint8Array && value.length > MOST_STATISTIC
  return list(field(raw, 4)).some((group) =>
    list(field(group, 1)).some((column, i) =>
      isDecimal[i] && [1, 2, 5, 6].some((id) => isLong(field(column, 3, 12, id)))
    )
  )
}

/**
 * What is wrong with the tree that a list of schema elements spells, each saying how many of those behind it are its
 * children.
 */
const wrongTree = (elements: ReadonlyArray<SchemaElement>): string | undefined => {
  const count = elements.length
  if (count > MOST_ELEMENTS) return `its schema has ${count} elements, at most ${MOST_ELEMENTS} are read`
  // How many children are still to come, from the root down to where the walk stands.
  const open: Array<number> = []
  for (const [i, { name, num_children: children = 0 }] of elements.entries()) {
    const left = count - i - 1
    if (typeof name !== "string") return `schema element ${i} has no name`
    if (!(Number.isInteger(children) && children >= 0 && children <= left)) {
      return `schema element ${i}, "${name}", announces ${String(children)} children where ${left} elements follow`
    }
    if (i > 0 && open.length === 0) {
      return `its schema has ${left + 1} elements that belong to nothing, from "${name}" on`
    }
    const parent = open.pop()
    if (parent !== undefined) open.push(parent - 1)
    open.push(children)
    if (open.length > DEEPEST) return `its schema is nested more than ${DEEPEST} deep`
    while (open.at(-1) === 0) open.pop()
  }
  return count === 0 || open.length > 0 ? "its schema ends before all children are there" : undefined
}

const wrongNames = ({ children, path }: SchemaTree): string | undefined => {
  const names = children.map(({ element }) => element.name)
  if (new Set(names).size < names.length) {
    return `a column is listed twice${path.length === 0 ? "" : ` in "${path.join(".")}"`}: ${names.join(", ")}`
  }
  return children.map(wrongNames).find((wrong) => wrong !== undefined)
}

const isCount = (value: unknown): value is bigint => typeof value === "bigint" && value >= 0n

const wrongCounts = ({ num_rows: rows, row_groups: groups }: FileMetaData): string | undefined => {
  if (!isCount(rows)) return `it announces ${String(rows)} rows`
  const odd = groups.findIndex((group) => !isCount(group.num_rows))
  if (odd >= 0) return `row group ${odd} announces ${String(groups[odd]?.num_rows)} rows`
  const together = groups.reduce((sum, group) => sum + group.num_rows, 0n)
  return together === rows ? undefined : `it announces ${rows} rows, its row groups ${together}`
}

/** Reads a footer, its tail included. The failure says what does not fit. */
export const parse = (bytes: Uint8Array<ArrayBuffer>): Result.Result<Footer, string> =>
  Result.gen(function*() {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength - tailBytes)
    yield* Result.mapError(Thrift.end(view, 0), (reason) => `its footer is damaged: ${reason}`)
    const raw = deserializeTCompactProtocol({ view, offset: 0 })
    const lacking = required.find(([id]) => field(raw, id) === undefined)
    if (lacking !== undefined) return yield* Result.fail(`its footer has no ${lacking[1]}`)
    if (hasLongDecimal(raw)) {
      return yield* Result.fail(`the least or greatest value of a decimal has more than ${MOST_STATISTIC} bytes`)
    }
    const metadata = yield* Result.try({
      // Marks of GeoParquet are looked for by a loop that a wrong count turns back for ever.
      try: () => parquetMetadata(bytes, { geoparquet: false }),
      catch: (cause) =>
        // What the engine says of a field that is not there tells nobody anything.
        cause instanceof TypeError
          ? "its footer lacks a part that every footer has, or has another in its place"
          : `its footer cannot be read: ${messageOf(cause)}`
    })
    const wrong = wrongTree(metadata.schema) ?? wrongCounts(metadata)
    if (wrong !== undefined) return yield* Result.fail(wrong)
    const schema = parquetSchema(metadata)
    const named = wrongNames(schema)
    return named === undefined ? { metadata, schema } : yield* Result.fail(named)
  })
