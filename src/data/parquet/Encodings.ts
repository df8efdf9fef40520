/**
 * What a page holds, walked before the library reads it: it repeats a value as often as a run says, and allocates what
 * a length announces. Everything here throws a `RangeError` that says what does not fit.
 */
import { deltaBinaryUnpack } from "hyparquet/src/delta.js"
import { readVarInt } from "hyparquet/src/thrift.js"
import type { Column } from "./Groups.ts"

/** What is left of what the pages of a row group may unpack to. */
export interface Allowance {
  bytes: number
  /** Values of dictionaries. */
  words: number
}

export const spend = (allowance: Allowance, bytes: number): void => {
  allowance.bytes -= bytes
  if (!(allowance.bytes >= 0)) throw new RangeError("its pages unpack to more than its footer announces")
}

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Bits of a level from 0 to this one. */
export const bitsOf = (level: number): number => 32 - Math.clz32(level)

/** Values of a bit-packed run beyond the page: writers fill up groups of eight, some a whole buffer. */
const PADDING = 512
/** Parts of a block of deltas; writers make four. */
const MOST_PARTS = 2 ** 16

/**
 * Walks runs of `width` bits, repeated or packed, for `values` values or to the end of the bytes. Gives how many values
 * they stand for.
 */
const runs = (view: DataView, from: number, to: number, width: number, values: number): number => {
  const reader = { view, offset: from }
  let seen = 0
  while (seen < values && reader.offset < to) {
    const header = readVarInt(reader)
    const isPacked = (header & 1) === 1
    const count = isPacked ? (header >>> 1) * 8 : header >>> 1
    if (header < 0 || count > values + (isPacked ? PADDING : 0)) {
      throw new RangeError(`a run of ${count} in a page of ${values} values`)
    }
    reader.offset += isPacked ? count / 8 * width : (width + 7) >> 3
    seen += count
  }
  return seen
}

/** Levels of a page: one for each value, in exactly these bytes. */
export const levels = (view: DataView, from: number, length: number, highest: number, values: number): void => {
  if (from + length > view.byteLength) throw new RangeError(`levels of ${length} bytes in a page of ${view.byteLength}`)
  const seen = runs(view, from, from + length, bitsOf(highest), values)
  if (seen < values) throw new RangeError(`${seen} levels in a page of ${values} values`)
}

/** Checks deltas and gives where they are read from. */
const deltas = (view: DataView, from: number) => {
  const reader = { view, offset: from }
  readVarInt(reader)
  const parts = readVarInt(reader)
  if (!(parts > 0 && parts <= MOST_PARTS)) throw new RangeError(`deltas in blocks of ${parts} parts`)
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

/** What follows the levels of a page. */
export interface Content {
  readonly encoding: string
  /** Values, nulls included. */
  readonly values: number
  /** Values that are there, counted only where they matter. */
  readonly present: () => number
  /** Whether the page is of the second version, which packs flags of any type alike. */
  readonly isSecondVersion: boolean
}

/** Checks the values of a page, from byte `from` on. */
export const content = (view: DataView, from: number, page: Content, column: Column, allowance: Allowance): void => {
  const { encoding, isSecondVersion, present, values } = page
  const { type, typeLength } = column
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
