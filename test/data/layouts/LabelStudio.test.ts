/** Label Studio's exports, with the fields that version 1.13 writes. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { layout } from "../../../src/data/layouts/LabelStudio.ts"
import { folder, live } from "../folders.ts"
import { opened } from "./open.ts"

interface Result {
  readonly id?: string
  readonly type: string
  readonly value: unknown
  readonly from_name?: string
  readonly original_width?: number
  readonly original_height?: number
  readonly image_rotation?: number
}

const annotation = (id: number, result: ReadonlyArray<Result>, more = {}) => ({
  id,
  completed_by: id,
  result: result.map((each, i) => ({
    id: `C7oHaRDV${id}${i}`,
    to_name: "image",
    from_name: each.type === "choices" ? "weather" : "label",
    origin: "manual",
    ...each
  })),
  was_cancelled: false,
  ground_truth: false,
  created_at: "2024-01-30T02:40:43.893565Z",
  updated_at: `2024-01-30T02:40:4${id}.893578Z`,
  draft_created_at: null,
  lead_time: 8.65,
  prediction: {},
  result_count: result.length,
  unique_id: "3bc9da85-967f-47a1-bfa8-410206e54cf9",
  import_id: null,
  last_action: null,
  task: 1,
  project: 29,
  updated_by: 1,
  parent_prediction: null,
  parent_annotation: null,
  last_created_by: null
})

const task = (image: unknown, annotations: ReadonlyArray<unknown>, more = {}) => ({
  id: 87,
  annotations,
  file_upload: "1a2b3c4d-example.png",
  drafts: [],
  predictions: [],
  data: { image },
  meta: {},
  created_at: "2024-01-30T02:40:33.867975Z",
  updated_at: "2024-01-30T02:40:43.923985Z",
  inner_id: 1,
  total_annotations: annotations.length,
  cancelled_annotations: 0,
  total_predictions: 0,
  comment_count: 0,
  unresolved_comment_count: 0,
  last_comment_updated_at: null,
  project: 29,
  updated_by: 1,
  comment_authors: [],
  ...more
})

const choose = (...choices: ReadonlyArray<string>): Result => ({ type: "choices", value: { choices } })
const size = { original_width: 40, original_height: 30, image_rotation: 0 }
const rectangle = (x: number, y: number, width: number, height: number, label: string, rotation = 0): Result => ({
  ...size,
  type: "rectanglelabels",
  value: { x, y, width, height, rotation, rectanglelabels: [label] }
})

const pictures = { "a.png": [40, 30], "b.png": [40, 30], "c.png": [40, 30] } as const

const exported = (
  tasks: ReadonlyArray<unknown>,
  labels?: ReadonlyArray<string>,
  files = {},
  kind?: "classes" | "boxes"
) =>
  Effect.flatMap(
    folder({ ...pictures, ...files, "project-29-at-2024-01-30-02-41-0a1b2c3d.json": JSON.stringify(tasks) }),
    (root) => opened(layout, root, labels, kind)
  )

describe("Label Studio", () => {
  it.effect("choices of several annotators are votes; what was cancelled, predicted or left out is not", () =>
    live(Effect.gen(function*() {
      const found = yield* exported([
        task("a.png", [
          annotation(1, [choose("sun")]),
          annotation(2, [choose("sun")]),
          annotation(3, [choose("rain")]),
          {
            ...annotation(4, [choose("fog")]),
            was_cancelled: true
          }
        ]),
        task("b.png", [annotation(1, [choose("rain")])]),
        task("c.png", [{ ...annotation(1, []), was_cancelled: true }]),
        task("d.png", [], { predictions: [annotation(1, [choose("sun")])] }),
        task("e.png", [annotation(1, [])]),
        "nothing"
      ])
      assert.deepStrictEqual([found.error, found.kind, found.single], ["", "classes", false])
      assert.deepStrictEqual(found.labels, ["rain", "sun"])
      assert.deepStrictEqual(found.train.truths, [["a.png", [1 / 3, 2 / 3]], ["b.png", [1, 0]]])
      assert.deepStrictEqual(found.train.rows, [[3, "skipped"], [4, "unlabelled"], [5, "no-label"], [
        6,
        "not-an-object"
      ]])
      assert.match(found.notes, /1 task with several annotators: each choice counts as a vote, read as shares/)
      assert.match(found.notes, /2 cancelled annotations not read/)
    })))

  it.effect("several fields of choices are asked for by their labels", () =>
    live(Effect.gen(function*() {
      const both = [annotation(1, [choose("sun"), { ...choose("sharp"), from_name: "quality" }])]
      const tasks = [task("a.png", both), task("b.png", [annotation(1, [choose("rain")])])]
      assert.match((yield* exported(tasks)).error, /of several fields, "weather", "quality": name the labels of one/)
      const found = yield* exported(tasks, ["rain", "sun"])
      assert.deepStrictEqual(found.train.truths, [["a.png", [0, 1]], ["b.png", [1, 0]]])
      assert.isTrue(found.single)
      assert.match(found.notes, /choices of other fields are not read: "quality"/)
    })))

  it.effect("choices and boxes: what most tasks have is read, or what is asked for, and the other is told", () =>
    live(Effect.gen(function*() {
      const cup = rectangle(10, 10, 50, 50, "cup")
      const tasks = [
        task("a.png", [annotation(1, [choose("sun"), cup])]),
        task("b.png", [annotation(1, [choose("rain")])]),
        task("c.png", [annotation(1, [choose("sun")])])
      ]
      const boxes = [["a.png", [["cup", 4, 3, 20, 15]]], ["b.png", []], ["c.png", []]]
      const found = yield* exported(tasks)
      assert.deepStrictEqual([found.kind, found.labels, found.train.rows], ["classes", ["rain", "sun"], []])
      assert.include(
        found.notes,
        "boxes beside the choices are not read: those of 1 task, where 3 have choices; --task"
      )
      // Labels that only the boxes know say that boxes are meant.
      assert.deepStrictEqual((yield* exported(tasks, ["cup"])).train.truths, boxes)
      const asked = yield* exported(tasks, undefined, {}, "boxes")
      assert.deepStrictEqual([asked.kind, asked.train.truths], ["boxes", boxes])
      assert.include(asked.notes, "not read: \"weather\", of 3 tasks, where 1 has boxes; --task classification reads")
      const both = [task("a.png", [annotation(1, [choose("sun"), cup])]), task("b.png", [annotation(1, [cup])])]
      assert.strictEqual((yield* exported(both)).kind, "boxes")
      const chosen = yield* exported(both, undefined, {}, "classes")
      assert.deepStrictEqual([chosen.kind, chosen.train.rows], ["classes", [[2, "no-label"]]])
      // Where there are no choices, boxes are what there is to make labels of.
      const alone = [task("a.png", [annotation(1, [cup])])]
      assert.strictEqual((yield* exported(alone, undefined, {}, "classes")).kind, "boxes")
    })))

  it.effect("rectangles are percent of the picture, turned ones the box around them", () =>
    live(Effect.gen(function*() {
      const polygon: Result = {
        ...size,
        type: "polygonlabels",
        value: { closed: true, points: [[25, 20], [50, 20], [30, 60]], polygonlabels: ["hat"] }
      }
      const ellipse: Result = {
        ...size,
        type: "ellipselabels",
        value: { x: 50, y: 50, radiusX: 25, radiusY: 20, rotation: 0, ellipselabels: ["hat"] }
      }
      const brush: Result = {
        ...size,
        type: "brushlabels",
        value: { format: "rle", rle: [0, 1, 2], brushlabels: ["hat"] }
      }
      const found = yield* exported(
        [
          task("a.png", [annotation(1, [
            rectangle(12.5, 20, 25, 40, "cup"),
            // Of 8 × 6 pixels, turned by a quarter around its corner: to the left of it, 6 × 8.
            rectangle(50, 20, 20, 20, "cup", 90),
            {
              ...size,
              id: "C7oHaRDV10",
              type: "choices",
              from_name: "sure",
              value: { x: 12.5, y: 20, width: 25, height: 40, choices: ["no"] }
            }
          ])]),
          task("b.png", [annotation(1, [polygon, ellipse])]),
          task("c.png", [annotation(1, [])]),
          task("d.png", [annotation(1, [brush])]),
          task("e.png", [annotation(1, [{ ...rectangle(1, 1, 2, 2, "cup", 30), original_width: 0 }])]),
          task("f.png", [annotation(1, [{ ...rectangle(1, 1, 2, 2, "cup"), image_rotation: 90 }])]),
          task("g.png", [annotation(1, [{ ...size, type: "rectangle", value: { x: 1, y: 1, width: 2, height: 2 } }])])
        ],
        undefined,
        { "g.png": [40, 30] }
      )
      assert.deepStrictEqual([found.error, found.kind, found.labels], ["", "boxes", ["cup", "hat"]])
      const [a, b, c] = found.train.truths as ReadonlyArray<[string, ReadonlyArray<ReadonlyArray<number>>]>
      assert.deepStrictEqual(a![1][0], ["cup", 5, 6, 10, 12] as never)
      for (const [i, value] of [14, 6, 6, 8].entries()) assert.closeTo(a![1][1]![i + 1]!, value, 1e-9)
      for (const [i, value] of [10, 6, 10, 12].entries()) assert.closeTo(b![1][0]![i + 1]!, value, 1e-9)
      for (const [i, value] of [10, 9, 20, 12].entries()) assert.closeTo(b![1][1]![i + 1]!, value, 1e-9)
      assert.deepStrictEqual(c, ["c.png", []], "an annotation without regions says that nothing is there")
      assert.deepStrictEqual(found.train.rows, [[4, "bad-annotation"], [5, "bad-annotation"], [6, "bad-annotation"], [
        7,
        "no-label"
      ]])
      assert.match(found.train.details.join(), /no rectangle, ellipse or polygon.*turned by 30°.*picture turned by 90/)
    })))

  it.effect("boxes of several annotators are those of the ground truth, or of the latest", () =>
    live(Effect.gen(function*() {
      const [early, late] = [
        annotation(1, [rectangle(0, 0, 50, 50, "cup")]),
        annotation(2, [
          rectangle(50, 50, 50, 50, "cup")
        ])
      ]
      const found = yield* exported([
        task("a.png", [late, early]),
        task("b.png", [{ ...early, ground_truth: true }, late])
      ])
      assert.deepStrictEqual(found.train.truths, [["a.png", [["cup", 20, 15, 20, 15]]], ["b.png", [[
        "cup",
        0,
        0,
        20,
        15
      ]]]])
      assert.match(found.notes, /2 tasks with several annotators: boxes of the ground truth, or else of the latest/)
    })))

  it.effect("boxes are not wiped out by a later annotation that has none", () =>
    live(Effect.gen(function*() {
      const boxed = annotation(1, [rectangle(0, 0, 50, 50, "cup")])
      const cup = ["cup", 0, 0, 20, 15]
      const chosen = annotation(2, [choose("sun")])
      const empty = annotation(3, [])
      const found = yield* exported(
        [
          task("a.png", [boxed, chosen]),
          task("b.png", [boxed, empty, { ...chosen, ground_truth: true }]),
          // A ground truth without any result says that nothing is there.
          task("c.png", [boxed, { ...empty, ground_truth: true }])
        ],
        undefined,
        {},
        "boxes"
      )
      assert.deepStrictEqual(found.train.truths, [["a.png", [cup]], ["b.png", [cup]], ["c.png", []]])
      assert.include(found.notes, "2 tasks whose latest annotation has no boxes: those of an earlier one are taken")
    })))

  it.effect("where no box is left is an error, whatever is set aside; masks are quoted as they were written", () =>
    live(Effect.gen(function*() {
      const brush: Result = { type: "brushlabels", value: { format: "rle", rle: [1, 2], brushlabels: ["hat"] } }
      const found = yield* exported([
        task("a.png", [annotation(1, [])]),
        task("b.png", [annotation(1, [])]),
        task("c.png", [annotation(1, [brush])])
      ])
      assert.match(found.error, /its boxes are empty: every picture would be taught as one with nothing in it/)
      const bare = yield* exported([
        task("a.png", [annotation(1, [])]),
        task("b.png", [annotation(1, [{ ...size, type: "rectangle", value: { x: 1, y: 1, width: 2, height: 2 } }])]),
        task("c.png", [annotation(1, [brush])])
      ])
      assert.match(bare.train.error, /not one box is left in its 3 tasks: no-label 1, bad-annotation 1\. First/)
      const some = yield* exported([
        task("a.png", [annotation(1, [rectangle(0, 0, 50, 50, "cup")])]),
        task("c.png", [annotation(1, [brush])])
      ])
      assert.deepStrictEqual(some.train.details, [
        "{\"format\":\"rle\",\"rle\":[1,2],\"brushlabels\":[\"hat\"]} is no rectangle, ellipse or polygon"
      ])
    })))

  it.effect("pictures are found by the addresses of its server, and inside the folder only", () =>
    live(Effect.gen(function*() {
      const names = [
        "/data/upload/29/1a2b3c4d-a.png",
        "/data/local-files/?d=faces/b%20and%20c.png",
        "http://localhost:8080/data/local-files/?d=elsewhere/deep.png",
        "/data/upload/29/9f8e7d6c-kept.png",
        "upload/29/c.png",
        "https://example.org/there.png",
        "s3://bucket/there.png",
        "/data/local-files/?d=../../../etc/passwd",
        "twice.png",
        "/data/upload/29/1a2b3c4d-gone.png"
      ]
      const found = yield* exported(names.map((name) => task(name, [annotation(1, [choose("sun")])])), undefined, {
        "faces/b and c.png": [4, 4],
        "some/folder/deep.png": [4, 4],
        "media/9f8e7d6c-kept.png": [4, 4],
        "x/twice.png": [4, 4],
        "y/twice.png": [4, 4]
      })
      assert.deepStrictEqual(found.train.truths, [
        ["a.png", [1]],
        ["faces/b and c.png", [1]],
        ["some/folder/deep.png", [1]],
        ["media/9f8e7d6c-kept.png", [1]],
        ["c.png", [1]]
      ])
      assert.deepStrictEqual(found.train.rows, [[6, "remote"], [7, "remote"], [8, "outside-folder"], [
        9,
        "ambiguous-name"
      ], [10, "missing-file"]])
      assert.match(found.train.details[3]!, /"twice.png" may be "x\/twice.png", "y\/twice.png"/)
    })))

  it.effect("JSON-MIN holds an entry per annotator", () =>
    live(Effect.gen(function*() {
      const record = (image: string, annotator: number, fields: unknown) => ({
        image,
        id: 87,
        ...(fields as object),
        annotator,
        annotation_id: annotator,
        created_at: "2024-01-30T02:40:43.893565Z",
        updated_at: `2024-01-30T02:40:4${annotator}.893578Z`,
        lead_time: 8.65
      })
      const choices = yield* exported([
        record("/data/upload/29/1a2b3c4d-a.png", 1, { weather: "sun" }),
        record("/data/upload/29/1a2b3c4d-a.png", 2, { weather: { choices: ["sun", "rain"] } }),
        record("/data/upload/29/1a2b3c4d-a.png", 3, { weather: "sun" }),
        record("/data/upload/29/1a2b3c4d-b.png", 1, { weather: "rain" }),
        record("/data/upload/29/1a2b3c4d-c.png", 1, {})
      ])
      assert.deepStrictEqual(choices.train.truths, [["a.png", [0.25, 0.75]], ["b.png", [1, 0]]])
      assert.deepStrictEqual(choices.train.rows, [[5, "no-label"]])
      const value = { x: 12.5, y: 20, width: 25, height: 40, rotation: 0, rectanglelabels: ["cup"], ...size }
      const boxes = yield* exported([record("/data/upload/29/1a2b3c4d-a.png", 1, { label: [value] })])
      assert.deepStrictEqual(boxes.train.truths, [["a.png", [["cup", 5, 6, 10, 12]]]])
    })))

  it.effect("what is none of its exports is left to others, what has nothing in it is an error", () =>
    live(Effect.gen(function*() {
      const rows = yield* folder({ ...pictures, "data.json": JSON.stringify([{ image: "a.png", label: "sun" }]) })
      assert.isTrue((yield* opened(layout, rows)).unknown)
      assert.match((yield* exported([task("a.png", [])])).error, /none of its tasks has choices or boxes/)
      const hostile = yield* exported([
        task("a.png", [annotation(1, [choose("sun")])]),
        task({ deep: 1 }, [annotation(1, [choose("sun")])]),
        task("b.png", [{ result: 7 }, null, { result: [null, { value: 3 }, { value: { choices: "sun" } }] }]),
        task("%E0%A4%A.png", [annotation(1, [choose("sun")])]),
        { data: [], annotations: {} }
      ])
      assert.deepStrictEqual(hostile.train.truths, [["a.png", [1]]])
      assert.deepStrictEqual(hostile.train.rows, [[2, "no-image"], [3, "no-label"], [4, "missing-file"], [
        5,
        "no-image"
      ]])
    })))

  it.effect("name the kinds of results that are not read, and in how many tasks", () =>
    live(Effect.gen(function*() {
      const text: Result = { type: "textarea", value: { text: ["a note"] } }
      const none: Result = { type: "choices", value: { choices: [] } }
      const taxonomy: Result = { type: "taxonomy", value: { taxonomy: [["sky", "sun"]] } }
      const root = yield* folder({
        "a.png": [40, 30],
        "b.png": [40, 30],
        "project.json": JSON.stringify([
          task("a.png", [annotation(1, [choose("sun"), text, text]), annotation(2, [choose("sun"), text])]),
          task("b.png", [annotation(1, [choose("rain"), taxonomy, text, none])])
        ])
      })
      const { notes } = yield* opened(layout, root)
      assert.match(notes, /results of the kind "textarea" are not read: those of 2 tasks/)
      assert.match(notes, /results of the kind "taxonomy" are not read: those of 1 task/)
      // Where nothing was chosen, nothing is left unread.
      assert.notInclude(notes, "\"choices\"")
    })))
})
