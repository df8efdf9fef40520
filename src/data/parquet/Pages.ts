/**
 * The pages of a column, walked before the library reads them. A page that has been walked announces no more than its
 * column's footer, and no run in it is longer than the page.
 */
import { Result } from "effect"
import type { DataPageHeader, DictionaryPageHeader, PageHeader } from "hyparquet"
import { parquetHeader } from "hyparquet/src/column.js"
import { readRleBitPackedHybrid } from "hyparquet/src/encoding.js"
import { type Allowance, bitsOf, content, levels, spend, viewOf } from "./Encodings.ts"
import type { Column } from "./Groups.ts"
import * as Thrift from "./Thrift.ts"
import * as Unpack from "./Unpack.ts"

type SecondHeader = NonNullable<PageHeader["data_page_header_v2"]>

const isCount = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0

const first = (bytes: Uint8Array, header: DataPageHeader, column: Column, allowance: Allowance): void => {
  const { encoding, num_values: values } = header
  const view = viewOf(bytes)
  let at = 0
  let present = () => values
  /** Checks the levels that begin at `at`: their length goes before them. */
  const next = (highest: number) => {
    if (at + 4 > view.byteLength) throw new RangeError(`a page of ${view.byteLength} bytes ends before its levels`)
    const [start, length] = [at + 4, view.getUint32(at, true)]
    levels(view, start, length, highest, values)
    at = start + length
    return { start, length }
  }
  if (column.repetition > 0) next(column.repetition)
  if (column.definition > 0) {
    const { length, start } = next(column.definition)
    present = () => {
      const found = new Array<number>(values)
      readRleBitPackedHybrid({ view, offset: start }, bitsOf(column.definition), found, length)
      return found.reduce((sum, level) => sum + Number(level === column.definition), 0)
    }
  }
  content(view, at, { encoding, values, present, isSecondVersion: false }, column, allowance)
}

const second = (bytes: Uint8Array, size: number, header: SecondHeader, column: Column, allowance: Allowance): void => {
  const { encoding, is_compressed: isPacked, num_nulls: nulls, num_rows: rows, num_values: values } = header
  const { definition_levels_byte_length: defined, repetition_levels_byte_length: repeated } = header
  if (!isCount(nulls) || nulls > values || !isCount(rows) || rows > values) {
    throw new RangeError(`a page of ${values} values has ${nulls} nulls and ${rows} rows`)
  }
  if (!isCount(defined) || !isCount(repeated) || defined + repeated > Math.min(size, bytes.length)) {
    throw new RangeError(`levels of ${defined} and ${repeated} bytes in a page of ${bytes.length}`)
  }
  const view = viewOf(bytes)
  if (column.repetition > 0) levels(view, 0, repeated, column.repetition, values)
  if (column.definition > 0) levels(view, repeated, defined, column.definition, values)
  const packed = bytes.subarray(repeated + (column.definition > 0 ? defined : 0))
  const unpacked = isPacked === false ? packed : Unpack.page(column.codec, packed, size - defined - repeated)
  const page = { encoding, values, present: () => values - nulls, isSecondVersion: true }
  content(viewOf(unpacked), 0, page, column, allowance)
}

/** Fewest bytes of a value as it stands in a dictionary. */
const least = ({ type, typeLength }: Column): number => {
  if (type === "FIXED_LEN_BYTE_ARRAY") return typeLength
  if (type === "INT96") return 12
  if (type === "INT64" || type === "DOUBLE") return 8
  return type === "BOOLEAN" ? 1 / 8 : 4
}

const dictionary = (size: number, header: DictionaryPageHeader, column: Column, allowance: Allowance): void => {
  const { num_values: words } = header
  if (!isCount(words) || words * least(column) > size) {
    throw new RangeError(`a dictionary of ${words} values in ${size} bytes`)
  }
  allowance.words -= words
  if (allowance.words < 0) {
    throw new RangeError(`a dictionary of ${words} values is more than is read of so small a row group`)
  }
}

/** Checks one page and gives how many values it holds. */
const one = (bytes: Uint8Array, header: PageHeader, column: Column, allowance: Allowance): number => {
  const { data_page_header: v1, data_page_header_v2: v2, dictionary_page_header: words, type } = header
  const { uncompressed_page_size: size } = header
  if (!isCount(size)) throw new RangeError(`a page of ${size} bytes`)
  spend(allowance, size)
  if (type === "DICTIONARY_PAGE" && words !== undefined) {
    dictionary(size, words, column, allowance)
    return 0
  }
  const data = type === "DATA_PAGE" ? v1 : type === "DATA_PAGE_V2" ? v2 : undefined
  if (data === undefined) throw new RangeError(`a page of the type ${type ?? "unknown"}`)
  if (!isCount(data.num_values) || data.num_values > column.values) {
    throw new RangeError(`a page of ${data.num_values} values in a column of ${column.values}`)
  }
  if (type === "DATA_PAGE" && v1 !== undefined) first(Unpack.page(column.codec, bytes, size), v1, column, allowance)
  else if (v2 !== undefined) second(bytes, size, v2, column, allowance)
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
      const header = yield* Result.try({
        try: () => parquetHeader(reader),
        catch: (cause) => `a page header is damaged: ${String(cause)}`
      })
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
    if (values !== column.values) {
      return yield* Result.fail(`its pages hold ${values} values, its footer announces ${column.values}`)
    }
  }).pipe(Result.mapError((reason) => `the column "${column.name}": ${reason}`))
