/** Files that go on: rows cut off, lists that change, settings that differ. No model is asked. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option, type Scope } from "effect"
import { type Format, formatOf } from "../../../src/cli/annotations/Format.ts"
import type { Row, Shape } from "../../../src/cli/annotations/Row.ts"
import * as Sink from "../../../src/cli/annotations/Sink.ts"

const shape: Shape = { kind: "shares", labels: ["calm", "wild"] }
const names = Array.from({ length: 6 }, (_, i) => `${i}, "x".png`)

const rowOf = (image: string): Row =>
  image.startsWith("3")
    ? { image, annotation: null, value: null, reasoning: null, fault: "no picture" }
    : { image, annotation: "calm 100", value: { calm: 1, wild: 0 }, reasoning: "as\r\n\"said\"", width: 4, height: 3 }

interface Options {
  readonly format: Format
  readonly list?: ReadonlyArray<string>
  /** Rows that are written before the process is gone. */
  readonly most?: number
  readonly maxTokens?: number
  readonly overwrite?: boolean
}

/** One process: opens the file, writes the rows that it lacks, and is gone before the end or not. */
const process = (out: string, { format, list = names, maxTokens = 224, most = Infinity, overwrite = false }: Options) =>
  Effect.gen(function*() {
    const sink = yield* Sink.open({
      out: Option.some(out),
      names: list,
      format,
      shape,
      identity: { maxTokens, model: "m" },
      overwrite,
      model: "m",
      urlPrefix: ""
    })
    const missing = sink.names.slice(sink.skip)
    yield* Effect.forEach(missing.slice(0, most), (name) => sink.keep([rowOf(name)]))
    if (missing.length <= most) yield* sink.finish
    return { ...sink, asked: missing.slice(0, most) }
  }).pipe(Effect.scoped)

const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
const run = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices | Scope.Scope>) =>
  Effect.scoped(Effect.provide(effect, NodeServices.layer))

describe("files of rise annotate", () => {
  for (const format of ["jsonl", "csv", "label-studio"] as const) {
    it.effect(`${format}: cut off anywhere, they end with the bytes of one that was not`, () =>
      run(Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const at = yield* folder
        yield* process(`${at}/whole`, { format })
        const whole = yield* fs.readFileString(`${at}/whole`)
        const rowsFile = format === "label-studio" ? `${at}/whole.rows.jsonl` : `${at}/whole`
        const rows = yield* fs.readFile(rowsFile)
        for (let cut = 0; cut < rows.length; cut += 23) {
          const part = `${at}/${cut}`
          yield* fs.writeFile(rowsFile.replace(`${at}/whole`, part), rows.subarray(0, cut))
          yield* fs.copyFile(`${at}/whole.meta.json`, `${part}.meta.json`)
          const { asked, before } = yield* process(part, { format })
          assert.strictEqual(before.n + asked.length, names.length)
          assert.strictEqual(before.failed, before.n > 3 ? 1 : 0)
          assert.strictEqual(yield* fs.readFileString(part), whole)
        }
        const again = yield* process(`${at}/whole`, { format })
        assert.deepStrictEqual([again.asked, again.before], [[], { n: 6, failed: 1 }])
      })))
  }

  it.effect("a document is not there before all of its rows are", () =>
    run(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* folder}/a.json`
      yield* process(out, { format: "label-studio", most: 4 })
      assert.isFalse(yield* fs.exists(out))
      yield* process(out, { format: "label-studio" })
      assert.strictEqual(JSON.parse(yield* fs.readFileString(out)).length, names.length)
    })))

  it.effect("pictures that come later are a list of their own, which goes on in its own batches", () =>
    run(Effect.gen(function*() {
      const out = `${yield* folder}/new/a.jsonl`
      const few = [names[1] ?? "", names[4] ?? ""]
      yield* process(out, { format: "jsonl", list: few })
      const others = names.filter((name) => !few.includes(name))
      const cut = yield* process(out, { format: "jsonl", most: 2 })
      assert.deepStrictEqual([cut.names, cut.skip, cut.asked], [others, 0, others.slice(0, 2)])
      const rest = yield* process(out, { format: "jsonl" })
      assert.deepStrictEqual([rest.names, rest.skip, rest.asked], [others, 2, others.slice(2)])
      assert.deepStrictEqual((yield* process(out, { format: "jsonl" })).asked, [])
    })))

  for (const format of ["jsonl", "csv", "label-studio"] as const) {
    it.effect(`${format}: without an answer they hold nobody to their settings`, () =>
      run(Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const out = `${yield* folder}/a.${format}`
        yield* process(out, { format, most: 0, maxTokens: 100 })
        const { asked } = yield* process(out, { format, maxTokens: 224 })
        assert.deepStrictEqual(asked, names)
        yield* process(`${out}.fresh`, { format })
        assert.strictEqual(yield* fs.readFileString(out), yield* fs.readFileString(`${out}.fresh`))
        // One answer does.
        yield* process(`${out}.one`, { format, most: 1, maxTokens: 100 })
        const refused = yield* Effect.flip(process(`${out}.one`, { format, maxTokens: 224 }))
        assert.match(refused.message, /holds answers made with maxTokens 100/)
      })))
  }

  it.effect("refuse what they were not made with, and what nobody knows", () =>
    run(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* folder}/a.csv`
      yield* process(out, { format: "csv" })
      const refusal = (options: Options) => Effect.map(Effect.flip(process(out, options)), ({ message }) => message)
      assert.match(
        yield* refusal({ format: "csv", maxTokens: 100 }),
        /a\.csv holds answers made with maxTokens 224, and this is 100: begin it anew with --overwrite, or choose/
      )
      const whole = yield* fs.readFileString(out)
      yield* fs.writeFileString(out, whole.replace("image,calm", "picture,calm"))
      assert.match(yield* refusal({ format: "csv" }), /record 1 is no answer: mend or remove it/)
      assert.strictEqual((yield* process(out, { format: "csv", maxTokens: 100, overwrite: true })).asked.length, 6)
      yield* fs.remove(`${out}.meta.json`)
      assert.match(yield* refusal({ format: "csv" }), /a\.csv is there, and no .*a\.csv\.meta\.json says what/)
      assert.strictEqual(yield* fs.readFileString(out), whole)
      const held = yield* Effect.flip(
        Effect.scoped(Effect.gen(function*() {
          yield* Sink.open({
            out: Option.some(`${out}.2`),
            names,
            format: "csv",
            shape,
            identity: {},
            overwrite: false,
            model: "m",
            urlPrefix: ""
          })
          yield* process(`${out}.2`, { format: "csv" })
        }))
      )
      assert.match(held.message, /a\.csv\.2 is in use: process/)
    })))
})

describe("links beside the file", () => {
  it.effect("are refused by name; the file itself may be one, as its name was given", () =>
    run(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const root = yield* folder
      const mine = `${root}/mine`
      yield* fs.writeFileString(mine, "")
      for (const [format, end] of [["coco", "rows.jsonl"], ["jsonl", "meta.json"], ["jsonl", "lock"]] as const) {
        const link = `${root}/labels.${end}`
        yield* fs.symlink(mine, link)
        for (const overwrite of [false, true]) {
          const { message } = yield* Effect.flip(process(`${root}/labels`, { format, overwrite }))
          assert.match(message, new RegExp(`^${link}: is a link to ${mine}: .*replace it by a copy`))
        }
        assert.strictEqual(yield* fs.readFileString(mine), "")
        assert.deepStrictEqual((yield* fs.readDirectory(root)).toSorted(), [`labels.${end}`, "mine"].toSorted())
        yield* fs.remove(link)
      }
      yield* fs.symlink(mine, `${root}/labels.jsonl`)
      yield* process(`${root}/labels.jsonl`, { format: "jsonl" })
      assert.strictEqual((yield* fs.readFileString(mine)).trim().split("\n").length, names.length)
    })))
})

describe("a place that is no file", () => {
  it.effect("is named, with what to give instead", () =>
    run(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const at = yield* folder
      const refused = (out: string, overwrite = false) =>
        Effect.map(Effect.flip(process(out, { format: "csv", overwrite })), ({ message }) => message)
      assert.strictEqual(yield* refused(at, true), `${at} is a folder: name a file, such as ${at}/labels.jsonl`)
      assert.strictEqual(yield* refused("/dev/null"), "/dev/null is not a file: choose another --out")
      assert.isFalse(yield* fs.exists(`${at}.lock`))
    })))
})

describe("formats", () => {
  it.effect("are told by a file's name, and refused where task or place cannot hold them", () =>
    Effect.gen(function*() {
      const of = (name: string | undefined, format?: Format, kind: Shape["kind"] = "boxes", overwrite = false) =>
        formatOf({ out: Option.fromNullishOr(name), format: Option.fromNullishOr(format), overwrite }, {
          kind,
          labels: []
        })
      assert.deepStrictEqual(
        yield* Effect.all([of(undefined), of("a.CSV"), of("a.txt"), of("a.csv", "jsonl"), of("a.json", "coco")]),
        ["jsonl", "csv", "jsonl", "jsonl", "coco"]
      )
      const reason = (...args: Parameters<typeof of>) => Effect.map(Effect.flip(of(...args)), ({ message }) => message)
      assert.match(
        yield* reason("x.json"),
        /--out x\.json may be any JSON: say which, --format coco, coco-results, label-studio or/
      )
      assert.match(yield* reason("x.json", "coco", "shares"), /coco holds boxes, and this task gives labels/)
      assert.match(
        yield* reason(undefined, "label-studio"),
        /one document of all pictures: give its name as --out FILE/
      )
      assert.match(yield* reason(undefined, undefined, "boxes", true), /--overwrite is for a file/)
    }))
})
