import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { meanBoxes } from "../../src/sources/means.ts"
import { type Annotation, Box } from "../../src/tasks/detection/index.ts"

const box = (x: number) => Box.make("thousandths", [x, x, 100, 100])
const labelled = (label: string, x: number): Annotation<"thousandths"> => [{ box: box(x), label }]

const meanOf = (truths: ReadonlyArray<Annotation<"thousandths">>) =>
  Effect.runSync(meanBoxes(Stream.fromIterable(truths)))

describe("the mean annotation of pictures with boxes", () => {
  it("has a box for each label that half of the pictures have", () => {
    const both = [...labelled("cat", 0), ...labelled("dog", 300)]
    const found = meanOf([both, both, [...labelled("cat", 200), ...labelled("owl", 9)]])
    assert.deepStrictEqual(found.map(({ box: [x], label }) => [label, Math.round(x)]), [["cat", 67], ["dog", 300]])
  })

  it("has one box where no label is that common, also where several are as common as each other", () => {
    const found = meanOf(["cat", "dog", "owl"].flatMap((label) => [labelled(label, 0), labelled(label, 200)]))
    assert.deepStrictEqual(found, [{ box: box(100), label: "cat" }])
  })

  it("has no box where nothing is boxed, and counts no crowd", () => {
    assert.deepStrictEqual(meanOf([]), [])
    assert.deepStrictEqual(meanOf([[]]), [])
    assert.deepStrictEqual(meanOf([[{ box: box(0), label: "cat", crowd: true }]]), [])
  })
})
