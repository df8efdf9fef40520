/** Conversations as the documentation of LLaVA, LLaMA-Factory, VLM-R1 and ms-swift has them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as Answer from "../../../src/data/layouts/Answer.ts"
import { layout } from "../../../src/data/layouts/Conversations.ts"
import { layout as jsonForms } from "../../../src/data/layouts/JsonForms.ts"
import { folder, live } from "../folders.ts"
import { lines, opened } from "./open.ts"

const pictures = { "a.png": [40, 30], "images/b.png": [40, 30], "c.png": [40, 30] } as const

const list = (...rows: ReadonlyArray<unknown>) =>
  Effect.flatMap(folder({ ...pictures, "data.json": JSON.stringify(rows) }), (root) => opened(layout, root))

/** A row of LLaVA. */
const llava = (image: string, answer: string, question = "<image>\nWhat is the weather?") => ({
  id: "997bb945-628d-4724-b370-b84de974a19f",
  image,
  conversations: [{ from: "human", value: question }, { from: "gpt", value: answer }]
})

describe("conversations", () => {
  const expected = [["a.png", [0, 1]], ["images/b.png", [1, 0]]]

  it.effect("of every form end in the annotation", () =>
    live(Effect.gen(function*() {
      const user = { role: "user", content: "<image>What is the weather?" }
      const turn = (content: unknown) => ({ role: "assistant", content })
      for (
        const [form, rows] of Object.entries({
          llava: [llava("a.png", "sun"), llava("b.png", "rain")],
          sharegpt: [
            { messages: [{ role: "system", content: "You see." }, user, turn("sun")], images: ["a.png"] },
            { messages: [user, turn("Wait."), user, turn("rain")], images: ["images/b.png"] }
          ],
          alpaca: [
            { instruction: "Weather?", input: "", output: "sun", images: ["a.png"] },
            { instruction: "Weather?", input: "", output: "rain", images: ["b.png"] }
          ],
          vlmR1: [
            { image: "a.png", problem: "Weather?", solution: "<answer> sun </answer>" },
            { image: ["b.png"], problem: "Weather?", solution: "<think>Wet.</think>\n<answer>rain</answer>" }
          ],
          swift: [
            { images: ["a.png"], messages: [user], solution: "<answer>sun</answer>" },
            { images: ["b.png"], messages: [user], solution: "<answer>rain</answer>" }
          ],
          openai: [
            {
              messages: [
                { role: "user", content: [{ type: "image", image: "a.png" }, { type: "text", text: "?" }] },
                turn("sun")
              ]
            },
            {
              messages: [
                {
                  role: "user",
                  content: [{ type: "image_url", image_url: { url: "b.png" } }, { type: "text", text: "?" }]
                },
                turn([{ type: "text", text: "rain" }])
              ]
            }
          ]
        })
      ) {
        for (const [name, text] of [["train.json", JSON.stringify(rows)], ["data.jsonl", lines(...rows)]] as const) {
          const root = yield* folder({ ...pictures, [name]: text })
          const found = yield* opened(layout, root)
          assert.deepStrictEqual([found.error, found.labels, found.train.rows], ["", ["rain", "sun"], []], form)
          assert.deepStrictEqual(found.train.truths, expected, form)
          assert.isTrue((yield* opened(jsonForms, root)).unknown, "and is no other layout's")
        }
      }
    })))

  it.effect("hold shares of labels, which is said", () =>
    live(Effect.gen(function*() {
      const found = yield* list(
        llava("a.png", "<think>Bright.</think><answer>sun 70 rain 30</answer>"),
        llava("b.png", "```json\n{\"rain\": 100}\n```"),
        llava("c.png", "sun")
      )
      assert.deepStrictEqual(found.train.truths, [["a.png", [0.3, 0.7]], ["images/b.png", [1, 0]], ["c.png", [0, 1]]])
      assert.match(found.notes, /percentages: rows sum to 100, read as shares/)
    })))

  it.effect("hold boxes as JSON, or in the tokens of Qwen2-VL", () =>
    live(Effect.gen(function*() {
      const box = "{\"bbox_2d\": [5, 6, 15, 18], \"label\": \"cup\"}"
      const found = yield* list(
        llava("a.png", box),
        llava("b.png", `<answer>\n\`\`\`json\n[${box}]\n\`\`\`\n</answer><|im_end|>`),
        llava("c.png", "[]"),
        llava("d.png", "[5, 6, 15, 18]")
      )
      assert.deepStrictEqual([found.kind, found.labels], ["boxes", ["cup"]])
      const boxes = [["cup", 5, 6, 10, 12]]
      assert.deepStrictEqual(found.train.truths, [["a.png", boxes], ["images/b.png", boxes], ["c.png", []]])
      assert.match(found.notes, /"bbox_2d" holds \[left, top, right, bottom\], in pixels/)
      const tokens = yield* list(llava(
        "a.png",
        "<|object_ref_start|>cup<|object_ref_end|><|box_start|>(125,200),(375,600)<|box_end|>"
      ))
      assert.deepStrictEqual(tokens.train.truths, [["a.png", boxes]])
      // A box that cannot be read would be a box less.
      const cup = "<|object_ref_start|>cup<|object_ref_end|>"
      const good = `${cup}<|box_start|>(125,200),(375,600)<|box_end|>`
      for (
        const [answer, counted] of [
          [`${good}<|box_start|>(1.5,2),(3,4)<|box_end|>`, "1 of its 2"],
          [`${good}<|box_start|>(1,2),(3,4)<|box_end|>${cup}<|box_start|>(-1,2),(3,4)<|box_end|>`, "2 of its 3"],
          ["<|box_start|>(1,2),(3,4)<|box_end|>", "0 of its 1"]
        ] as const
      ) {
        const { train } = yield* list(llava("a.png", answer), llava("b.png", good), llava("c.png", good))
        assert.deepStrictEqual(train.rows, [[1, "bad-annotation"]])
        assert.match(train.details[0]!, new RegExp(`^${counted} boxes can be read, expected each as`))
      }
    })))

  it.effect("hold boxes in pixels against the size that is stated beside them", () =>
    live(Effect.gen(function*() {
      const boxes = "[{\"bbox_2d\": [5, 6, 15, 18], \"label\": \"cup\"}]"
      const thousandths = "<|object_ref_start|>cup<|object_ref_end|><|box_start|>(125,200),(375,600)<|box_end|>"
      const found = yield* list(
        { ...llava("a.png", boxes), width: 40, height: 30 },
        { ...llava("b.png", boxes), width: 80, height: 60 },
        { ...llava("c.png", boxes), Width: "40", Height: "31" }
      )
      assert.deepStrictEqual(found.train.truths, [["a.png", [["cup", 5, 6, 10, 12]]]])
      assert.deepStrictEqual(found.train.rows, [[2, "size-mismatch"], [3, "size-mismatch"]])
      assert.deepStrictEqual(found.train.details[0], "the picture is 40 × 30, stated as 80 × 60")
      // Thousandths are of a picture of any size.
      const free = yield* list({ ...llava("b.png", thousandths), width: 80, height: 60 })
      assert.deepStrictEqual(free.train.rows, [])
    })))

  it.effect("of free text are refused, of several questions told", () =>
    live(Effect.gen(function*() {
      const captions = yield* list(
        llava("a.png", "They are celebrating on the soccer field."),
        llava("b.png", "Chinese astronaut Gui Haichao is giving a speech."),
        llava("c.png", "他们在足球场上庆祝。")
      )
      assert.match(
        captions.error,
        /free text, such as "They are .*cannot be learned as labels: expected a label, shares/
      )
      const found = yield* list(llava("a.png", "sun", "<image>Weather?"), llava("b.png", "rain", "Sky?\n<image>"))
      assert.match(found.notes, /2 different questions: only the answers are learned/)
      assert.notMatch((yield* list(llava("a.png", "sun"), llava("b.png", "rain"))).notes, /questions/)
    })))

  it.effect("that cannot be used are set aside", () =>
    live(Effect.gen(function*() {
      const found = yield* list(
        llava("a.png", "sun"),
        { image: "b.png", conversations: [{ from: "human", value: "Weather?" }] },
        { ...llava("", "sun"), image: ["a.png", "b.png"] },
        { conversations: llava("a.png", "sun").conversations },
        llava("c.png", "<think>Hm.</think><answer> </answer>"),
        { image: "c.png", conversations: [null, 7, { from: {}, value: [] }, { from: "gpt" }] },
        llava("a.png", "rain"),
        llava("gone.png", "rain"),
        "text"
      )
      assert.deepStrictEqual(found.train.truths, [["a.png", [0, 1]]])
      assert.deepStrictEqual(found.train.rows, [
        [2, "no-label"],
        [3, "several-images"],
        [4, "no-image"],
        [5, "no-label"],
        [6, "no-label"],
        [7, "duplicate-image"],
        [8, "missing-file"],
        [9, "not-an-object"]
      ])
    })))

  it("tell labels with numbers from labels that end in one", () => {
    const weights = (text: string) => {
      const { success: said } = Answer.read(text) as { success?: { weights: ReadonlyMap<string, number> } }
      return Object.fromEntries(said?.weights ?? [])
    }
    assert.deepStrictEqual(weights("sun 70 rain 30"), { sun: 70, rain: 30 })
    assert.deepStrictEqual(weights("light rain: 70%, sun: 20%"), { "light rain": 70, sun: 20 })
    assert.deepStrictEqual(weights("right 100"), { right: 100 })
    assert.deepStrictEqual(weights("sun 70.5, rain 29.5"), { sun: 70.5, rain: 29.5 })
    for (const label of ["class 3", "Boeing 747", "7", "sun 70 sun 30", "cup 1 hat 2", "{sun", "3 cups 97"]) {
      assert.deepStrictEqual(weights(label), { [label]: 1 })
    }
    // Soon, whatever it is.
    assert.strictEqual(Object.keys(weights("a ".repeat(100_000) + "!")).length, 1)
    assert.strictEqual(Object.keys(weights("a 1 ".repeat(100_000))).length, 1)
    assert.strictEqual(Object.keys(weights("<think>".repeat(100_000))).length, 1)
    assert.strictEqual(Object.keys(weights("<|object_ref_start|>".repeat(20_000))).length, 1)
  })

  it("of blanks alone between two words are read in time that grows with their length", () => {
    const before = process.cpuUsage()
    for (const blank of [" ", "\t", "\u00a0", "\n"]) {
      Answer.read(`n${blank.repeat(20_000)}!`)
      Answer.read(`n${`${blank}n`.repeat(20_000)}!`)
    }
    const { system, user } = process.cpuUsage(before)
    assert.isBelow((user + system) / 1000, 2000)
    assert.deepStrictEqual(
      Answer.read("light  rain: 70%,\n sun  30 % "),
      Result.succeed({ kind: "weights", told: "numbers", weights: new Map([["light  rain", 70], ["sun", 30]]) })
    )
  })
})
