/** Columns of ones that answer several questions, and columns that are called as halves of the data are. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { layout } from "../../../../src/data/layouts/Tables.ts"
import { folder, live } from "../../folders.ts"
import { classes } from "../open.ts"

const pictures = Object.fromEntries([..."abcdefgh"].map((name) => [`${name}.png`, [2, 2] as const]))

const open = Effect.fnUntraced(function*(header: string, rows: ReadonlyArray<string>, labels?: ReadonlyArray<string>) {
  const text = [`image,${header}`, ...rows.map((row, i) => `${"abcdefgh"[i]}.png,${row}`)].join("\n")
  const root = yield* folder({ ...pictures, "labels.csv": text })
  return classes(Option.getOrThrow(yield* layout.open(root, { labels: Option.fromUndefinedOr(labels) })))
})

/** What is said of ones. */
const said = (...given: Parameters<typeof open>) =>
  Effect.map(open(...given), ({ notes }) => notes.filter((note) => note.includes("ones")).join())

const errorOf = (...given: Parameters<typeof open>) =>
  Effect.map(Effect.flip(open(...given)), ({ message }) => message.replace(/^.*labels\.csv: /, ""))

describe("ones of several questions in a row", () => {
  it.effect("are told with the columns of each, which --labels then asks", () =>
    live(Effect.gen(function*() {
      const shapes = ["1,0,0,1,0", "0,1,0,0,1", "0,0,1,1,0", "1,0,0,0,1"]
      assert.strictEqual(
        yield* said("circle,square,triangle,red,blue", shapes),
        "labels.csv: every row has 2 ones, which are read as shares of one question: these look like 2 questions, of " +
          "which --labels circle,square,triangle, or --labels red,blue asks one"
      )
      const asked = yield* open("circle,square,triangle,red,blue", shapes, ["red", "blue"])
      assert.deepStrictEqual([asked.labels, asked.single], [["red", "blue"], true])
      assert.notInclude(asked.notes.join(), "ones")
      assert.match(
        yield* said("a,b,c,d,e,f", ["1,0,1,0,1,0", "0,1,0,1,0,1", "1,0,0,1,1,0"]),
        /3 questions.*--labels e,f/
      )
    })))

  it.effect("are told without columns where these do not stand together, and not of votes and marks", () =>
    live(Effect.gen(function*() {
      assert.match(
        yield* said("circle,red,square,blue", ["1,1,0,0", "0,1,1,0", "1,0,0,1", "0,0,1,1"]),
        /every row has 2 ones.*2 questions, of which --labels with the columns of one of them/
      )
      assert.strictEqual(yield* said("a,b,c", ["2,0,0", "1,1,0", "0,1,1"]), "")
      assert.strictEqual(yield* said("a,b,c", ["1,0,0", "0,1,0", "0,0,1"]), "")
      assert.strictEqual(yield* said("a,b,c", ["1,1,0", "0,1,0", "0,0,1"]), "")
    })))
})

describe("columns of 0 and 1 that are called as halves are", () => {
  const split = ["1,0,0,1", "0,1,0,0", "0,0,1,1"]
  it.effect("are no labels, unless all labels are named", () =>
    live(Effect.gen(function*() {
      for (const name of ["train", "test", "val", "Training"]) {
        assert.strictEqual(
          yield* errorOf(`circle,square,triangle,${name}`, split),
          `"${name}" holds 0 and 1 and is called as a half of the data is, and is no label unless it is named as ` +
            "one. To tell halves, write a column \"split\" with train and test (or val) in its place; to take it for " +
            `a label, name all: --labels circle,square,triangle,${name}; to leave it out, name the others: ` +
            "--labels circle,square,triangle"
        )
      }
      assert.match(
        yield* errorOf("cat,dog,train,test", ["1,0,1,0", "0,1,0,1", "1,0,0,1"]),
        /"train", "test" hold 0 and 1/
      )
      assert.match(yield* errorOf("train,test", ["1,0", "0,1"]), /and are no labels unless/)
      assert.match(yield* errorOf("train", ["1", "0"]), /and is no label unless/)
      const all = ["circle", "square", "triangle", "train"]
      assert.deepStrictEqual((yield* open(all.join(), split, all)).labels, all)
      // Of vehicles a train is one.
      const vehicles = yield* open("bus,car,train", ["1,0,0", "0,1,0", "0,0,1"])
      assert.deepStrictEqual(vehicles.labels, ["bus", "car", "train"])
      assert.notInclude(vehicles.notes.join(), "a half of the data")
    })))

  it.effect("are labels that are told where rows have several, and what is only spelled so is none", () =>
    live(Effect.gen(function*() {
      const many = ["1,1,1", "0,1,0", "1,0,1"]
      const vehicles = yield* open("bus,car,train", many)
      assert.deepStrictEqual(vehicles.labels, ["bus", "car", "train"])
      assert.include(
        vehicles.notes.join("\n"),
        "\"train\" is called as a half of the data is, and is a label here: where that is wrong, write a column " +
          "\"split\" with train and test in its place, or leave it out by --labels bus,car"
      )
      const asked = yield* open("bus,car,train", many, ["bus", "car"])
      assert.match(asked.notes.join("\n"), /"train" is called as a half of the data is, and is not read as such/)
      assert.match(yield* errorOf("bus,car,in_val", ["1,0,1", "0,1,0"]), /"in_val" holds 0 and 1/)
      const marked = yield* open("bus,car,invalid", many)
      assert.match(marked.notes.join("\n"), /"invalid" reads as a mark/)
      assert.notInclude(marked.notes.join(), "a half of the data")
    })))

  it.effect("are told with what to write where nothing is read from them", () =>
    live(Effect.gen(function*() {
      const told = /"is_train" is called as a half of the data is, and is not read as such.*a column "split"/
      assert.match((yield* open("circle,square,triangle,is_train", split)).notes.join("\n"), told)
      const named = yield* open("label,is_train,width", ["sun,1,5", "rain,0,5"])
      assert.match(named.notes.join("\n"), told)
      assert.include(named.notes.join("\n"), "columns left alone: \"is_train\", \"width\"")
    })))
})
