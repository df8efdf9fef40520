/** A format by lessons alone: what is taught of another lesson's answer, and what is not. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ByLessons from "../../src/dsl/stages/ByLessons.ts"
import * as Practice from "../../src/dsl/stages/Practice.ts"
import * as ThinkAnswer from "../../src/dsl/ThinkAnswer.ts"
import type { TargetSegment } from "../../src/policy/Policy.ts"

const answer = (text: string, i = 0, form: Practice.Exercise["form"] = "answer"): Practice.Exercise => ({
  prompt: { text: `prompt ${i}`, images: [] },
  form,
  key: String(i),
  target: form === "answer"
    ? [{ text, weight: 10 }]
    : ThinkAnswer.segments(`reason ${i}`, { text, weight: 10 })
})

const written = (target: ReadonlyArray<TargetSegment>) => target.map(({ text }) => text).join("")

describe("practice by lessons", () => {
  it("finds where one answer parts from another, behind the word that parts them", () => {
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
      const from = ByLessons.parting(own, other)
      assert.strictEqual(from === undefined ? undefined : other.slice(from), rest, `${own} | ${other}`)
    }
    for (const [own, other] of [["joy 60", "joy 60"], ["joy 60 fear 40", "joy 60"], ["joy 60", ""]] as const) {
      assert.isUndefined(ByLessons.parting(own, other), `${own} | ${other}`)
    }
  })

  it("teaches the next lesson's answer from there on, with its picture's own reasoning before it", () => {
    const batch = [
      answer("joy 60 neutral 40", 0, "think"),
      answer("fear 100", 1),
      answer("joy 60 fear 40", 2, "think"),
      answer("joy 50 fear 50", 3)
    ]
    const made = ByLessons.of(batch, { texts: 4, weight: 5 })
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

  it("teaches nothing where answers do not part, where there is no other, and of more than it was told to", () => {
    const one = answer("joy 100")
    assert.deepStrictEqual(ByLessons.of([one, answer("joy 100", 1)], { texts: 2, weight: 1 }), [])
    assert.deepStrictEqual(ByLessons.of([one], { texts: 1, weight: 1 }), [])
    assert.deepStrictEqual(ByLessons.of([one, answer("fear 1", 1, "think")], { texts: 2, weight: 1 }), [])
    assert.lengthOf(ByLessons.of([one, answer("fear 1", 1), answer("fear 2", 2)], { texts: 1, weight: 1 }), 1)
  })

  it.effect("is refused of texts of its own, which are no lessons", () =>
    Effect.gen(function*() {
      const practice = { texts: 1, weight: 1, maxTokens: 8, by: "lessons", of: "own" } as const
      const error = yield* Effect.flip(Practice.fits("sft", { practice }, 4))
      assert.match(error.message, /practice\.of is "own", expected "lessons" where practice\.by is "lessons"/)
    }))
})
