/** Parquet files that announce what they do not hold, and what is to be said of each. */
import { brotliCompressSync, zstdCompressSync } from "node:zlib"
import { element, i32, image, levels, list, page, pageV2, parquet, run, struct, text, words } from "./file.ts"

/** Levels of four present values, then four texts of one byte. */
export const sound = page({ body: [...levels(run(4, 2)), ...[1, 2, 3, 4].flatMap((byte) => [1, 0, 0, 0, byte])] })
const deltaByteArray = (values: number): ReadonlyArray<number> => {
  // Blocks of 128 in 4 parts, all deltas 1 and 0: prefixes 0, 1, 2, … and suffixes of one byte.
  const varint = (value: number): ReadonlyArray<number> =>
    value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)]
  const blocks = (first: number, delta: number) => {
    const each = Array.from({ length: Math.ceil(values / 128) }, () => [2 * delta, 0, 0, 0, 0])
    return [128, 1, 4, ...varint(values), 2 * first, ...each.flat()]
  }
  return [...blocks(0, 1), ...blocks(1, 0), ...new Array<number>(values).fill(65)]
}

export const lies: ReadonlyArray<readonly [name: string, bytes: Uint8Array, says: RegExp]> = [
  [
    "children that turn back",
    parquet(sound, {
      schema: [
        element("schema", { 5: i32(4) }),
        ...["a", "b", "c"].map((name) => element(name, { 1: i32(6), 3: i32(1) })),
        element("image", { 3: i32(1), 5: i32(-3) }),
        image[2]!
      ]
    }),
    /schema element 4, "image", announces -3 children where 1 elements follow/
  ],
  [
    "more children than elements",
    parquet(sound, { schema: [element("schema", { 5: i32(2 ** 30) }), ...image.slice(1)] }),
    /element 0, "schema", announces 1073741824 children/
  ],
  [
    "children that end early",
    parquet(sound, { schema: [image[0]!, element("image", { 3: i32(1), 5: i32(2) }), image[2]!] }),
    /announces 2 children where 1 elements follow/
  ],
  [
    "elements that belong to nothing",
    parquet(sound, { schema: [...image, ...image] }),
    /3 elements that belong to nothing, from "schema" on/
  ],
  ["no schema", parquet(sound, { schema: [] }), /its schema ends/],
  [
    "more columns than anybody has",
    parquet(sound, {
      schema: [
        element("schema", { 5: i32(20_000) }),
        ...Array.from({ length: 20_000 }, (_, i) => element(`${i}`, { 1: i32(6) }))
      ]
    }),
    /its schema has 20001 elements, at most 16384 are read/
  ],
  [
    "a schema without an end",
    parquet(sound, { schema: Array.from({ length: 5000 }, (_, i) => element(`${i}`, { 5: i32(1) })) }),
    /nested more than 64 deep/
  ],
  ["negative rows", parquet(sound, { rows: -1 }), /it announces -1 rows/],
  [
    "fewer values than rows",
    parquet(sound, { values: 3 }),
    /row group 0 has 4 rows and 3 values in its column "image.bytes"/
  ],
  ["a billion rows", parquet(sound, { rows: 2 ** 30 }), /has 1073741824 rows, at most 4194304 are read/],
  [
    "four million rows",
    parquet(sound, { rows: 2 ** 22 }),
    /announces 12582912 values and lists in \d+ bytes, at most \d+ are read/
  ],
  [
    "a footer of lists",
    parquet([], { footer: struct({ 2: list([], 2 ** 25) }).bytes }),
    /a list of 33554432 where 1 bytes are left/
  ],
  [
    "a number without an end",
    parquet([], { footer: [6, 2, ...new Array<number>(2 ** 20).fill(128)] }),
    /the number at byte 2 has no end/
  ],
  [
    "structs in one another",
    parquet([], { footer: new Array<number>(2 ** 18).fill(0x1c) }),
    /nested more than 24 deep/
  ],
  [
    "a long decimal",
    parquet(sound, {
      schema: [element("schema", { 5: i32(1) }), element("image", { 1: i32(2), 3: i32(0), 6: i32(5) })],
      column: { 12: struct({ 1: text(new Uint8Array(2 ** 20)) }) }
    }),
    /value of a decimal has more than 4096 bytes/
  ],
  [
    "decimals of any length",
    parquet(sound, {
      schema: [image[0]!, image[1]!, element("bytes", { 1: i32(6), 3: i32(1), 6: i32(5), 8: i32(9) })]
    }),
    /"image.bytes" that holds decimals of any number of bytes/
  ],
  [
    "a page of a gibibyte",
    parquet(page({ body: [1, 2, 3], unpacked: 2 ** 30 }), { codec: 1 }),
    /pages unpack to more than its footer announces/
  ],
  [
    "a footer of a gibibyte",
    parquet(page({ body: [1, 2, 3], unpacked: 2 ** 30 }), { codec: 1, unpacked: 2 ** 30 }),
    /unpacks from \d+ to 1073741824 bytes, at most \d+ are read/
  ],
  [
    "zeros out of nothing",
    (() => {
      const zeros = new Uint8Array(2 ** 28)
      return parquet(page({ body: zstdCompressSync(zeros), unpacked: zeros.length }), {
        codec: 6,
        unpacked: zeros.length
      })
    })(),
    /unpacks from \d+ to 268435456 bytes/
  ],
  [
    "more than a page announces",
    parquet(page({ body: brotliCompressSync(new Uint8Array(2 ** 26)), unpacked: 100 }), { codec: 4 }),
    /Cannot create a Buffer larger than 100 bytes/
  ],
  [
    "a page of a billion values",
    parquet(page({ body: [...levels(run(4, 2))], values: 2 ** 30 })),
    /a page of 1073741824 values in a column of 4/
  ],
  [
    "a page too few",
    parquet(page({ body: levels(run(3, 0)), values: 3 })),
    /its pages hold 3 values, its footer announces 4/
  ],
  [
    "a page of negative length",
    parquet(struct({ 1: i32(0), 2: i32(4), 3: i32(-9), 5: struct({ 1: i32(4), 2: i32(0) }) }).bytes),
    /a page of -9 bytes/
  ],
  [
    "a run of a billion levels",
    parquet(page({ body: levels(run(2 ** 29, 2)) })),
    /a run of 536870912 in a page of 4 values/
  ],
  [
    "a run of a billion words",
    parquet([
      ...words({ body: [0, 0, 0, 0], values: 1 }),
      ...page({ encoding: 8, body: [...levels(run(4, 2)), 1, ...run(2 ** 29, 0)] })
    ]),
    /a run of 536870912 in a page of 4 values/
  ],
  [
    "words of no bits",
    parquet(pageV2({ encoding: 8, body: [...run(4, 2), 0, 255, 255, 255, 255, 15] }, 0, 2)),
    /a run of/
  ],
  ["too few levels", parquet(page({ body: levels(run(2, 2)) })), /2 levels in a page of 4 values/],
  [
    "levels beyond the page",
    parquet(page({ body: [255, 255, 255, 127, 8, 2] })),
    /levels of 2147483647 bytes in a page of 6/
  ],
  [
    "less than no nulls",
    parquet(pageV2({ body: run(4, 2) }, -(2 ** 30), 2)),
    /a page of 4 values has -1073741824 nulls/
  ],
  [
    "a dictionary of a billion",
    parquet([...words({ body: [0, 0, 0, 0], values: 2 ** 30 }), ...sound]),
    /a dictionary of 1073741824 values in 4 bytes/
  ],
  [
    "a dictionary of empty words",
    (() => {
      const empty = new Uint8Array(2 ** 25)
      return parquet(words({ body: zstdCompressSync(empty), unpacked: empty.length, values: 2 ** 23 }), {
        codec: 6,
        unpacked: empty.length
      })
    })(),
    /a dictionary of 8388608 values is more than is read of so small a row group/
  ],
  [
    "texts that share their beginnings",
    parquet(page({ encoding: 7, values: 20_000, body: [...levels(run(20_000, 2)), ...deltaByteArray(20_000)] }), {
      rows: 20_000,
      unpacked: 40_000
    }),
    /pages unpack to more/
  ],
  [
    "deltas of no parts",
    parquet(page({ encoding: 5, body: [...levels(run(4, 2)), 128, 1, 0, 4, 0] })),
    /deltas in blocks of 0 parts/
  ],
  [
    "wide values split into streams",
    parquet(page({ encoding: 9, body: levels(run(4, 2)) }), {
      schema: [image[0]!, image[1]!, element("bytes", { 1: i32(7), 2: i32(2 ** 30), 3: i32(1) })],
      column: { 1: i32(7) }
    }),
    /pages unpack to more/
  ],
  [
    "a variant",
    parquet(sound, {
      schema: [image[0]!, element("image", { 3: i32(1), 5: i32(1), 10: struct({ 16: struct({}) }) }), image[2]!]
    }),
    /of the type VARIANT/
  ],
  [
    "a footer longer than the file",
    Uint8Array.from([...Buffer.from("PAR1"), 255, 255, 255, 127, ...Buffer.from("PAR1")]),
    /its footer is longer than the file: 2147483647 bytes announced, 0 there/
  ],
  [
    "a footer with nothing but a version",
    Uint8Array.from([...Buffer.from("PAR1"), 0x15, 0, 0, 0, 0, 4, 0, 0, 0, ...Buffer.from("PAR1")]),
    /its footer has no schema$/
  ],
  [
    "a footer under lock",
    Uint8Array.from([...Buffer.from("PAR1"), 0, 0, 0, 0, ...Buffer.from("PARE")]),
    /its footer is encrypted/
  ]
]
