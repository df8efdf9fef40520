/** Labels that are typed, beside those that the data have: no typing error changes what is trained. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { Layouts } from "../../../src/data/index.ts"
import * as Hinted from "../../../src/data/layouts/Hinted.ts"
import { folder, live } from "../folders.ts"

const sizes = [["a/1.png", [8, 8]], ["a/2.png", [8, 9]], ["b/1.png", [8, 7]], ["b/2.png", [8, 6]]] as const

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
          assert.match(typo.error, /pictures have "Regen" alone, and at least two are needed to tell apart/)
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

  it("are near where a slip makes one of the other", () => {
    const of = (label: string, ...found: ReadonlyArray<string>) =>
      Option.getOrThrow(Option.fromUndefinedOr(
        Hinted.check(found, { labels: Option.some([label, "x"]) }, "none").pipe((result) =>
          result._tag === "Failure" ? result.failure : undefined
        )
      ))
    assert.strictEqual(of("Cat", "cat", "dog"), "none; did you mean \"cat\" by \"Cat\"?")
    assert.strictEqual(
      of("partly cloudy", "partly_cloudy"),
      "none; did you mean \"partly_cloudy\" by \"partly cloudy\"?"
    )
    assert.strictEqual(of("sunny", "sunyn", "sunni"), "none; did you mean \"sunni\" by \"sunny\"?")
    assert.strictEqual(of("cat", "dog", "car", "bat"), "none")
  })
})
