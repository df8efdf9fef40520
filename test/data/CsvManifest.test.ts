import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, FileSystem, Option, Path, PlatformError, Schema, type Scope, Stream } from "effect"
import { CsvManifest } from "../../src/data/index.ts"
import { DataError } from "../../src/dsl/Dataset.ts"
import * as Quarantine from "../../src/dsl/Quarantine.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"

const abc = { labels: ["a", "b", "c"] }

/** A folder with empty image files and a manifest of this text. */
const folder = Effect.fnUntraced(
  function*(text: string | Uint8Array, images: ReadonlyArray<string> = ["1.png", "2.png", "3.png", "sub/4.png"]) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const directory = yield* fs.makeTempDirectoryScoped()
    yield* fs.makeDirectory(path.join(directory, "sub"))
    yield* Effect.forEach(images, (image) => fs.writeFileString(path.join(directory, image), ""))
    const manifest = path.join(directory, "train.csv")
    yield* typeof text === "string" ? fs.writeFileString(manifest, text) : fs.writeFile(manifest, text)
    return { directory, manifest }
  }
)

const read = Effect.fnUntraced(function*(text: string | Uint8Array, options?: CsvManifest.Options) {
  const { directory, manifest } = yield* folder(text)
  const quarantine = yield* Quarantine.collect
  const samples = yield* Stream.runCollect(CsvManifest.read(manifest, abc, options)).pipe(
    Effect.provideService(Quarantine.Quarantine, quarantine),
    Effect.result
  )
  const rows = (yield* quarantine.rows).map(({ row, reason }) => [row, reason])
  return { directory, manifest, quarantine, rows, samples }
})

const good = Effect.fnUntraced(function*(text: string | Uint8Array) {
  const { rows, samples } = yield* read(text)
  return { rows, samples: (yield* Effect.fromResult(samples)).map(({ image, truth }) => [image.id, ...truth]) }
})

const errorOf = (text: string | Uint8Array) =>
  Effect.gen(function*() {
    const { manifest, quarantine, samples } = yield* read(text)
    const error = yield* Effect.flip(Effect.fromResult(samples))
    assert.instanceOf(error, DataError)
    assert.strictEqual(error.source, manifest)
    return { reason: error.reason, counts: yield* quarantine.counts }
  })

const live = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices | Scope.Scope>) =>
  effect.pipe(Effect.provide(NodeServices.layer))

describe("CsvManifest.read", () => {
  it.effect("reads samples in order, columns in any order, paths from the manifest's folder", () =>
    live(Effect.gen(function*() {
      const { samples } = yield* good("c,image,a,b\n0.25,1.png,0.5,0.25\n1,sub/4.png,0,0\n")
      assert.deepStrictEqual(samples, [["1.png", 0.5, 0.25, 0.25], ["sub/4.png", 0, 0, 1]])
      const { directory, samples: again } = yield* read("image,a,b,c\n./sub/../1.png,1,0,0\n")
      const [sample] = yield* Effect.fromResult(again)
      assert.deepStrictEqual(sample!.image, { id: "1.png", source: { _tag: "File", path: `${directory}/1.png` } })
    })))

  it.effect("reads quoted fields, CRLF, a byte order mark, blank lines and a last line without end", () =>
    live(Effect.gen(function*() {
      const { rows, samples } = yield* good("\uFEFFimage,\"a\",b,c\r\n\"1.png\",\"1\",0,0\r\n\r\n2.png, .5 ,5e-1,0.")
      assert.deepStrictEqual(samples, [["1.png", 1, 0, 0], ["2.png", 0.5, 0.5, 0]])
      assert.deepStrictEqual(rows, [])
    })))

  it.effect("renormalises what is within 0.02 of 1 and quarantines what is not", () =>
    live(Effect.gen(function*() {
      const { rows, samples } = yield* good(
        "image,a,b,c\n1.png,0.49,0.49,0\n2.png,0.49,0.48,0\n3.png,1.02,0,0\nsub/4.png,1,0.03,0\n"
      )
      assert.deepStrictEqual(samples, [["1.png", 0.5, 0.5, 0], ["3.png", 1, 0, 0]])
      assert.deepStrictEqual(rows, [[3, "sum"], [5, "sum"]])
    })))

  it.effect("takes the noise of arithmetic below zero for a zero", () =>
    live(Effect.gen(function*() {
      const { rows, samples } = yield* good(
        "image,a,b,c\n1.png,-1e-17,1.0,-0.0\n2.png,-0.0000000009,-0,1\n3.png,-0.000001,0,1\n"
      )
      assert.deepStrictEqual(samples, [["1.png", 0, 1, 0], ["2.png", 0, 0, 1]])
      assert.isTrue(samples.flat().every((share) => !Object.is(share, -0)))
      assert.deepStrictEqual(rows, [[4, "negative"]])
    })))

  it.effect("names votes and percentages for what they look like, and what to do", () =>
    live(Effect.gen(function*() {
      const reasonOf = (row: string) => Effect.map(errorOf(`image,a,b,c\n1.png,${row}\n`), ({ reason }) => reason)
      const by = (values: string) => `{ values: "${values}" } reads them, and so does rise train --data`
      const none = "none of its 1 rows is usable: sum 1. First, row 2: sum: "
      assert.strictEqual(
        yield* reasonOf("3,7,1"),
        `${none}shares sum to 11, expected 1 ± 0.02; whole numbers look like votes: ${by("votes")}`
      )
      assert.strictEqual(
        yield* reasonOf("30,70.0,0"),
        `${none}shares sum to 100, expected 1 ± 0.02; they look like percentages: ${by("percentages")}`
      )
      assert.strictEqual(
        yield* reasonOf("33.3,33.3,33.3"),
        `${none}shares sum to 99.9, expected 1 ± 0.02; they look like percentages: ${by("percentages")}`
      )
      assert.strictEqual(yield* reasonOf("0.5,0.1,0"), `${none}shares sum to 0.6, expected 1 ± 0.02`)
      assert.strictEqual(yield* reasonOf("0,0,0"), `${none}shares sum to 0, expected 1 ± 0.02`)
      assert.strictEqual(
        yield* reasonOf("12.5 %,87.5%,0"),
        "none of its 1 rows is usable: not-a-number 1. First, row 2: not-a-number: a is \"12.5 %\", expected a " +
          `share from 0 to 1: percentages look so, ${by("percentages")}`
      )
    })))

  it.effect("reads votes and percentages where it is told that they are", () =>
    live(Effect.gen(function*() {
      const valuesOf = (rows: string, values: "votes" | "percentages") =>
        Effect.gen(function*() {
          const { rows: aside, samples } = yield* read(`image,a,b,c\n${rows}`, { values })
          return [(yield* Effect.fromResult(samples)).map(({ truth }) => truth), aside]
        })
      assert.deepStrictEqual(yield* valuesOf("1.png,3,0,1\n2.png,0,0,0\n3.png,-1,2,0\n3.png,50%,1,1\n", "votes"), [
        [[0.75, 0, 0.25]],
        [[3, "sum"], [4, "negative"], [5, "not-a-number"]]
      ])
      assert.deepStrictEqual(yield* valuesOf("1.png,50%,25 %,25\n2.png,49,49,0\n3.png,0.5,0.5,0\n", "percentages"), [
        [[0.5, 0.25, 0.25], [0.5, 0.5, 0]],
        [[4, "sum"]]
      ])
    })))

  it.effect("finds out delimiter and encoding, and leaves an index alone", () =>
    live(Effect.gen(function*() {
      const expected = [["1.png", 0.25, 0.5, 0.25], ["sub/4.png", 0, 0, 1]]
      const comma = "image,a,b,c\n1.png,0.25,0.5,0.25\nsub/4.png,0,0,1\n"
      const european = comma.replaceAll(",", ";").replaceAll(".25", ",25").replaceAll("0.5", "0,5")
      const utf16 = (text: string) => Buffer.from(`\uFEFF${text}`, "utf16le")
      const index = comma.split("\n").map((line, i) => line && `${i === 0 ? "" : i},${line}`).join("\n")
      for (
        const text of [
          european,
          `sep=;\r\n${european}`,
          comma.replaceAll(",", "\t"),
          european.replaceAll(";", "\t"),
          utf16(comma),
          utf16(european).swap16(),
          index,
          index.replace(/^/, "Unnamed: 0")
        ]
      ) {
        const { rows, samples } = yield* good(text)
        assert.deepStrictEqual([samples, rows], [expected, []], String(text))
      }
      const { directory, manifest } = yield* folder(Buffer.from("image,a,b,c\ncaf\xe9.png,1,0,0\n", "latin1"), [
        "café.png"
      ])
      const again = CsvManifest.read(manifest, abc)
      assert.deepStrictEqual((yield* Stream.runCollect(again)).map(({ image }) => image.id), ["café.png"])
      assert.isTrue(directory.length > 0)
      assert.match((yield* errorOf("image,a,b,c\n1.png,\0,0,1")).reason, /zero bytes: no text, or UTF-16 without/)
      assert.match((yield* errorOf(Uint8Array.of(0xff, 0xfe, 0x00, 0xd8, 0x41, 0x00))).reason, /not UTF-16 LE, though/)
    })))

  it.effect("reads absolute paths that lie inside", () =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const { directory, manifest } = yield* folder("")
      yield* fs.writeFileString(manifest, `image,a,b,c\n${directory}/sub/4.png,1,0,0\n/etc/hosts,1,0,0\n`)
      const quarantine = yield* Quarantine.collect
      const samples = yield* Stream.runCollect(CsvManifest.read(manifest, abc)).pipe(
        Effect.provideService(Quarantine.Quarantine, quarantine)
      )
      assert.deepStrictEqual(samples.map(({ image }) => image.id), ["sub/4.png"])
      assert.deepStrictEqual(
        (yield* quarantine.rows).map(({ detail }) => detail),
        [`"/etc/hosts" is an absolute path and not inside ${directory}`]
      )
    })))

  it.effect("quarantines bad rows with their reason and record number, and goes on", () =>
    live(Effect.gen(function*() {
      const { rows, samples } = yield* good([
        "image,a,b,c",
        "1.png,1,0,0",
        "2.png,NaN,1,0",
        "2.png,,1,0",
        "2.png,Infinity,1,0",
        "2.png,1e999,0,0",
        "2.png,0x1,0,0",
        "2.png,-0.5,1.5,0",
        "2.png,1,0",
        "2.png,1,0,0,0",
        ",1,0,0",
        "5.png,1,0,0",
        "sub,1,0,0",
        "../1.png,1,0,0",
        "sub/../../1.png,1,0,0",
        "/etc/passwd,1,0,0",
        ".,1,0,0",
        "1.png,0,1,0",
        "./1.png,0,1,0",
        "3.png,0,1,0"
      ].join("\n"))
      assert.deepStrictEqual(samples, [["1.png", 1, 0, 0], ["3.png", 0, 1, 0]])
      assert.deepStrictEqual(rows, [
        [3, "not-a-number"],
        [4, "not-a-number"],
        [5, "not-a-number"],
        [6, "not-a-number"],
        [7, "not-a-number"],
        [8, "negative"],
        [9, "wrong-cell-count"],
        [10, "wrong-cell-count"],
        [11, "no-image"],
        [12, "missing-file"],
        [13, "unreadable-file"],
        [14, "outside-folder"],
        [15, "outside-folder"],
        [16, "outside-folder"],
        [17, "outside-folder"],
        [18, "duplicate-image"],
        [19, "duplicate-image"]
      ])
    })))

  it.effect("quarantines links out of the folder, and follows those within", () =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const { directory, manifest } = yield* folder("image,a,b,c\nout.png,1,0,0\nin.png,0,1,0\n")
      const elsewhere = yield* fs.makeTempFileScoped()
      yield* fs.symlink(elsewhere, `${directory}/out.png`)
      yield* fs.symlink(`${directory}/1.png`, `${directory}/in.png`)
      const quarantine = yield* Quarantine.collect
      const samples = yield* Stream.runCollect(CsvManifest.read(manifest, abc)).pipe(
        Effect.provideService(Quarantine.Quarantine, quarantine)
      )
      assert.deepStrictEqual(samples.map(({ image }) => image.id), ["in.png"])
      assert.deepStrictEqual((yield* quarantine.rows).map(({ reason, row }) => [row, reason]), [[2, "outside-folder"]])
    })))

  it.effect("is replayable: a second pass yields the same and counts nothing twice", () =>
    live(Effect.gen(function*() {
      const { manifest } = yield* folder("image,a,b,c\n1.png,1,0,0\n9.png,1,0,0\n")
      const quarantine = yield* Quarantine.collect
      const data = CsvManifest.read(manifest, abc)
      const passes = yield* Effect.all([Stream.runCollect(data), Stream.runCollect(data)]).pipe(
        Effect.provideService(Quarantine.Quarantine, quarantine)
      )
      assert.deepStrictEqual(passes[0], passes[1])
      assert.deepStrictEqual(yield* quarantine.counts, { "missing-file": 1 })
    })))

  it.effect("a header that does not fit names both lists", () =>
    live(Effect.gen(function*() {
      assert.strictEqual(
        (yield* errorOf("image,a,b,bliss\n1.png,1,0,0\n")).reason,
        "header does not fit the task: missing \"c\"; unknown \"bliss\". Expected the columns \"image\", \"a\", " +
          "\"b\", \"c\", found \"image\", \"a\", \"b\", \"bliss\""
      )
      assert.match((yield* errorOf("image,a,b,c,a\n")).reason, /repeated "a"/)
      assert.match(
        (yield* errorOf("1.png,1,0,0\n")).reason,
        /missing "image", "a", "b", "c"; unknown "1.png", "1", "0"/
      )
    })))

  it.effect("says so when nothing is left", () =>
    live(Effect.gen(function*() {
      assert.strictEqual((yield* errorOf("")).reason, "the file is empty, expected a header: image,a,b,c")
      assert.strictEqual((yield* errorOf("image,a,b,c\n\n")).reason, "no rows below the header")
      const { counts, reason } = yield* errorOf("image,a,b,c\n7.png,1,0,0\n1.png,1,1,0\n")
      assert.match(
        reason,
        /^none of its 2 rows is usable: missing-file 1, sum 1\. First, row 2: missing-file: no file .*7\.png$/
      )
      assert.deepStrictEqual(counts, { "missing-file": 1, sum: 1 })
    })))

  it.effect("a quote that does not close costs its row", () =>
    live(Effect.gen(function*() {
      const { counts, reason } = yield* errorOf("image,a,b,c\n\"1.png,1,0,0\n")
      assert.match(reason, /First, row 2: broken-quotes: the quote that opens in cell 1 does not close: write a quote/)
      assert.deepStrictEqual(counts, { "broken-quotes": 1 })
      const { samples } = yield* read("image,a,b,c\n1.png,1,0,0\n\"2.png,1,0,0\n3.png,0,1,0\n")
      assert.deepStrictEqual(
        samples._tag === "Success" ? samples.success.map(({ image }) => image.id) : [],
        ["1.png", "3.png"]
      )
    })))

  it.effect("a broken header and a missing file are errors that say where", () =>
    live(Effect.gen(function*() {
      assert.match((yield* errorOf("image,a,\"b,c\n1.png,1,0,0\n")).reason, /^line 1, which names the columns: .*quote/)
      const missing = yield* Effect.flip(Stream.runCollect(CsvManifest.read("/nowhere/train.csv", abc)))
      assert.strictEqual(missing.message, "/nowhere/train.csv: no such file, expected a CSV manifest")
    })))

  it.effect.prop("ends in samples or a typed error, whatever the file holds", [
    Schema.String,
    Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))), {
      maxLength: 60
    })
  ], ([text, bytes]) =>
    live(Effect.gen(function*() {
      for (const content of [text, `image,a,b,c\n1.png,1,0,0\n${text}`, Uint8Array.from(bytes)]) {
        const { samples } = yield* read(content)
        if (samples._tag === "Success") {
          for (const { truth } of samples.success) assert.closeTo(truth.reduce((a, b) => a + b, 0), 1, 1e-9)
        } else assert.instanceOf(samples.failure, DataError)
      }
    })), { arbitrary: { runs: 100 }, timeout: 60_000 })

  it.effect("reads a hundred thousand rows without holding them", () =>
    live(Effect.gen(function*() {
      const rows = Array.from({ length: 100_000 }, (_, i) => `${i}.png,1,0,0`).join("\n")
      const { manifest } = yield* folder(`image,a,b,c\n1.png,1,0,0\n${rows}\n`)
      const quarantine = yield* Quarantine.collect
      const first = yield* Stream.runHead(CsvManifest.read(manifest, abc)).pipe(
        Effect.provideService(Quarantine.Quarantine, quarantine)
      )
      assert.isTrue(Option.isSome(first) && first.value.image.id === "1.png")
      // The others have no file: had they been read before the first came out, they would be in the quarantine.
      assert.isTrue((yield* quarantine.total) < 20_000)
    })))

  it.effect("fits Emotion6", () =>
    live(Effect.gen(function*() {
      const { manifest } = yield* folder(
        "image,anger,disgust,fear,joy,sadness,surprise,neutral\n1.png,0,0,0.4444,0,0.3333,0,0.2222\n"
      )
      const [sample] = yield* Stream.runCollect(CsvManifest.read(manifest, Emotion6.task))
      assert.isTrue(Option.isSome(Schema.decodeUnknownOption(Emotion6.task.annotation)(sample!.truth)))
      assert.strictEqual(Emotion6.task.encode(sample!.truth), "fear 45 sadness 33 neutral 22")
    })))
})

describe("CsvManifest.splits", () => {
  const touch = (directory: string, names: ReadonlyArray<string>) =>
    Effect.flatMap(
      FileSystem.FileSystem,
      (fs) => Effect.forEach(names, (name) => fs.writeFileString(`${directory}/${name}`, ""))
    )

  it.effect("finds train with val or test", () =>
    live(Effect.gen(function*() {
      const { directory } = yield* folder("")
      assert.match((yield* Effect.flip(CsvManifest.splits(directory))).message, /no val.csv or test.csv beside it/)
      yield* touch(directory, ["val.csv"])
      assert.deepStrictEqual(yield* CsvManifest.splits(directory), {
        train: `${directory}/train.csv`,
        test: `${directory}/val.csv`,
        validation: Option.none()
      })
      yield* touch(directory, ["test.csv"])
      assert.deepStrictEqual(yield* CsvManifest.splits(directory), {
        train: `${directory}/train.csv`,
        test: `${directory}/test.csv`,
        validation: Option.some(`${directory}/val.csv`)
      })
    })))

  it.effect("says what it expected", () =>
    live(Effect.gen(function*() {
      const { directory } = yield* folder("")
      assert.match(
        (yield* Effect.flip(CsvManifest.splits(`${directory}/nowhere`))).message,
        /no such folder, expected one with train.csv/
      )
      assert.match((yield* Effect.flip(CsvManifest.splits(`${directory}/train.csv`))).message, /not a folder/)
      assert.match((yield* Effect.flip(CsvManifest.splits(`${directory}/sub`))).message, /no train.csv in it/)
    })))

  it.effect("a folder whose files cannot be looked at is not one without them", () =>
    live(Effect.gen(function*() {
      const { directory } = yield* folder("")
      const fs = yield* FileSystem.FileSystem
      const locked = PlatformError.systemError({ _tag: "PermissionDenied", module: "FileSystem", method: "access" })
      const error = yield* CsvManifest.splits(directory).pipe(
        Effect.provideService(FileSystem.FileSystem, { ...fs, exists: () => Effect.fail(locked) }),
        Effect.flip
      )
      assert.match(error.message, /cannot be read: /)
    })))
})
