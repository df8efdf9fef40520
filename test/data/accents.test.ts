/** Names with accents as macOS writes them (a letter and a mark) beside names as others do: they are the same. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import * as CocoIds from "../../src/cli/annotations/CocoIds.ts"
import { labelsIn } from "../../src/cli/values.ts"
import { CocoInstances, CsvManifest, ImageFolder, Layouts } from "../../src/data/index.ts"
import { collect, folder, live } from "./folders.ts"

const apart = (name: string) => name.normalize("NFD")
const sweet = "Süß"
const green = "grün"

/** What is found, as labels, ids of either half and rows that were set aside. */
const read = Effect.fnUntraced(function*(files: Parameters<typeof folder>[0], labels?: ReadonlyArray<string>) {
  const root = yield* folder(files)
  const found = yield* Layouts.find(root, { labels: Option.fromUndefinedOr(labels) })
  const [train, test] = found.kind === "classes"
    ? [yield* collect(found.train), yield* collect(Option.getOrElse(found.test, () => Stream.empty))]
    : [yield* collect(found.train), yield* collect(Option.getOrElse(found.test, () => Stream.empty))]
  return { labels: found.labels, n: train.ids.length, tested: test.ids.length, rows: [...train.rows, ...test.rows] }
})

describe("accents", () => {
  it.effect("of class folders and of the files in them", () =>
    live(Effect.gen(function*() {
      const files = {
        [`train/${apart(sweet)}/${apart("ü1")}.png`]: [2, 2],
        [`train/${apart(sweet)}/ü2.png`]: [2, 3],
        "train/Regen/1.png": [2, 4],
        [`test/${sweet}/1.png`]: [2, 5],
        [`test/${sweet}/${apart("é/ü")}.png`]: [2, 6],
        "test/Regen/1.png": [2, 7]
      } as const
      const expected = { labels: ["Regen", sweet], n: 3, tested: 3, rows: [] }
      assert.deepStrictEqual(yield* read(files), expected)
      const typed = labelsIn(`Regen,${apart(sweet)}`)
      assert.deepStrictEqual(yield* read(files, typed), expected)
      assert.deepStrictEqual(yield* read(files, ["Regen", apart(sweet)]), expected)
      const twice = yield* read({ [`${sweet}/1.png`]: [2, 2], [`${apart(sweet)}/2.png`]: [2, 3], "b/1.png": [2, 4] })
      assert.deepStrictEqual([twice.labels, twice.n, twice.rows], [[sweet, "b"], 3, []])
    })))

  it.effect("of tables", () =>
    live(Effect.gen(function*() {
      const rows = `image,label\nü 1.png,${green}\nü 2.png,${apart(green)}\nü 3.png,rot\n`
      for (const [ofFiles, ofTable] of [[apart, String], [String, apart], [apart, apart]] as const) {
        const files = {
          [ofFiles("bücher/ü 1.png")]: [2, 2],
          [ofFiles("bücher/ü 2.png")]: [2, 3],
          [`${ofFiles("bücher")}/ü 3.png`]: [2, 4]
        } as const
        const found = yield* read(
          { ...files, "labels.csv": ofTable(rows) },
          ofTable === apart ? ["rot", green] : undefined
        )
        assert.deepStrictEqual([found.labels.toSorted(), found.n, found.rows], [[green, "rot"], 3, []])
        const bare = yield* read({ ...files, "labels.csv": ofTable(rows).replaceAll(".png", "") })
        assert.deepStrictEqual([bare.n, bare.rows], [3, []])
      }
      const root = yield* folder({
        [apart("ü.png")]: [2, 2],
        "m.csv": `image,${apart(green)},rot\nü.png,1,0\n`
      })
      assert.deepStrictEqual(
        (yield* collect(CsvManifest.read(`${root}/m.csv`, { labels: ["rot", green] }))).samples.length,
        1
      )
    })))

  it.effect("of JSON rows, Label Studio and COCO", () =>
    live(Effect.gen(function*() {
      const pictures = { [apart("ü1.png")]: [8, 8], [apart("é/ü2.png")]: [8, 9], "ü3.png": [8, 7] } as const
      const names = ["ü1.png", "é/ü2.png", apart("ü3.png")]
      const labels = [green, apart(green), "rot"]
      const rows = names.map((image, i) => JSON.stringify({ image, label: labels[i] })).join("\n")
      const expected = { labels: [green, "rot"], n: 3, tested: 0, rows: [] }
      assert.deepStrictEqual(yield* read({ ...pictures, "data.jsonl": rows }), expected)
      const shares = names.map((image, i) =>
        JSON.stringify({ image, label: { [labels[i] ?? ""]: 0.5, [i === 2 ? green : "rot"]: 0.5 } })
      )
      assert.deepStrictEqual(yield* read({ ...pictures, "data.jsonl": shares.join("\n") }), expected)
      const tasks = names.map((name, i) => ({
        id: i,
        data: { image: `/data/upload/1/${encodeURIComponent(name.split("/").at(-1) ?? "")}` },
        annotations: [{ result: [{ from_name: "c", value: { choices: [labels[i]] } }] }]
      }))
      assert.deepStrictEqual(yield* read({ ...pictures, "project.json": JSON.stringify(tasks) }), expected)
      const boxes = JSON.stringify({
        images: names.map((file_name, id) => ({ id, file_name })),
        categories: labels.map((name, id) => ({ id, name })),
        annotations: names.map((_, i) => ({ id: i, image_id: i, category_id: i, bbox: [1, 1, 4, 4] }))
      })
      const moved = Object.fromEntries(Object.entries(pictures).map(([name, size]) => [`images/${name}`, size]))
      assert.deepStrictEqual(yield* read({ ...moved, "instances.json": boxes }), expected)
      assert.deepStrictEqual(yield* read({ ...moved, "instances.json": boxes }, ["rot", apart(green)]), {
        ...expected,
        labels: ["rot", green]
      })
      const root = yield* folder({ ...pictures, "c.json": boxes })
      const whole = yield* collect(CocoInstances.read(`${root}/c.json`))
      assert.deepStrictEqual([whole.error, whole.ids.length], ["", 3])
    })))

  it.effect("of a reader's folders, and of ids that results are written with", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        [`${apart(sweet)}/1.png`]: [2, 2],
        "ids.json": JSON.stringify({
          images: [{ id: 7, file_name: apart("ü.png") }],
          categories: [{ id: 3, name: apart(sweet) }]
        })
      })
      const { error, samples } = yield* collect(ImageFolder.read(root, { labels: [sweet] }))
      assert.deepStrictEqual([error, samples.length], ["", 1])
      const ids = yield* CocoIds.read(`${root}/ids.json`, ["pics/ü.png"], { kind: "shares", labels: [sweet] })
      assert.deepStrictEqual([ids.image("pics/ü.png"), ids.category(sweet)], [Option.some(7), Option.some(3)])
    })))
})
