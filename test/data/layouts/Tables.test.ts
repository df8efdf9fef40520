/** Tables as spreadsheets, pandas and people write them. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, FileSystem, Option, Schema } from "effect"
import { layout } from "../../../src/data/layouts/Tables.ts"
import { collect, folder, live } from "../folders.ts"
import { classes, openFolder } from "./open.ts"

const { open } = layout
const pictures = (...names: ReadonlyArray<string>) => Object.fromEntries(names.map((name) => [name, [2, 2] as const]))
const abc = pictures("a.png", "b.png", "c.png", "d.png")

/** What a table makes of four pictures, a.png to d.png. */
const read = Effect.fnUntraced(
  function*(text: string | Uint8Array, more: Parameters<typeof folder>[0] = {}, labels?: ReadonlyArray<string>) {
    const found = yield* openFolder({ ...abc, "labels.csv": text, ...more }, open, labels)
    const train = yield* collect(found.train)
    const test = Option.isNone(found.test) ? undefined : yield* collect(found.test.value)
    const of = ({ samples }: typeof train) => samples.map(({ image, truth }) => [image.id, ...truth])
    return {
      labels: found.labels,
      single: found.single,
      notes: found.notes.map((note) => note.replace(/^labels\.csv: /, "")),
      samples: of(train),
      error: train.error,
      rows: train.rows,
      details: train.details,
      tested: test === undefined ? undefined : of(test),
      testRows: test?.rows
    }
  }
)

const errorOf = Effect.fnUntraced(
  function*(files: Parameters<typeof folder>[0], labels?: ReadonlyArray<string>, file = "") {
    const root = yield* folder({ ...abc, ...files })
    const error = yield* Effect.flip(open(`${root}${file}`, { labels: Option.fromUndefinedOr(labels) }))
    return error.message.replace(`${root}/`, "")
  }
)

describe("a table", () => {
  it.effect("of labels: columns by any usual name, others left alone", () =>
    live(Effect.gen(function*() {
      const plain = yield* read("image,label\na.png,sun\nb.png,rain\nc.png,sun\n")
      assert.deepStrictEqual([plain.labels, plain.single, plain.rows], [["rain", "sun"], true, []])
      assert.deepStrictEqual(plain.samples, [["a.png", 0, 1], ["b.png", 1, 0], ["c.png", 0, 1]])
      assert.deepStrictEqual(plain.notes, ["\"image\" names pictures, \"label\" their labels"])
      for (
        const [image, label] of [["File Name", "Class"], ["filepath", "category"], ["IMG_ID", "target"], [
          "picture",
          "weather"
        ]]
      ) {
        const { notes, samples } = yield* read(
          `id,${label},${image},width,author\n1,sun,a.png,640,me\n2,rain,b.png,480,you\n`
        )
        assert.deepStrictEqual(samples, [["a.png", 0, 1], ["b.png", 1, 0]], image)
        assert.include(notes, "columns left alone: \"id\", \"width\", \"author\"")
      }
      const unnamed = yield* read("who,what,where\na.png,sun,1\nb.png,rain,2\n")
      assert.deepStrictEqual(unnamed.samples, [["a.png", 0, 1], ["b.png", 1, 0]])
      assert.include(unnamed.notes, "\"who\" names pictures, \"what\" their labels")
      const both = yield* read("image,label,label_name\na.png,1,sun\nb.png,0,rain\n")
      assert.deepStrictEqual(both.labels, ["rain", "sun"], "names before the numbers that stand for them")
      const digits = yield* read("image,label\na.png,10\nb.png,9\nc.png,0\n")
      assert.deepStrictEqual(digits.labels, ["0", "9", "10"])
    })))

  it.effect("without a header, with an index, names without extension, pictures elsewhere", () =>
    live(Effect.gen(function*() {
      const headless = yield* read("a.png,sun\nb.png,rain\n")
      assert.deepStrictEqual(headless.samples, [["a.png", 0, 1], ["b.png", 1, 0]])
      assert.include(headless.notes, "no header: its first line names a picture")
      for (const name of ["", "Unnamed: 0"]) {
        const index = yield* read(`${name},image,label\n0,a.png,sun\n1,b.png,rain\n`)
        assert.deepStrictEqual(index.samples.length, 2)
        assert.include(index.notes, "the first column has no name: an index, left alone")
      }
      const bare = yield* read("id,breed\na,sun\nb,rain\n")
      assert.deepStrictEqual(bare.samples, [["a.png", 0, 1], ["b.png", 1, 0]])
      assert.include(bare.notes, "its pictures are named without .png")
      const some = yield* read("image,label\na.png,sun\nb,rain\nc,sun\nx/é,rain\n./a,sun\n", {
        "x/\u0065\u0301.webp": [2, 2],
        "c.jpg": [2, 2],
        notes: "no picture"
      })
      assert.deepStrictEqual(some.samples.map(([id]) => id), ["a.png", "b.png", "c.png", "x/é.webp"])
      assert.deepStrictEqual([some.rows, some.samples[0]], [[], ["a.png", 0, 1]])
      assert.include(some.notes, "4 of its 5 pictures are named without .png")
      // Also where the first that has none stands behind those that are looked up first.
      const many = Array.from({ length: 30 }, (_, i) => `${i}.png`)
      const late = yield* read(
        `image,label\n${many.map((name, i) => `${i < 25 ? name : i},${i % 2 === 0 ? "sun" : "rain"}\n`).join("")}`,
        pictures(...many)
      )
      assert.deepStrictEqual([late.samples.length, late.rows], [30, []])
      assert.include(late.notes, "5 of its 30 pictures are named without an extension")
      const elsewhere = yield* read(
        "image,label\nx.png,sun\nsub\\y.png,rain\n",
        pictures("images/x.png", "images/sub/y.png")
      )
      assert.deepStrictEqual(elsewhere.samples, [["images/x.png", 0, 1], ["images/sub/y.png", 1, 0]])
      assert.include(elsewhere.notes, "its pictures are in images/")
    })))

  it.effect("of any delimiter and encoding", () =>
    live(Effect.gen(function*() {
      const text = "image,neige,été\na.png,0.25,0.75\nb.png,1,0\n"
      const european = text.replaceAll(",", ";").replaceAll("0.", "0,")
      const expected = [["a.png", 0.25, 0.75], ["b.png", 1, 0]]
      for (
        const [bytes, note] of [
          [text, undefined],
          [`\uFEFF${text}`, undefined],
          [european, "read with semicolons"],
          [european.replaceAll(";", "\t"), "read with tabs"],
          [Buffer.from(`\uFEFF${european}`, "utf16le"), "read with semicolons, UTF-16 LE"],
          [Buffer.from(`\uFEFF${text}`, "utf16le").swap16(), "read with UTF-16 BE"],
          [Buffer.from(text, "latin1"), "read with Windows-1252"]
        ] as const
      ) {
        const { labels, notes, samples } = yield* read(bytes)
        assert.deepStrictEqual([labels, samples], [["neige", "été"], expected], note)
        if (note !== undefined) assert.include(notes, note)
      }
    })))

  it.effect("of numbers: shares, percentages and votes, by what they sum to", () =>
    live(Effect.gen(function*() {
      const of = Effect.fnUntraced(function*(rows: string) {
        const { notes, rows: aside, samples, single } = yield* read(`image,b,a\n${rows}`)
        return [samples, single, notes[1], aside]
      })
      assert.deepStrictEqual(yield* of("a.png,0.3,0.7\nb.png,0.5,0.4\nc.png,-1e-17,1.0\n"), [
        [["a.png", 0.7, 0.3], ["c.png", 1, 0]],
        false,
        "shares: rows sum to 1",
        [[3, "sum"]]
      ])
      assert.deepStrictEqual(yield* of("a.png,30%,70%\nb.png,30,70\n"), [
        [["a.png", 0.7, 0.3], ["b.png", 0.7, 0.3]],
        false,
        "percentages: rows sum to 100, read as shares",
        []
      ])
      assert.deepStrictEqual(yield* of("a.png,3,7\nb.png,0,4\nc.png,0,0\n"), [
        [["a.png", 0.7, 0.3], ["b.png", 1, 0]],
        false,
        "votes: rows sum to 4 to 10, read as shares",
        [[4, "sum"]]
      ])
      assert.deepStrictEqual(yield* of("a.png,0,1\nb.png,1,0\n"), [
        [["a.png", 1, 0], ["b.png", 0, 1]],
        true,
        "shares: rows sum to 1",
        []
      ])
      const beside = yield* read("image,sun,rain,clicks,author\na.png,0.5,0.5,311,me\nb.png,1,0,7,you\n")
      assert.deepStrictEqual(beside.labels, ["rain", "sun"])
      assert.include(beside.notes, "columns left alone: \"clicks\", \"author\"")
    })))

  it.effect("with labels that --labels leaves out: rows that have something of them are set aside", () =>
    live(Effect.gen(function*() {
      const two = ["joy", "sun"]
      const scales: ReadonlyArray<readonly [string, string, ReadonlyArray<ReadonlyArray<number | string>>]> = [
        ["shares", "0.8", [[0.8, 0.2, 0], [0, 0.25, 0.75], [0.004, 0.996, 0]]],
        ["percentages", "80", [[80, 20, 0], [0, 25, 75], ["", 100, 0]]]
      ]
      for (const [scale, cell, rows] of scales) {
        const table = rows.map((row, i) => `${"abc"[i]}.png,${row.join(",")},${600 + i}\n`).join("")
        const found = yield* read(`image,anger,joy,sun,width\n${table}`, {}, two)
        assert.deepStrictEqual(found.labels, two)
        assert.deepStrictEqual(found.samples, [["b.png", 0.25, 0.75], ["c.png", 1, 0]], scale)
        assert.deepStrictEqual(found.details, [
          `"anger" is "${cell}", and is none of the labels "joy", "sun"`
        ])
        assert.include(
          found.notes,
          "\"anger\" is a label that is not asked for: the row with something in it is set aside"
        )
        assert.include(found.notes, "columns left alone: \"width\"")
      }
      // What is no label does not count: rows are whole without it.
      const hot = yield* read("image,joy,sun,brightness\na.png,1,0,7\nb.png,0,1,9\n", {}, two)
      assert.deepStrictEqual([hot.samples, hot.rows], [[["a.png", 1, 0], ["b.png", 0, 1]], []])
      assert.strictEqual(
        yield* errorOf({ "labels.csv": "image,anger,joy,sun\na.png,0.8,0.2,0\nb.png,0.25,0,0.75\n" }, two),
        "labels.csv: no row has all its shares in the columns \"joy\", \"sun\": every one has something in \"anger\" " +
          "too, and --labels leaves them out. Name more labels, or take columns that are no labels out of the table"
      )
    })))

  it.effect("with whole numbers that --labels leaves out: the votes that it names decide alone, which is told", () =>
    live(Effect.gen(function*() {
      const two = ["joy", "sun"]
      const rows = ["a.png,8,2,0,31", "b.png,0,1,3,7", "c.png,0,1,0,0"]
      const found = yield* read(`image,frame,joy,sun,severity\n${rows.join("\n")}\n`, {}, two)
      assert.deepStrictEqual([found.labels, found.rows], [two, []])
      assert.deepStrictEqual(found.samples, [["a.png", 1, 0], ["b.png", 0.25, 0.75], ["c.png", 1, 0]])
      assert.include(
        found.notes,
        "\"frame\", \"severity\" hold whole numbers, too, and --labels leaves them out: shares are made of the votes " +
          "for \"joy\", \"sun\" alone"
      )
      assert.notInclude(found.notes.join("\n"), "columns left alone", "they are named once")
      const none = yield* read("image,frame,joy,sun\na.png,8,0,0\nb.png,1,1,3\n", {}, two)
      assert.deepStrictEqual(none.rows, [[2, "sum"]], "a row without any vote for them is none of theirs")
    })))

  it.effect("of votes is one of votes, though half of its rows sum to 1 and a named column has words in it", () =>
    live(Effect.gen(function*() {
      const rows = "a.png,1,0\nb.png,0,1\nc.png,3,1\nd.png,2,2\n"
      const votes = [["a.png", 1, 0], ["b.png", 0, 1], ["c.png", 0.75, 0.25], ["d.png", 0.5, 0.5]]
      for (const words of ["", "e.png,unsure,1\nf.png,unsure,1\n"]) {
        const found = yield* read(`image,calm,wild\n${rows}${words}`, pictures("e.png", "f.png"), ["calm", "wild"])
        assert.deepStrictEqual(found.samples, votes, words)
        assert.include(found.notes, "votes: rows sum to 1 to 4, read as shares")
        assert.deepStrictEqual(
          found.rows,
          words === "" ? [] : [[6, "not-a-number"], [7, "not-a-number"]]
        )
      }
      // Shares stay shares.
      const shares = yield* read(
        "image,calm,wild\na.png,1,0\nb.png,0.5,0.5\nc.png,unsure,1\n",
        {},
        ["calm", "wild"]
      )
      assert.deepStrictEqual(shares.samples, [["a.png", 1, 0], ["b.png", 0.5, 0.5]])
    })))

  it.effect("with a picture in several rows is read as of several annotators", () =>
    live(Effect.gen(function*() {
      const { labels, notes, samples, single } = yield* read(
        "image,label,annotator\na.png,sun,1\nb.png,rain,1\na.png,rain,2\n./a.png,sun,3\nb.png,rain,2\na.png,sun,4\n"
      )
      assert.deepStrictEqual([labels, single], [["rain", "sun"], false])
      assert.deepStrictEqual(samples, [["a.png", 0.25, 0.75], ["b.png", 1, 0]])
      assert.include(
        notes,
        "2 pictures in several rows, as of several annotators: 1 of them with different labels, read as shares"
      )
    })))

  it.effect("sets bad rows aside and warns of labels that are nearly the same", () =>
    live(Effect.gen(function*() {
      const { labels, notes, rows, samples } = yield* read(
        "image,label\na.png,Sun\nb.png, sun \nc.png,\n,sun\nz.png,sun\n../x.png,sun\nd.png,rain,more\nd.png,rain\n"
      )
      assert.deepStrictEqual(labels, ["Sun", "rain", "sun"])
      assert.deepStrictEqual(samples, [["a.png", 1, 0, 0], ["b.png", 0, 0, 1], ["d.png", 0, 1, 0]])
      assert.deepStrictEqual(rows, [
        [4, "no-label"],
        [5, "no-image"],
        [6, "missing-file"],
        [7, "outside-folder"],
        [8, "wrong-cell-count"]
      ])
      assert.includeMembers([...notes], [
        "labels are read without the space around them: \" sun \"",
        "the labels \"Sun\" and \"sun\" are nearly the same and are read as 2 labels: if they are one, write them alike"
      ])
    })))

  it.effect("comes in halves: by a column, by files, by folders", () =>
    live(Effect.gen(function*() {
      const column = yield* read(
        "image,label,split\na.png,sun,train\nb.png,rain,Training\nc.png,sun,test\nd.png,fog,test\na.png,sun,val\n" +
          "d.png,sun,train\nd.png,sun,nowhere\n"
      )
      assert.deepStrictEqual(column.rows, [[8, "unknown-split"]])
      assert.deepStrictEqual(column.samples, [["a.png", 0, 1], ["b.png", 1, 0], ["d.png", 0, 1]])
      assert.deepStrictEqual([column.tested, column.testRows], [[["c.png", 0, 1]], [[5, "unknown-label"]]])
      assert.includeMembers([...column.notes], [
        "rows of val are left aside, those of test are tested on",
        "the test part has \"fog\", which no row is trained on: its rows are set aside"
      ])
      for (const test of ["test", "val", "valid", "validation", "testing"]) {
        const found = yield* openFolder({
          ...abc,
          "train.csv": "image,label\na.png,sun\nb.png,rain\n",
          [`${test}.csv`]: "label,image\nsun,c.png\n"
        }, open)
        assert.deepStrictEqual((yield* collect(found.train)).ids, ["a.png", "b.png"])
        const held = yield* collect(Option.getOrThrow(found.test))
        assert.deepStrictEqual(held.samples.map(({ truth }) => truth), [[0, 1]])
      }
      const folders = yield* openFolder({
        ...pictures("train/1.png", "train/2.png", "valid/1.png", "test/1.png"),
        "train/_classes.csv": "filename,cat,dog\n1.png,1,0\n2.png,0,1\n",
        "valid/_classes.csv": "filename,cat,dog\n1.png,1,0\n",
        "test/_classes.csv": "filename,dog,cat\n1.png,1,0\n"
      }, open)
      assert.deepStrictEqual((yield* collect(folders.train)).ids, ["train/1.png", "train/2.png"])
      const held = yield* collect(Option.getOrThrow(folders.test))
      assert.deepStrictEqual(held.samples.map(({ image, truth }) => [image.id, ...truth]), [["test/1.png", 0, 1]])
      assert.include(folders.notes, "test/_classes.csv is tested on, valid/_classes.csv is left aside")
    })))

  it.effect("to test on without labels is left aside", () =>
    live(Effect.gen(function*() {
      const found = yield* openFolder({
        ...abc,
        "train.csv": "image,label\na.png,sun\nb.png,rain\n",
        "test.csv": "image\nc.png\n",
        "notes.csv": "x,y\n1,2\n"
      }, open)
      assert.isTrue(Option.isNone(found.test))
      assert.include(found.notes, "test.csv has no labels: left aside")
    })))

  it.effect("takes hinted labels: values of a column, or columns", () =>
    live(Effect.gen(function*() {
      const values = yield* read("image,label\na.png,sun\nb.png,rain\nc.png,fog\n", {}, ["sun", "rain"])
      assert.deepStrictEqual([values.labels, values.samples, values.rows], [
        ["sun", "rain"],
        [["a.png", 1, 0], ["b.png", 0, 1]],
        [[4, "unknown-label"]]
      ])
      const columns = yield* read("image,age,size,label\na.png,3,1,x\nb.png,0,2,y\n", {}, ["size", "age"])
      assert.deepStrictEqual(columns.samples, [["a.png", 0.25, 0.75], ["b.png", 1, 0]])
      assert.match(
        yield* errorOf({ "labels.csv": "image,label\na.png,sun\n" }, ["fog", "ice"]),
        /^labels\.csv: none of the labels "fog", "ice" stands in "label", which has "sun"$/
      )
      assert.match(
        yield* errorOf({ "labels.csv": "image,a,b\na.png,0,1\n" }, ["a", "c"]),
        /^labels\.csv: the labels "a", "c" are not all columns of it; those are "a", "b"$/
      )
      assert.match(
        yield* errorOf({ "labels.csv": "image,joy,sadness\na.png,0,1\n" }, ["joy", "sadnes"]),
        /those are "joy", "sadness"; did you mean "sadness" by "sadnes"\?$/
      )
    })))

  it.effect("that was written in two ways is an error that names both", () =>
    live(Effect.gen(function*() {
      const kinds = "its rows are of several kinds: shares (line 2, 0.25 + 0.75), votes (line 3, 8 + 2); " +
        "write all of them as one"
      const both = { "labels.csv": "image,joy,sun,width\na.png,0.25,0.75,9\nb.png,8,2,9\nc.png,5,5,9\n" }
      assert.strictEqual(
        yield* errorOf(both),
        `labels.csv: the labels in the columns "joy", "sun" cannot be read: ${kinds}`
      )
      assert.strictEqual(
        yield* errorOf(both, ["joy", "sun"]),
        `labels.csv: the columns "joy", "sun" cannot be read: ${kinds}`
      )
      assert.strictEqual(
        yield* errorOf({ "labels.csv": "image,joy,sun\r,split\na.png,1,0,train\nb.png,0,1,train\n" }),
        "labels.csv: none of its rows holds anything that can be read. First, line 2: 2 cells, expected 3. " +
          "Line 1 ends with a carriage return alone, others with a line feed: end all lines alike"
      )
      assert.strictEqual(
        yield* errorOf({ "labels.csv": "image,joy,sun\ra.png,1\rb.png,0\r" }),
        "labels.csv: none of its rows holds anything that can be read. First, line 2: 2 cells, expected 3"
      )
    })))

  it.effect("is an error that says what to do where it cannot be told", () =>
    live(Effect.gen(function*() {
      assert.match(
        yield* errorOf({ "one.csv": "image,label\na.png,sun\n", "two.csv": "image,label\na.png,sun\n" }),
        /several tables name pictures, "one\.csv", "two\.csv": call them train\.csv and test\.csv, or name one of them/
      )
      assert.match(
        yield* errorOf({ "labels.csv": "image,mood,place\na.png,sun,here\nb.png,rain,there\n" }),
        /which column holds the labels cannot be told: of "mood", "place" none is called label/
      )
      assert.match(
        yield* errorOf({ "labels.csv": "filename,class,xmin,ymin,xmax,ymax\na.png,cup,1,1,2,2\n" }),
        /the columns "xmin", "ymin", "xmax", "ymax" hold boxes, which are not read from tables: export them as COCO/
      )
      for (
        const sides of [
          ...["x1,y1,x2,y2", "left,top,right,bottom", "Left,Top,Width,Height", "x,y,w,h", "x,y,width,height"],
          ...["x_1,y_1,x_2,y_2", "cx,cy,w,h", "X Center,Y Center,Width,Height", "x0,y0,x1,y1", "xtl,ytl,xbr,ybr"]
        ]
      ) {
        const written = sides.split(",").map((side) => `"${side}"`).join(", ")
        for (const numbers of ["1,1,9,9", "0.1,0.1,0.4,0.4"]) {
          const text = `image,label,${sides}\na.png,sun,${numbers}\nb.png,rain,${numbers}\n`
          assert.include(
            yield* errorOf({ "labels.csv": text }),
            `the columns ${written} hold boxes, which are not read from tables: export them as COCO, take these columns`
          )
        }
      }
      assert.match(
        yield* errorOf({ "x.csv": "foo,bar\n1,2\n" }, undefined, "/x.csv"),
        /none of its columns "foo", "bar" names/
      )
      assert.match(yield* errorOf({ "x.csv": "" }, undefined, "/x.csv"), /the file is empty, expected a header/)
      assert.match(
        yield* errorOf({ "x.csv": "image,label\na.png,\"sun\n" }, undefined, "/x.csv"),
        /First, line 2: broken-/
      )
      const rows = Array.from({ length: 1200 }, (_, i) => `a.png,caption ${i}`).join("\n")
      assert.match(yield* errorOf({ "x.csv": `image,label\n${rows}\n` }), /has more than 999 different values/)
    })))

  it.effect("has no boxes where its columns are labels, or only say how large pictures are", () =>
    live(Effect.gen(function*() {
      const ways = yield* read(
        "image,left,top,right,bottom\na.png,1,0,0,0\nb.png,0,1,0,0\nc.png,0,0,1,0\nd.png,0,0,0,1\n"
      )
      assert.deepStrictEqual([ways.labels, ways.single], [["bottom", "left", "right", "top"], true])
      const votes = "image,left,top,right,bottom\na.png,3,1,0,0\nb.png,0,4,0,0\n"
      const named = yield* read(votes, {}, ["left", "top", "right", "bottom"])
      assert.deepStrictEqual(named.samples, [["a.png", 0.75, 0.25, 0, 0], ["b.png", 0, 1, 0, 0]])
      const sized = yield* read("image,label,width,height,x1,y1,x2,y2\na.png,sun,2,2,,,,\nb.png,rain,2,2,,,,\n")
      assert.deepStrictEqual(sized.labels, ["rain", "sun"])
    })))

  it.effect("may be named itself; other files and folders are none", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        ...abc,
        "one.tsv": "image\tlabel\na.png\tsun\nb.png\train\n",
        "two.csv": "image,label\n"
      })
      const found = classes(Option.getOrThrow(yield* open(`${root}/one.tsv`, { labels: Option.none() })))
      assert.deepStrictEqual(found.labels, ["rain", "sun"])
      for (const path of [`${root}/a.png`, yield* folder({ "x.csv": "foo,bar\n1,2\n" }), yield* folder(abc)]) {
        assert.isTrue(Option.isNone(yield* open(path, { labels: Option.none() })))
      }
    })))

  it.effect.prop("ends in samples or a typed error, whatever it holds", [
    Schema.String,
    Arbitrary.array(
      Arbitrary.schema(Schema.Literals(["a.png", "b.png", "", "sun", "1", "0.5", "50%", "label", "image"])),
      {
        maxLength: 24
      }
    ),
    Arbitrary.schema(Schema.Literals([",", ";", "\t"]))
  ], ([text, cells, delimiter]) =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const root = yield* folder({ "a.png": [2, 2], "b.png": [2, 2] })
      const table = cells.map((cell, i) => `${cell}${i % 3 === 2 ? "\n" : delimiter}`).join("")
      for (const content of [text, table, `image,label,x\n${table}`, `image,sun,1\n${table}`]) {
        yield* fs.writeFileString(`${root}/x.csv`, content)
        const found = yield* Effect.result(open(`${root}/x.csv`, { labels: Option.none() }))
        if (found._tag === "Failure" || Option.isNone(found.success)) continue
        for (const { truth } of (yield* collect(classes(found.success.value).train)).samples) {
          assert.closeTo(truth.reduce((a, b) => a + b, 0), 1, 1e-9)
        }
      }
    })), { arbitrary: { runs: 15 }, timeout: 60_000 })
})
