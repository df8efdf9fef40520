/**
 * The pages of a column, walked before the library reads them.
 *
 * The library allocates what a page announces and repeats a value as often as a run says. A page that has been walked here
 * announces no more than its column's footer, and no run in it is longer than the page.
 */
import { Result } from "effect"
import type { DataPageHeader, DictionaryPageHeader, PageHeader } from "hyparquet"
import { parquetHeader } from "hyparquet/src/column.js"
import { deltaBinaryUnpack } from "hyparquet/src/delta.js"
import { readRleBitPackedHybrid } from "hyparquet/src/encoding.js"
import { readVarInt } from "hyparquet/src/thrift.js"
import type { Column } from "./Groups.ts"
import * as Thrift from "./Thrift.ts"
import * as Unpack from "./Unpack.ts"

/** What is left of what the pages of a row group may unpack to. */
export interface Allowance {
  bytes: number
  /** Values of dictionaries. */
  words: number
}

const spend = (allowance: Allowance, bytes: number): void => {
  allowance.bytes -= bytes
  if (!(allowance.bytes >= 0)) throw new RangeError("its pages unpack to more than its footer announces")
}

const isCount = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const bitsOf = (level: number): number => 32 - Math.clz32(level)

/** Values of a bit-packed run beyond the page: writers fill up whole groups of eight, some a whole buffer. */
const PADDING = 512
/** Parts of a block of deltas; writers make four. */
const MOST_MINIBLOCKS = 2 ** 16

/**
 * Walks runs of `width` bits, alternately repeated and packed, for `values` values or to the end of the bytes. Gives how many
 * values they stand for.
 */
const runs = (view: DataView, from: number, to: number, width: number, values: number): number => {
  const reader = { view, offset: from }
  let seen = 0
  while (seen < values && reader.offset < to) {
    const header = readVarInt(reader)
    const count = header & 1 ? (header >>> 1) * 8 : header >>> 1
    if (header < 0 || count > values + PADDING || !(header & 1) && count > values) throw new RangeError(`a run of ${count} in a page of ${values} values`)
    reader.offset += header & 1 ? count / 8 * width : (width + 7) >> 3
    seen += count
  }
  return seen
}

/** Levels of a page: a run for each value, in exactly these bytes. */
const levels = (view: DataView, from: number, length: number, highest: number, values: number): void => {
  if (from + length > view.byteLength) throw new RangeError(`levels of ${length} bytes in a page of ${view.byteLength}`)
  const seen = runs(view, from, from + length, bitsOf(highest), values)
  if (seen < values) throw new RangeError(`${seen} levels in a page of ${values} values`)
}

/** Checks deltas and gives where they are read from. */
const deltas = (view: DataView, from: number) => {
  const reader = { view, offset: from }
  readVarInt(reader)
  const miniblocks = readVarInt(reader)
  if (!(miniblocks > 0 && miniblocks <= MOST_MINIBLOCKS)) throw new RangeError(`deltas in blocks of ${miniblocks} parts`)
  return { view, offset: from }
}

/** Bytes of texts that share their beginnings with the ones before them: any number can come out of few. */
const sharedBytes = (view: DataView, from: number, values: number): number => {
  const reader = deltas(view, from)
  const [prefixes, suffixes] = [new Int32Array(values), new Int32Array(values)]
  deltaBinaryUnpack(reader, values, prefixes)
  deltaBinaryUnpack(deltas(view, reader.offset), values, suffixes)
  return prefixes.reduce((sum, prefix, i) => sum + Math.max(0, prefix) + Math.max(0, suffixes[i] ?? 0), 0)
}

interface Content {
  readonly encoding: string
  /** Values, nulls included. */
  readonly values: number
  /** Values that are there, counted only where they matter. */
  readonly present: () => number
  readonly isSecondVersion: boolean
}

/** Checks what follows the levels. */
const content = (view: DataView, from: number, { encoding, isSecondVersion, present, values }: Content, { type, typeLength }: Column, allowance: Allowance): void => {
  const to = view.byteLength
  if (encoding === "RLE" && (type === "BOOLEAN" || isSecondVersion)) {
    // A length goes before them.
    runs(view, from + 4, to, 1, values)
  } else if (encoding === "PLAIN_DICTIONARY" || encoding === "RLE_DICTIONARY" || encoding === "RLE") {
    if (from < to) runs(view, from + 1, to, view.getUint8(from), values)
  } else if (encoding === "BYTE_STREAM_SPLIT") {
    spend(allowance, values * Math.max(8, typeLength))
  } else if (encoding === "DELTA_BYTE_ARRAY") {
    spend(allowance, sharedBytes(view, from, present()))
  } else if (encoding === "DELTA_BINARY_PACKED" || encoding === "DELTA_LENGTH_BYTE_ARRAY") {
    if (from < to) deltas(view, from)
  }
}

const firstVersion = (bytes: Uint8Array, { encoding, num_values: values }: DataPageHeader, column: Column, allowance: Allowance): void => {
  const view = viewOf(bytes)
  const { definition, repetition } = column
  let at = 0
  let present = () => values
  for (const [highest, isDefinition] of [[repetition, false], [definition, true]] as const) {
    if (highest === 0) continue
    if (at + 4 > view.byteLength) throw new RangeError(`a page of ${view.byteLength} bytes ends before its levels`)
    const [start, length] = [at + 4, view.getUint32(at, true)]
    levels(view, start, length, highest, values)
    if (isDefinition) {
      present = () => {
        const found = new Array<number>(values)
        readRleBitPackedHybrid({ view, offset: start }, bitsOf(highest), found, length)
        return found.reduce((sum, level) => sum + Number(level === highest), 0)
      }
    }
    at = start + length
  }
  content(view, at, { encoding, values, present, isSecondVersion: false }, column, allowance)
}

const secondVersion = (bytes: Uint8Array, size: number, header: NonNullable<PageHeader["data_page_header_v2"]>, column: Column, allowance: Allowance): void => {
  const {
    definition_levels_byte_length: defined, encoding, is_compressed: isPacked, num_nulls: nulls, num_rows: rows, num_values: values,
    repetition_levels_byte_length: repeated
  } = header
  if (!isCount(nulls) || nulls > values || !isCount(rows) || rows > values) throw new RangeError(`a page of ${values} values has ${nulls} nulls and ${rows} rows`)
  if (!isCount(defined) || !isCount(repeated) || defined + repeated > Math.min(size, bytes.length)) {
    throw new RangeError(`levels of ${defined} and ${repeated} bytes in a page of ${bytes.length}`)
  }
  const view = viewOf(bytes)
  if (column.repetition > 0) levels(view, 0, repeated, column.repetition, values)
  if (column.definition > 0) levels(view, repeated, defined, column.definition, values)
  const packed = bytes.subarray(repeated + (column.definition > 0 ? defined : 0))
  const unpacked = isPacked === false ? packed : Unpack.page(column.codec, packed, size - defined - repeated)
  content(viewOf(unpacked), 0, { encoding, values, present: () => values - nulls, isSecondVersion: true }, column, allowance)
}

/** Fewest bytes of a value as it stands in a dictionary. */
const least = ({ type, typeLength }: Column): number =>
  type === "FIXED_LEN_BYTE_ARRAY" ? typeLength : type === "INT96" ? 12 : type === "INT64" || type === "DOUBLE" ? 8 : type === "BOOLEAN" ? 1 / 8 : 4

const dictionary = (size: number, { num_values: values }: DictionaryPageHeader, column: Column, allowance: Allowance): void => {
  if (!isCount(values) || values * least(column) > size) throw new RangeError(`a dictionary of ${values} values in ${size} bytes`)
  allowance.words -= values
  if (allowance.words < 0) throw new RangeError(`a dictionary of ${values} values is more than is read of so small a row group`)
}

/** Checks one page and gives how many values it holds. */
const one = (bytes: Uint8Array, header: PageHeader, column: Column, allowance: Allowance): number => {
  const { data_page_header: first, data_page_header_v2: second, dictionary_page_header: words, type, uncompressed_page_size: size } = header
  if (!isCount(size)) throw new RangeError(`a page of ${size} bytes`)
  spend(allowance, size)
  if (type === "DICTIONARY_PAGE" && words !== undefined) {
    dictionary(size, words, column, allowance)
    return 0
  }
  const data = type === "DATA_PAGE" ? first : type === "DATA_PAGE_V2" ? second : undefined
  if (data === undefined) throw new RangeError(`a page of the type ${type ?? "unknown"}`)
  if (!isCount(data.num_values) || data.num_values > column.values) throw new RangeError(`a page of ${data.num_values} values in a column of ${column.values}`)
  if (type === "DATA_PAGE" && first !== undefined) firstVersion(Unpack.page(column.codec, bytes, size), first, column, allowance)
  else if (second !== undefined) secondVersion(bytes, size, second, column, allowance)
  return data.num_values
}

/**
 * Checks the pages of a column.
 *
 * @param bytes the column's, from `column.start` to `column.end`
 * @param allowance shared by the columns of a row group
 */
export const check = (bytes: Uint8Array, column: Column, allowance: Allowance): Result.Result<void, string> =>
  Result.gen(function*() {
    const view = viewOf(bytes)
    let at = 0
    let values = 0
    // The library stops where a flat column is complete; any other it reads to the end.
    while (at < bytes.length - 1 && (!column.isFlat || values < column.values)) {
      yield* Thrift.end(view, at)
      const reader = { view, offset: at }
      const header = yield* Result.try({ try: () => parquetHeader(reader), catch: (cause) => `a page header is damaged: ${String(cause)}` })
      const packed = header.compressed_page_size
      if (!isCount(packed) || reader.offset + packed > bytes.length) {
        return yield* Result.fail(`a page of ${packed} bytes where ${bytes.length - reader.offset} are left`)
      }
      at = reader.offset + packed
      values += yield* Result.try({
        try: () => one(bytes.subarray(reader.offset, at), header, column, allowance),
        catch: (cause) => cause instanceof Error ? cause.message : String(cause)
      })
    }
    if (values !== column.values) return yield* Result.fail(`its pages hold ${values} values, its footer announces ${column.values}`)
  }).pipe(Result.mapError((reason) => `the column "${column.name}": ${reason}`))
