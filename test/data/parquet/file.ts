/** Parquet files written by hand, so that any count in them can be a lie. */

/** A value of Thrift's compact protocol. */
export interface Value {
  readonly type: number
  readonly bytes: ReadonlyArray<number>
}

const varint = (value: bigint): ReadonlyArray<number> =>
  value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...varint(value >> 7n)]
const zigzag = (value: number | bigint) => varint(BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n)))

export const i32 = (value: number): Value => ({ type: 5, bytes: zigzag(value) })
export const i64 = (value: number | bigint): Value => ({ type: 6, bytes: zigzag(value) })
export const text = (value: string | Uint8Array): Value => {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value
  return { type: 8, bytes: [...varint(BigInt(bytes.length)), ...bytes] }
}
/** @param announced length that the list says it has */
export const list = (items: ReadonlyArray<Value>, announced = items.length): Value => ({
  type: 9,
  bytes: [0xf0 | (items[0]?.type ?? 12), ...varint(BigInt(announced)), ...items.flatMap(({ bytes }) => bytes)]
})
export const struct = (fields: Readonly<Record<number, Value>>): Value => ({
  type: 12,
  bytes: [...Object.entries(fields).flatMap(([id, { bytes, type }]) => [type, ...zigzag(Number(id)), ...bytes]), 0]
})

/** An element of the schema. */
export const element = (name: string, fields: Readonly<Record<number, Value>>) => struct({ ...fields, 4: text(name) })

export interface Parts {
  readonly codec?: number
  readonly rows?: number
  /** Row groups, all of the same bytes. Default 1. */
  readonly groups?: number
  /** Whether each has bytes of its own. Default false. */
  readonly apart?: boolean
  readonly values?: number
  readonly unpacked?: number
  readonly schema?: ReadonlyArray<Value>
  /** Fields of the column's footer, over those that are written. */
  readonly column?: Readonly<Record<number, Value>>
  /** The footer as a whole, instead. */
  readonly footer?: ReadonlyArray<number>
}

/** One optional `image` with one optional leaf `bytes`, and one row group. */
export const image = [
  element("schema", { 5: i32(1) }),
  element("image", { 3: i32(1), 5: i32(1) }),
  element("bytes", { 1: i32(6), 3: i32(1) })
]

/** A file whose only row group consists of these pages. */
export const parquet = (
  pages: ReadonlyArray<number>,
  { apart = false, codec = 0, column, footer, groups = 1, rows = 4, schema = image, unpacked = 100, values = rows }:
    Parts = {}
): Uint8Array => {
  const meta = (at: number) =>
    struct({
      1: i32(6),
      2: list([i32(0)]),
      3: list([text("image"), text("bytes")]),
      4: i32(codec),
      5: i64(values),
      6: i64(unpacked),
      7: i64(pages.length),
      9: i64(at),
      ...column
    })
  const group = (_: unknown, i: number) => {
    const at = 4 + (apart ? i * pages.length : 0)
    return struct({ 1: list([struct({ 2: i64(at), 3: meta(at) })]), 2: i64(unpacked), 3: i64(rows) })
  }
  const bytes = footer ??
    struct({ 1: i32(2), 2: list(schema), 3: i64(groups * rows), 4: list(Array.from({ length: groups }, group)) }).bytes
  const length = new Uint8Array(Uint32Array.of(bytes.length).buffer)
  const written = new Array<Uint8Array>(apart ? groups : 1).fill(Uint8Array.from(pages))
  const mark = Buffer.from("PAR1")
  return Uint8Array.from(Buffer.concat([mark, ...written, Uint8Array.from(bytes), length, mark]))
}

export interface Page {
  readonly encoding?: number
  readonly values?: number
  readonly body: ReadonlyArray<number> | Uint8Array
  readonly unpacked?: number
}

/** A data page of the first version. */
export const page = ({ body, encoding = 0, unpacked = body.length, values = 4 }: Page): ReadonlyArray<number> => [
  ...struct({
    1: i32(0),
    2: i32(unpacked),
    3: i32(body.length),
    5: struct({ 1: i32(values), 2: i32(encoding), 3: i32(3), 4: i32(3) })
  }).bytes,
  ...body
]

/** A data page of the second version, without levels of its own. */
export const pageV2 = (
  { body, encoding = 0, unpacked = body.length, values = 4 }: Page,
  nulls: number,
  levels: number
): ReadonlyArray<number> => [
  ...struct({
    1: i32(3),
    2: i32(unpacked),
    3: i32(body.length),
    8: struct({ 1: i32(values), 2: i32(nulls), 3: i32(values), 4: i32(encoding), 5: i32(levels), 6: i32(0) })
  }).bytes,
  ...body
]

/** A dictionary page. */
export const words = ({ body, unpacked = body.length, values = 4 }: Page): ReadonlyArray<number> => [
  ...struct({ 1: i32(2), 2: i32(unpacked), 3: i32(body.length), 7: struct({ 1: i32(values), 2: i32(0) }) }).bytes,
  ...body
]

/** One repeated run. @param width bytes of the value */
export const run = (count: number, value: number, width = 1): ReadonlyArray<number> => [
  ...varint(BigInt(count) << 1n),
  ...Array.from({ length: width }, (_, i) => (value >> (8 * i)) & 255)
]

/** Levels of a page of the first version: their length goes before them. */
export const levels = (...runs: ReadonlyArray<ReadonlyArray<number>>): ReadonlyArray<number> => {
  const bytes = runs.flat()
  return [...new Uint8Array(Uint32Array.of(bytes.length).buffer), ...bytes]
}
