/** Labels that are typed, beside those that the data have: no typing error changes what is trained. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Result } from "effect"
import { Layouts } from "../../../src/data/index.ts"
import * as Hinted from "../../../src/data/layouts/Hinted.ts"
import { folder, live } from "../folders.ts"

const sizes = [["a/1.png", [8, 8]], ["a/2.png", [8, 9]], ["b/1.png", [8, 7]], ["b/2.png", [8, 6]]] as const

/** "Nebel" is the label of a picture to test on alone, in every layout that has halves. */
const halved: Readonly<Record<string, Parameters<typeof folder>[0]>> = (() => {
  const rows = [["a/1.png", "Süß", "train"], ["a/2.png", "Regen", "train"], ["b/1.png", "Nebel", "test"], [
    "b/2.png",
    "Süß",
    "test"
  ]] as const
  const files = Object.fromEntries(sizes)
  const coco = (half: string, boxes: boolean) => {
    const own = rows.filter(([, , of]) => of === half)
    return JSON.stringify({
      images: own.map(([file_name], id) => ({ id, file_name })),
      categories: ["Süß", "Regen", "Nebel"].map((name, id) => ({ id, name })),
      annotations: own.map(([, label], id) => ({
        ...{ id, image_id: id, category_id: ["Süß", "Regen", "Nebel"].indexOf(label) },
        ...(boxes ? { bbox: [1, 1, 4, 4] } : {})
      }))
    })
  }
  const halves = (boxes: boolean) => ({
    ...files,
    "instances_train.json": coco("train", boxes),
    "instances_test.json": coco("test", boxes)
  })
  const lines = (of?: string) =>
    rows.filter(([, , split]) => of === undefined || of === split).map(([image, label, split]) =>
      JSON.stringify({ image, label, ...(of === undefined ? { split } : {}) })
    ).join("\n")
  return {
    folders: Object.fromEntries(rows.map(([name, label, split], i) => [`${split}/${label}/${i}.png`, files[name]!])),
    table: { ...files, "labels.csv": `image,label,split\n${rows.map((row) => `${row.join(",")}\n`).join("")}` },
    rows: { ...files, "data.jsonl": lines() },
    "rows in files": { ...files, "train.jsonl": lines("train"), "test.jsonl": lines("test") },
    "COCO without boxes": halves(false),
    COCO: halves(true)
  }
})()

/** The same pictures of "Süß" and "Regen" in every layout. */
const layouts: Readonly<Record<string, Parameters<typeof folder>[0]>> = (() => {
  const files = Object.fromEntries(sizes)
  const names = sizes.map(([name]) => name)
  const labelOf = (i: number) => i < 2 ? "Süß" : "Regen"
  const whole = (boxes: boolean) =>
    JSON.stringify({
      images: names.map((file_name, id) => ({ id, file_name })),
      categories: ["Süß", "Regen"].map((name, id) => ({ id, name })),
      annotations: names.map((_, i) => ({
        ...{ id: i, image_id: i, category_id: Number(i > 1) },
        ...(boxes ? { bbox: [1, 1, 4, 4] } : {})
      }))
    })
  return {
    folders: Object.fromEntries(sizes.map(([name, size], i) => [`${labelOf(i)}/${name.replace("/", "")}`, size])),
    table: { ...files, "labels.csv": `image,label\n${names.map((name, i) => `${name},${labelOf(i)}\n`).join("")}` },
    rows: {
      ...files,
      "data.jsonl": names.map((image, i) => JSON.stringify({ image, label: labelOf(i) })).join("\n")
    },
    "Label Studio": {
      ...files,
      "p.json": JSON.stringify(names.map((image, i) => ({
        data: { image },
        annotations: [{ result: [{ from_name: "c", value: { choices: [labelOf(i)] } }] }]
      })))
    },
    "COCO without boxes": { ...files, "instances.json": whole(false) },
    COCO: { ...files, "instances.json": whole(true) }
  }
})()

describe("labels that are typed", () => {
  for (const [layout, files] of Object.entries(layouts)) {
    it.effect(`in ${layout}: what nothing has is an error or told, with what was meant`, () =>
      live(Effect.gen(function*() {
        const root = yield* folder(files)
        const find = (labels: ReadonlyArray<string>, few = false) =>
          Effect.match(Layouts.find(root, { labels: Option.some(labels), few }), {
            onFailure: ({ message }) => ({ error: message, labels: [], notes: "" }),
            onSuccess: ({ labels, notes }) => ({ error: "", labels, notes: notes.join("\n") })
          })
        assert.deepStrictEqual(yield* find(["Süß", "Regen"]).pipe(Effect.map(({ labels }) => labels)), ["Süß", "Regen"])
        const typo = yield* find(["Süss", "Regen"])
        if (layout === "COCO") assert.include(typo.notes, "has the label \"Süss\"; did you mean \"Süß\" by \"Süss\"?")
        else {
          assert.match(typo.error, /pictures to train on have "Regen" alone, and at least two are needed to tell apart/)
          assert.include(typo.error, "did you mean \"Süß\" by \"Süss\"?")
        }
        const more = yield* find(["Süß", "Regen", "Nebel"])
        assert.deepStrictEqual(more.labels, ["Süß", "Regen", "Nebel"])
        assert.include(more.notes, "no picture to train on has the label \"Nebel\"")
        assert.match(
          (yield* find(["suess", "rgen"])).error,
          /none of .*did you mean "Süß" by "suess", "Regen" by "rgen"\?/
        )
        // A model is measured on what there is.
        assert.deepStrictEqual((yield* find(["Süß", "Nebel"], true)).labels, ["Süß", "Nebel"])
      })))
  }

  for (const [layout, files] of Object.entries(halved)) {
    it.effect(`in ${layout}: one that only pictures to test on have is told, and is not enough`, () =>
      live(Effect.gen(function*() {
        const root = yield* folder(files)
        const find = (...labels: ReadonlyArray<string>) =>
          Effect.match(Layouts.find(root, { labels: Option.some(labels) }), {
            onFailure: ({ message }) => message,
            onSuccess: ({ notes }) => notes.filter((note) => note.includes("to train on has")).join("\n")
          })
        assert.strictEqual(yield* find("Süß", "Regen"), "")
        assert.strictEqual(
          yield* find("Süß", "Regen", "Nebel"),
          "no picture to train on has the label \"Nebel\""
        )
        assert.match(yield* find("Nebel"), /none of the labels "Nebel" .*"(Süß|Regen)", "(Süß|Regen)"$/)
        // Labels that COCO's files name themselves are no slip.
        if (!layout.startsWith("COCO")) {
          assert.match(yield* find("Süß", "Nebel"), /pictures to train on have "Süß" alone, .*; the data have "/)
        }
      })))
  }

  for (const layout of ["folders", "table"]) {
    it.effect(`in ${layout}: a label to test on that they leave out is not said to be one that nobody has`, () =>
      live(Effect.gen(function*() {
        const root = yield* folder(halved[layout]!)
        const { notes } = yield* Layouts.find(root, { labels: Option.some(["Regen", "Süs"]), few: true })
        const text = notes.join("\n")
        assert.match(text, /no picture to train on has the label "Süs"; did you mean "Süß" by "Süs"\?/)
        assert.match(text, /has "Nebel", which no \w+ is trained on: its \w+ are set aside/)
        assert.match(text, /has "Süß", which --labels leaves out: its \w+ are set aside/)
      })))
  }

  it.effect("are not held against those of rows that are set aside, of a split that nobody knows", () =>
    live(Effect.gen(function*() {
      const rows = [["a/1.png", "Süß", "train"], ["a/2.png", "Regen", "train"], ["b/1.png", "Nebel", "dev2"]]
      const lines = rows.map(([image, label, split]) => JSON.stringify({ image, label, split }))
      const files: Readonly<Record<string, string>> = {
        "labels.csv": ["image,label,split", ...rows.map((row) => row.join(",")), "b/2.png,Süß,test", ""].join("\n"),
        // A row that names no half is trained on.
        "data.jsonl": [...lines, JSON.stringify({ image: "b/2.png", label: "Süß" })].join("\n"),
        "held.jsonl": [...lines, JSON.stringify({ image: "b/2.png", label: "Süß", split: "test" })].join("\n")
      }
      for (const [name, text] of Object.entries(files)) {
        const root = yield* folder({ ...Object.fromEntries(sizes), [name]: text })
        const find = (...labels: ReadonlyArray<string>) =>
          Effect.match(Layouts.find(root, { labels: Option.some(labels) }), {
            onFailure: ({ message }) => message,
            onSuccess: ({ notes }) => notes.filter((note) => note.includes("to train on has")).join("\n")
          })
        assert.strictEqual(yield* find("Süß", "Regen"), "", name)
        assert.strictEqual(
          yield* find("Süß", "Regen", "Nebel"),
          "no picture to train on has the label \"Nebel\"",
          name
        )
        assert.match(yield* find("Süß", "Nebel"), /pictures to train on have "Süß" alone/, name)
      }
    })))

  it("are near where a slip makes one of the other", () => {
    const of = (label: string, ...found: ReadonlyArray<string>) =>
      Option.getOrThrow(Option.fromUndefinedOr(
        Hinted.check(found, { labels: Option.some([label, "x"]) }, "is").pipe((result) =>
          result._tag === "Failure" ? /; did you mean .*$/.exec(result.failure)?.[0] ?? "" : undefined
        )
      ))
    assert.strictEqual(of("Cat", "cat", "dog"), "; did you mean \"cat\" by \"Cat\"?")
    assert.strictEqual(
      of("partly cloudy", "partly_cloudy"),
      "; did you mean \"partly_cloudy\" by \"partly cloudy\"?"
    )
    assert.strictEqual(of("sunny", "sunyn", "sunni"), "; did you mean \"sunni\" by \"sunny\"?")
    assert.strictEqual(of("cat", "dog", "car", "bat"), "")
    assert.strictEqual(of("te", "thé", "café"), "; did you mean \"thé\" by \"te\"?")
    assert.strictEqual(of("t", "té", "u"), "")
  })

  it("are held against those of as many pictures as there are, in time that grows with their number", () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `label number ${i}`)
    const named = many.map((label) => `${label} of mine, which nothing has`)
    const began = process.cpuUsage().user
    const result = Hinted.check(many, { labels: Option.some([...named, "label number 7"]), few: true }, "is")
    // Each held against each would be 400 million comparisons: minutes.
    assert.isBelow(process.cpuUsage().user - began, 20e6)
    const [note = ""] = Result.getOrThrow(result)
    assert.match(note, /^no picture to train on has the label .* and 19990 more/)
  })

  it("name what there is, and say so where there is nothing", () => {
    const said = Hinted.check([], { labels: Option.some(["a", "b"]) }, "has a folder, there are")
    assert.deepStrictEqual(said, Result.fail("none of the labels \"a\", \"b\" has a folder, there are none"))
  })
})
