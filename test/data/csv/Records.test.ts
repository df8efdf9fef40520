import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Result, Schema, Stream } from "effect"
import { Csv } from "effect/encoding"
import { longest } from "../../../src/data/csv/Lines.ts"
import * as Records from "../../../src/data/csv/Records.ts"
import type { Delimiter } from "../../../src/data/Delimiter.ts"
import { stopwatch } from "../../stopwatch.ts"

/** The records of a text that comes in pieces of some length. */
const read = (text: string, piece = text.length, delimiter: Delimiter = ",") =>
  Stream.fromIterable(text.match(new RegExp(`[^]{1,${Math.max(1, piece)}}`, "g")) ?? []).pipe(
    Records.of(delimiter),
    Stream.runCollect
  )

/** Line and cells of each, or its fault. */
const plain = (records: ReadonlyArray<Records.Record>) =>
  records.map((
    { cells, line }
  ) => [line, Result.match(cells, { onFailure: ({ detail }) => detail, onSuccess: (c) => c })])

const rows = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `${from + i}.png,${["sun", "rain"][(from + i) % 2]}`)

const good = (records: ReadonlyArray<Records.Record>) =>
  records.flatMap(({ cells }) => Result.isSuccess(cells) ? [cells.success.join(",")] : [])

const faults = (records: ReadonlyArray<Records.Record>) =>
  records.flatMap(({ cells, line }) => Result.isFailure(cells) ? [[line, cells.failure.detail] as const] : [])

const cell = Arbitrary.schema(
  Schema.Literals(["", "a", "1.png", "two words", "x,y", "say \"so\"", "two\nlines", "cr\rlf\r\n", ";"])
)

describe("records of a table", () => {
  it.effect.prop("what follows RFC 4180 is read as it is written, however it is cut into pieces", [
    Arbitrary.array(Arbitrary.array(cell, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 8 }),
    Arbitrary.schema(Schema.Literals(["\n", "\r\n", "\r"])),
    Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })))
  ], ([table, end, piece]) =>
    Effect.gen(function*() {
      const written = [["id", "what", "note"], ...table].map((cells) =>
        cells.map((text) => /[",\r\n]/.test(text) ? `"${text.replaceAll("\"", "\"\"")}"` : text).join(",")
      )
      const found = yield* read(written.join(end) + end, piece)
      const peer = yield* Stream.make(written.join(end) + end).pipe(
        Stream.pipeThroughChannelOrFail(Csv.decodeString()),
        Stream.runCollect
      )
      assert.deepStrictEqual(
        found.map(({ cells }) => Result.getOrThrow(cells)),
        peer.map((cells) => [...cells])
      )
    }), { arbitrary: { runs: 300 } })

  it.effect("a quote that does not close costs its line, wherever it stands and whatever follows", () =>
    Effect.gen(function*() {
      for (const end of ["\n", "\r\n", "\r"]) {
        for (const damaged of ["5.png,\"sun", "\"5.png,sun", "5.png,sun\"", "5.png,\"sun\" day", "5\".png,sun"]) {
          for (const after of [rows(6, 9), [...rows(6, 9), "10.png,\"rain\""], [...rows(6, 9), "\"10.png\",rain"]]) {
            for (const piece of [1, 7, 10_000]) {
              const text = ["image,label", ...rows(1, 4), damaged, ...after].join(end)
              const found = yield* read(text, piece)
              assert.deepStrictEqual(
                good(found),
                ["image,label", ...rows(1, 4), ...after.map((row) => row.replaceAll("\"", ""))],
                text
              )
              const [[line = 0, detail = ""] = [], ...more] = faults(found)
              assert.strictEqual(line, 6, text)
              assert.match(detail, /quote/)
              assert.lengthOf(more, 0)
            }
          }
        }
      }
    }))

  it.effect("two stray quotes cost two lines, not the rows between them", () =>
    Effect.gen(function*() {
      for (const [first, second] of [["2.png,\"sun", "9.png,rain\""], ["\"2.png,sun", "9.png,\"rain"]] as const) {
        for (const between of [[], rows(3, 8)]) {
          const text = ["image,label", "1.png,sun", first, ...between, second, "10.png,sun"].join("\n")
          const found = yield* read(text)
          assert.deepStrictEqual(good(found), ["image,label", "1.png,sun", ...between, "10.png,sun"], text)
          assert.deepStrictEqual(faults(found).map(([line]) => line), [3, 4 + between.length])
        }
      }
    }))

  it.effect("what is taken in is named", () =>
    Effect.gen(function*() {
      const [fault] = faults(yield* read("image,label\n1.png,\"sun\n2.png,rain\n3.png,snow\"\n"))
      assert.strictEqual(
        fault?.[1],
        "the quote that opens in cell 2 closes in line 4 and takes in line 3, a row by itself: write a quote that " +
          "belongs to the text twice and its cell in quotes, or take it out"
      )
    }))

  it.effect("a cell that spans lines is one, also with commas, blank lines and doubled quotes in it", () =>
    Effect.gen(function*() {
      const text =
        "image,note,label\n1.png,\"A dog, running\n\nfast, \"\"very\"\", indeed\",dog\n2.png,\"a\nb\",\"c\nd\"\n"
      assert.deepStrictEqual(plain(yield* read(text, 3)), [
        [1, ["image", "note", "label"]],
        [2, ["1.png", "A dog, running\n\nfast, \"very\", indeed", "dog"]],
        [5, ["2.png", "a\nb", "c\nd"]]
      ])
    }))

  it.effect("spaces around quotes are no part of a cell", () =>
    Effect.gen(function*() {
      const found = yield* read("image, \"label\"\n1.png, \"sun, hot\" \n \"2.png\" ,rain\n")
      assert.deepStrictEqual(plain(found), [
        [1, ["image", "label"]],
        [2, ["1.png", "sun, hot"]],
        [3, ["2.png", "rain"]]
      ])
    }))

  it.effect("lines and records without end are set aside under a cap, and reading goes on", () =>
    Effect.gen(function*() {
      const long = "x".repeat(longest + 1)
      const found = yield* read(`image,label\n1.png,${long}\n2.png,rain\n3.png,"${long}\n4.png,sun`, 65_536)
      assert.deepStrictEqual(good(found), ["image,label", "2.png,rain", "4.png,sun"])
      assert.deepStrictEqual(faults(found).map(([line]) => line), [2, 4])
      const open = yield* read(`image,label\n1.png,"sun\n${rows(2, 3 * Records.mostLines).join("\n")}\n`)
      assert.lengthOf(good(open), 3 * Records.mostLines)
      assert.match(faults(open)[0]?.[1] ?? "", /does not close within 1000 lines/)
    }))

  it.effect("many open quotes cost no more than their lines", () =>
    Effect.gen(function*() {
      const line = "1.png,\"sun\n"
      const spent = stopwatch()
      const found = yield* read(`image,label\n${line.repeat(20_000)}`, 65_536)
      assert.lengthOf(faults(found), 20_000)
      assert.isBelow(spent(), 5000)
    }))

  it.effect.prop("one damaged line costs no other, in any table of rows that are a line each", [
    Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 11 }))),
    Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 }))),
    Arbitrary.array(Arbitrary.schema(Schema.Boolean), { minLength: 12, maxLength: 12 })
  ], ([which, where, isQuoted]) =>
    Effect.gen(function*() {
      const table = isQuoted.map((is, i) => is ? `${i}.png,"sun, ""x""",${i}` : `${i}.png,rain,${i}`)
      const whole = table[which] ?? ""
      const at = where % (whole.length + 1)
      const damaged = `${whole.slice(0, at)}"${whole.slice(at)}`
      const written = (lines: ReadonlyArray<string>) => ["image,label,n", ...lines].join("\n")
      const others = (records: ReadonlyArray<Records.Record>) => plain(records).filter(([line]) => line !== which + 2)
      const found = yield* read(written(table.with(which, damaged)), 13)
      assert.deepStrictEqual(others(found), others(yield* read(written(table))))
      assert.isTrue(found.some(({ line }) => line === which + 2))
    }), { arbitrary: { runs: 500 } })

  it.effect.prop("whatever a text holds, each of its lines is in one record, and how it is cut changes nothing", [
    Arbitrary.array(
      Arbitrary.schema(
        Schema.Literals(["a", ",", "\"", "\"\"", "\n", "\r\n", "\r", " ", "1.png", "2.png,sun\n", "x,\"y\",z\n"])
      ),
      { maxLength: 60 }
    ),
    Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 })))
  ], ([parts, piece]) =>
    Effect.gen(function*() {
      const text = `image,label,n\n${parts.join("")}`
      const found = yield* read(text)
      assert.deepStrictEqual(plain(yield* read(text, piece)), plain(found))
      const lines = text.split(/\r\n|[\r\n]/)
      const last = lines.at(-1) === "" ? lines.length - 1 : lines.length
      for (const [i, { cells, line }] of found.entries()) {
        const next = found[i + 1]?.line ?? last + 1
        if (Result.isFailure(cells)) assert.strictEqual(next, line + 1)
        else {
          // Every letter of its lines is in its cells.
          const letters = (some: string) => some.replaceAll(/[^a-z0-9.]/g, "")
          assert.strictEqual(letters(cells.success.join("")), letters(lines.slice(line - 1, next - 1).join("")))
        }
      }
      assert.strictEqual(found[0]?.line, 1)
    }), { arbitrary: { runs: 500 } })
})
