/** Shards as data sets ship them: empty ones, ones that were not fetched, ones that are packed in another way. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { fileURLToPath } from "node:url"
import { Parquet } from "../../src/data/index.ts"
import { collect, folder, live, png } from "./folders.ts"
import { element, i32, i64, image, list, parquet, struct, text } from "./parquet/file.ts"
import { sound } from "./parquet/lies.ts"

const fixture = (codec: string) => fileURLToPath(new URL(`../fixtures/parquet-${codec}.parquet`, import.meta.url))

describe("shards", () => {
  const options = { column: "label", annotation: Parquet.classLabel(["red", "green", "blue"]) }
  const errorOf = (files: ReadonlyArray<string>) =>
    Effect.map(collect(Parquet.read(files, options)), ({ error }) => error)
  /** As pyarrow writes no rows: a row group whose column chunks have places of their own, or no row group. */
  const label = element("label", { 1: i32(2), 3: i32(1) })
  const schema = list([element("schema", { 5: i32(2) }), ...image.slice(1), label])
  const chunk = (path: ReadonlyArray<string>, type: number, dictionary: number) =>
    struct({
      2: i64(0),
      3: struct({
        1: i32(type),
        2: list([i32(0)]),
        3: list(path.map(text)),
        4: i32(1),
        5: i64(0),
        6: i64(14),
        7: i64(15),
        9: i64(0),
        11: i64(dictionary)
      })
    })
  const rowless = list([
    struct({ 1: list([chunk(["image", "bytes"], 6, 4), chunk(["label"], 2, 19)]), 2: i64(28), 3: i64(0) })
  ])
  const empty = (groups: Parameters<typeof struct>[0][number]) =>
    parquet(new Array<number>(30).fill(0), { footer: struct({ 1: i32(2), 2: schema, 3: i64(0), 4: groups }).bytes })
  const shards = { "groupless.parquet": empty(list([])), "rowless.parquet": empty(rowless) }

  it.effect("without rows are empty, and the others are kept", () =>
    live(
      Effect.gen(function*() {
        const root = yield* folder(shards)
        const files = [`${root}/groupless.parquet`, fixture("snappy"), `${root}/rowless.parquet`, fixture("zstd")]
        const alone = yield* collect(Parquet.read([fixture("snappy"), fixture("zstd")], options))
        const { error, ids } = yield* collect(Parquet.read(files, options))
        assert.strictEqual(error, "")
        assert.deepStrictEqual(ids, alone.ids)
        assert.isAbove(ids.length, 6)
      })
    ))

  it.effect("are an error where none of them has a row, lacks the column or where there are none", () =>
    live(
      Effect.gen(function*() {
        const root = yield* folder(shards)
        const both = [`${root}/groupless.parquet`, `${root}/rowless.parquet`]
        assert.strictEqual(yield* errorOf(both), `${both.join(", ")}: no rows in it`)
        assert.match(yield* errorOf([]), /no Parquet files are named/)
        assert.match(
          (yield* collect(Parquet.read(both, { ...options, column: "class" }))).error,
          /no column "class", found image, label/
        )
      })
    ))

  it.effect("with a column of lists give the lists of one, and name the others", () =>
    live(
      Effect.gen(function*() {
        const lists = fileURLToPath(new URL("../fixtures/huggingface-lists.parquet", import.meta.url))
        const { error, ids, rows } = yield* collect(
          Parquet.read([lists], { image: "images", column: "answer", annotation: Schema.String })
        )
        assert.deepStrictEqual([error, ids, rows], ["", ["red.png"], [[2, "several-images"], [3, "several-images"]]])
      })
    ))

  it.effect("that were not fetched, or are packed with what is not read, say so", () =>
    live(
      Effect.gen(function*() {
        const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 12345\n`
        const root = yield* folder({
          "lfs.parquet": pointer,
          "lz4.parquet": parquet(sound, { codec: 7 }),
          "odd.parquet": parquet(sound, { codec: 99 }),
          "near.png": yield* png(2, 2)
        })
        assert.strictEqual(
          yield* errorOf([`${root}/lfs.parquet`]),
          `${root}/lfs.parquet: a Git LFS pointer in the place of a file of 12345 bytes: fetch it with git lfs pull`
        )
        const whole = { annotation: Schema.Unknown }
        assert.match(
          (yield* collect(Parquet.read([`${root}/lz4.parquet`], whole))).error,
          new RegExp(
            /"image.bytes" that is packed with LZ4_RAW, which is not read: /.source +
              /write it with SNAPPY, GZIP, BROTLI, ZSTD or no compression/.source
          )
        )
        assert.match(
          (yield* collect(Parquet.read([`${root}/odd.parquet`], whole))).error,
          /packed with an unknown codec/
        )
      })
    ))
})
