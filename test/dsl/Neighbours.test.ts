/** Answers of other lessons: what is taught of them, and what is not; pictures that are no lessons. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Neighbours from "../../src/dsl/stages/Neighbours.ts"
import * as Others from "../../src/dsl/stages/Others.ts"
import * as ThinkAnswer from "../../src/dsl/ThinkAnswer.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import type { TargetSegment } from "../../src/policy/Policy.ts"

const answer = (text: string, i = 0, form: Neighbours.Taught["form"] = "answer"): Neighbours.Taught => ({
  prompt: { text: `prompt ${i}`, images: [] },
  form,
  target: form === "answer"
    ? [{ text, weight: 10 }]
    : ThinkAnswer.segments(`reason ${i}`, { text, weight: 10 })
})

const written = (target: ReadonlyArray<TargetSegment>) => target.map(({ text }) => text).join("")

describe("a neighbour's answer", () => {
  it("parts from a lesson's own behind the word that parts them", () => {
    for (
      const [own, other, rest] of [
        ["joy 60 neutral 40", "fear 50 joy 50", " 50 joy 50"],
        ["joy 60 neutral 40", "joy 50 fear 50", " fear 50"],
        ["joy 60 neutral 40", "joy 60 fear 40", " 40"],
        ["joy 60 neutral 40", "joy 60 neutral 30 fear 10", " fear 10"],
        // A word that goes on is parted from by what stands in its place.
        ["joy 60", "joy 6 fear 4", " 4"],
        ["joy 60", "joy 60 fear 4", " 4"],
        ["joy", "fear", ""],
        ["", "joy 60", " 60"]
      ] as const
    ) {
      const from = Neighbours.parting(own, other)
      assert.strictEqual(from === undefined ? undefined : other.slice(from), rest, `${own} | ${other}`)
    }
    for (const [own, other] of [["joy 60", "joy 60"], ["joy 60 fear 40", "joy 60"], ["joy 60", ""]] as const) {
      assert.isUndefined(Neighbours.parting(own, other), `${own} | ${other}`)
    }
  })

  it("is taught from there on, with its picture's own reasoning before it", () => {
    const batch = [
      answer("joy 60 neutral 40", 0, "think"),
      answer("fear 100", 1),
      answer("joy 60 fear 40", 2, "think"),
      answer("joy 50 fear 50", 3)
    ]
    const made = Neighbours.of(batch, 5)
    assert.deepStrictEqual(made.map(({ prompt }) => prompt.text), ["prompt 0", "prompt 1", "prompt 2", "prompt 3"])
    assert.deepStrictEqual(made[0]?.target, [
      { text: "<think>reason 0</think><answer>joy 60 fear", weight: 0 },
      { text: " 40", weight: 5 },
      { text: "</answer>", weight: 5 }
    ])
    assert.deepStrictEqual(made[1]?.target, [{ text: "joy", weight: 0 }, { text: " 50 fear 50", weight: 5 }])
    // Behind the last stands the first of its form.
    assert.strictEqual(
      written(made[2]?.target ?? []),
      "<think>reason 2</think><answer>joy 60 neutral 40</answer>"
    )
    assert.strictEqual(written(made[3]?.target ?? []), "fear 100")
  })

  it("is not taught where the two do not part, where there is none, and at no weight", () => {
    const one = answer("joy 100")
    assert.deepStrictEqual(Neighbours.of([one, answer("joy 100", 1)], 1), [])
    assert.deepStrictEqual(Neighbours.of([one], 1), [])
    assert.deepStrictEqual(Neighbours.of([one, answer("fear 1", 1, "think")], 1), [])
    assert.deepStrictEqual(Neighbours.of([one, answer("fear 1", 1)], 0), [])
    assert.lengthOf(Neighbours.of([one, answer("fear 1", 1), answer("fear 2", 2)], 1), 3)
  })
})

describe("pictures to practise on", () => {
  const sampleOf = (id: number) => ({
    image: Image.rendered(String(id), () => assert.fail("no picture is read")),
    truth: id
  })
  const ids = (lessons: ReadonlyArray<number>) =>
    Effect.gen(function*() {
      const data = Stream.fromIterable([0, 1, 2, 3].map(sampleOf))
      const found = yield* Others.of(data, Stream.fromIterable(lessons.map((id) => ({ sample: sampleOf(id) }))))
      return [...yield* Stream.runCollect(found)].map(({ truth }) => truth)
    })

  it.effect("are those that no lesson is about; all of them, where there is a lesson about each", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* ids([2, 0]), [1, 3])
      assert.deepStrictEqual(yield* ids([0, 1, 2, 3]), [0, 1, 2, 3])
    }))
})
