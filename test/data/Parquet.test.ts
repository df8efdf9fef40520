/** Parquet files that announce what they do not hold, read where a reader that does not come back can be ended. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { fileURLToPath } from "node:url"
import { brotliCompressSync, zstdCompressSync } from "node:zlib"
import { Parquet } from "../../src/data/index.ts"
import { collect, folder, live, png } from "./folders.ts"
import { element, i32, i64, image, levels, list, page, pageV2, parquet, run, struct, text, words } from "./parquet/file.ts"

interface Outcome {
  readonly at?: number
  readonly file?: string
  readonly error?: string
  readonly samples?: number
  readonly defect?: string
  readonly milliseconds: number
  readonly mebibytes: number
}

const program = fileURLToPath(new URL("./parquet/reads.ts", import.meta.url))
const fixture = (codec: string) => fileURLToPath(new URL(`../fixtures/parquet-${codec}.parquet`, import.meta.url))

/** What a process of its own made of files. It is killed after `seconds`. */
const readApart = (args: ReadonlyArray<string>, seconds: number) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(`${tmpdir()}/parquet-`)),
    (temporary) =>
      Effect.callback<ReadonlyArray<Outcome>>((resume) => {
        const options = { timeout: seconds * 1000, killSignal: "SIGKILL" as const, maxBuffer: 2 ** 28, env: { ...process.env, TMPDIR: temporary } }
        const child = execFile(process.execPath, ["--disable-warning=ExperimentalWarning", program, ...args], options, (error, stdout, stderr) => {
          const found = stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Outcome)
          resume(error === null ? Effect.succeed(found) : Effect.die(new Error(`ended after ${JSON.stringify(found.at(-1))}: ${error.message} ${stderr}`)))
        })
        return Effect.sync(() => child.kill("SIGKILL"))
      }),
    (temporary) => Effect.sync(() => rmSync(temporary, { recursive: true }))
  )

/** Milliseconds that one small file may take, and MiB that a process may grow by for it, whatever it announces. */
const SOON = 3000
const LITTLE = 300

/** Levels of four present values, then four texts of one byte. */
const sound = page({ body: [...levels(run(4, 2)), ...[1, 2, 3, 4].flatMap((byte) => [1, 0, 0, 0, byte])] })
const deltaByteArray = (values: number): ReadonlyArray<number> => {
  // Blocks of 128 in 4 parts, all deltas 1 and 0: prefixes 0, 1, 2, … and suffixes of one byte.
  const varint = (value: number): ReadonlyArray<number> => value < 128 ? [value] : [value & 127 | 128, ...varint(value >> 7)]
  const blocks = (first: number, delta: number) => [...[128, 1], 4, ...varint(values), 2 * first, ...Array.from({ length: Math.ceil(values / 128) }, () => [2 * delta, 0, 0, 0, 0]).flat()]
  return [...blocks(0, 1), ...blocks(1, 0), ...new Array<number>(values).fill(65)]
}

const hostile: ReadonlyArray<readonly [name: string, bytes: Uint8Array, says: RegExp]> = [
  ["children that turn back", parquet(sound, { schema: [image[0]!, element("image", { 3: i32(1), 5: i32(-3) }), image[2]!] }), /schema element 1, "image", announces -3 children where 1 elements follow/],
  ["more children than elements", parquet(sound, { schema: [element("schema", { 5: i32(2 ** 30) }), ...image.slice(1)] }), /element 0, "schema", announces 1073741824 children/],
  ["children that end early", parquet(sound, { schema: [image[0]!, element("image", { 3: i32(1), 5: i32(2) }), image[2]!] }), /announces 2 children where 1 elements follow/],
  ["elements that belong to nothing", parquet(sound, { schema: [...image, ...image] }), /3 elements that belong to nothing, from "schema" on/],
  ["no schema", parquet(sound, { schema: [] }), /its schema ends/],
  ["a schema without an end", parquet(sound, { schema: Array.from({ length: 5000 }, (_, i) => element(`${i}`, { 5: i32(1) })) }), /nested more than 64 deep/],
  ["negative rows", parquet(sound, { rows: -1 }), /it announces -1 rows/],
  ["fewer values than rows", parquet(sound, { values: 3 }), /row group 0 has 4 rows and 3 values in its column "image.bytes"/],
  ["a billion rows", parquet(sound, { rows: 2 ** 30 }), /has 1073741824 rows, at most 4194304 are read/],
  ["four million rows", parquet(sound, { rows: 2 ** 22 }), /announces 12582912 values and lists in \d+ bytes, at most \d+ are read/],
  ["a footer of lists", parquet([], { footer: struct({ 2: list([], 2 ** 25) }).bytes }), /a list of 33554432 where 1 bytes are left/],
  ["a number without an end", parquet([], { footer: [6, 2, ...new Array<number>(2 ** 20).fill(128)] }), /the number at byte 2 has no end/],
  ["structs in one another", parquet([], { footer: new Array<number>(2 ** 18).fill(0x1c) }), /nested more than 24 deep/],
  ["a long decimal", parquet(sound, {
    schema: [element("schema", { 5: i32(1) }), element("image", { 1: i32(2), 3: i32(0), 6: i32(5) })],
    column: { 12: struct({ 1: text(new Uint8Array(2 ** 20)) }) }
  }), /value of a decimal has more than 4096 bytes/],
  ["decimals of any length", parquet(sound, { schema: [image[0]!, image[1]!, element("bytes", { 1: i32(6), 3: i32(1), 6: i32(5), 8: i32(9) })] }), /"image.bytes" that holds decimals of any number of bytes/],
  ["a page of a gibibyte", parquet(page({ body: [1, 2, 3], unpacked: 2 ** 30 }), { codec: 1 }), /pages unpack to more than its footer announces/],
  ["a footer of a gibibyte", parquet(page({ body: [1, 2, 3], unpacked: 2 ** 30 }), { codec: 1, unpacked: 2 ** 30 }), /unpacks from \d+ to 1073741824 bytes, at most \d+ are read/],
  ["zeros out of nothing", (() => {
    const zeros = new Uint8Array(2 ** 28)
    return parquet(page({ body: zstdCompressSync(zeros), unpacked: zeros.length }), { codec: 6, unpacked: zeros.length })
  })(), /unpacks from \d+ to 268435456 bytes/],
  ["more than a page announces", parquet(page({ body: brotliCompressSync(new Uint8Array(2 ** 26)), unpacked: 100 }), { codec: 4 }), /Cannot create a Buffer larger than 100 bytes/],
  ["a page of a billion values", parquet(page({ body: [...levels(run(4, 2))], values: 2 ** 30 })), /a page of 1073741824 values in a column of 4/],
  ["a page too few", parquet(page({ body: levels(run(3, 0)), values: 3 })), /its pages hold 3 values, its footer announces 4/],
  ["a page of negative length", parquet(struct({ 1: i32(0), 2: i32(4), 3: i32(-9), 5: struct({ 1: i32(4), 2: i32(0) }) }).bytes), /a page of -9 bytes/],
  ["a run of a billion levels", parquet(page({ body: levels(run(2 ** 29, 2)) })), /a run of 536870912 in a page of 4 values/],
  ["a run of a billion words", parquet([...words({ body: [0, 0, 0, 0], values: 1 }), ...page({ encoding: 8, body: [...levels(run(4, 2)), 1, ...run(2 ** 29, 0)] })]), /a run of 536870912 in a page of 4 values/],
  ["words of no bits", parquet(pageV2({ encoding: 8, body: [...run(4, 2), 0, 255, 255, 255, 255, 15] }, 0, 2)), /a run of/],
  ["too few levels", parquet(page({ body: levels(run(2, 2)) })), /2 levels in a page of 4 values/],
  ["levels beyond the page", parquet(page({ body: [255, 255, 255, 127, 8, 2] })), /levels of 2147483647 bytes in a page of 6/],
  ["less than no nulls", parquet(pageV2({ body: run(4, 2) }, -(2 ** 30), 2)), /a page of 4 values has -1073741824 nulls/],
  ["a dictionary of a billion", parquet([...words({ body: [0, 0, 0, 0], values: 2 ** 30 }), ...sound]), /a dictionary of 1073741824 values in 4 bytes/],
  ["a dictionary of empty words", (() => {
    const empty = new Uint8Array(2 ** 25)
    return parquet(words({ body: zstdCompressSync(empty), unpacked: empty.length, values: 2 ** 23 }), { codec: 6, unpacked: empty.length })
  })(), /a dictionary of 8388608 values is more than is read of so small a row group/],
  ["texts that share their beginnings", parquet(page({ encoding: 7, values: 20_000, body: [...levels(run(20_000, 2)), ...deltaByteArray(20_000)] }), { rows: 20_000, unpacked: 40_000 }), /pages unpack to more/],
  ["deltas of no parts", parquet(page({ encoding: 5, body: [...levels(run(4, 2)), 128, 1, 0, 4, 0] })), /deltas in blocks of 0 parts/],
  ["wide values split into streams", parquet(page({ encoding: 9, body: levels(run(4, 2)) }), {
    schema: [image[0]!, image[1]!, element("bytes", { 1: i32(7), 2: i32(2 ** 30), 3: i32(1) })],
    column: { 1: i32(7) }
  }), /pages unpack to more/],
  ["a variant", parquet(sound, { schema: [image[0]!, element("image", { 3: i32(1), 5: i32(1), 10: struct({ 16: struct({}) }) }), image[2]!] }), /of the type VARIANT/],
  ["a footer longer than the file", Uint8Array.from([...Buffer.from("PAR1"), 255, 255, 255, 127, ...Buffer.from("PAR1")]), /its footer is longer than the file: 2147483647 bytes announced, 0 there/],
  ["a footer under lock", Uint8Array.from([...Buffer.from("PAR1"), 0, 0, 0, 0, ...Buffer.from("PARE")]), /its footer is encrypted/]
]

describe("what is announced is held against what is there", () => {
  it.effect("a sound file of this kind is read", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({ "a.parquet": parquet(sound) })
      const { error, rows } = yield* collect(Parquet.read([`${root}/a.parquet`], { annotation: Schema.Unknown }))
      assert.match(error, /none of its 4 rows is usable/)
      assert.deepStrictEqual(rows.map(([, reason]) => reason), new Array(4).fill("unreadable-image"))
    })))

  it.effect("every lie is named, soon and without much memory", () =>
    live(Effect.gen(function*() {
      const root = yield* folder(Object.fromEntries([["sound", parquet(sound)] as const, ...hostile].map(([name, bytes]) => [`${name}.parquet`, bytes])))
      const files = [["sound"] as const, ...hostile].map(([name]) => `${root}/${name}.parquet`)
      const [before, ...found] = yield* readApart(files, 60)
      hostile.forEach(([name, , says], i) => {
        const { error = "", milliseconds } = found[i]!
        assert.match(error, says, name)
        assert.include(error, `${root}/${name}.parquet`)
        assert.isBelow(milliseconds, SOON, name)
      })
      assert.isBelow(found.at(-1)!.mebibytes - before!.mebibytes, LITTLE)
    })), 70_000)

  for (const [codec, stride] of [["snappy", 5], ["zstd", 11], ["gzip", 11]] as const) {
    it.effect(`any byte of a footer changed, ${codec}: samples or an error, soon`, () =>
      Effect.gen(function*() {
        const found = yield* readApart(["--flip", "1", String(stride), fixture(codec)], 90)
        assert.isAbove(found.length, 4000 / stride)
        for (const { at, defect, error, milliseconds, samples = 0 } of found) {
          assert.isUndefined(defect, `byte ${at}`)
          assert.isTrue(error !== "" || samples > 0, `byte ${at}`)
          assert.isBelow(milliseconds, SOON, `byte ${at}`)
        }
        const errors = found.filter(({ error }) => error !== "").length
        assert.isTrue(errors > found.length / 10 && errors < found.length, String(errors))
        assert.isBelow(found.at(-1)!.mebibytes - found[0]!.mebibytes, LITTLE)
      }), 100_000)
  }
})

describe("shards", () => {
  const options = { column: "label", annotation: Parquet.classLabel(["red", "green", "blue"]) }
  const errorOf = (files: ReadonlyArray<string>) => Effect.map(collect(Parquet.read(files, options)), ({ error }) => error)
  /** As pyarrow writes no rows: a row group whose column chunks have places of their own, or no row group. */
  const label = element("label", { 1: i32(2), 3: i32(1) })
  const schema = list([element("schema", { 5: i32(2) }), ...image.slice(1), label])
  const chunk = (path: ReadonlyArray<string>, type: number, dictionary: number) => struct({
    2: i64(0),
    3: struct({ 1: i32(type), 2: list([i32(0)]), 3: list(path.map(text)), 4: i32(1), 5: i64(0), 6: i64(14), 7: i64(15), 9: i64(0), 11: i64(dictionary) })
  })
  const rowless = list([struct({ 1: list([chunk(["image", "bytes"], 6, 4), chunk(["label"], 2, 19)]), 2: i64(28), 3: i64(0) })])
  const empty = (groups: Parameters<typeof struct>[0][number]) => parquet(new Array<number>(30).fill(0), { footer: struct({ 1: i32(2), 2: schema, 3: i64(0), 4: groups }).bytes })
  const shards = { "groupless.parquet": empty(list([])), "rowless.parquet": empty(rowless) }

  it.effect("without rows are empty, and the others are kept", () =>
    live(Effect.gen(function*() {
      const root = yield* folder(shards)
      const files = [`${root}/groupless.parquet`, fixture("snappy"), `${root}/rowless.parquet`, fixture("zstd")]
      const alone = yield* collect(Parquet.read([fixture("snappy"), fixture("zstd")], options))
      const { error, ids } = yield* collect(Parquet.read(files, options))
      assert.strictEqual(error, "")
      assert.deepStrictEqual(ids, alone.ids)
      assert.isAbove(ids.length, 6)
    })))

  it.effect("are an error where none of them has a row, lacks the column or where there are none", () =>
    live(Effect.gen(function*() {
      const root = yield* folder(shards)
      const both = [`${root}/groupless.parquet`, `${root}/rowless.parquet`]
      assert.strictEqual(yield* errorOf(both), `${both.join(", ")}: no rows in it`)
      assert.match(yield* errorOf([]), /no Parquet files/)
      assert.match((yield* collect(Parquet.read(both, { ...options, column: "class" }))).error, /no column "class", found image, label/)
    })))

  it.effect("that were not fetched, or are packed with what is not read, say so", () =>
    live(Effect.gen(function*() {
      const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 12345\n`
      const root = yield* folder({ "lfs.parquet": pointer, "lz4.parquet": parquet(sound, { codec: 7 }), "odd.parquet": parquet(sound, { codec: 99 }), "near.png": yield* png(2, 2) })
      assert.strictEqual(yield* errorOf([`${root}/lfs.parquet`]), `${root}/lfs.parquet: a Git LFS pointer in the place of a file of 12345 bytes: fetch it with git lfs pull`)
      const whole = { annotation: Schema.Unknown }
      assert.match((yield* collect(Parquet.read([`${root}/lz4.parquet`], whole))).error, /"image.bytes" that is packed with LZ4_RAW, which is not read: write it with SNAPPY, GZIP, BROTLI, ZSTD or no compression/)
      assert.match((yield* collect(Parquet.read([`${root}/odd.parquet`], whole))).error, /packed with an unknown codec/)
    })))
})
