/** Tasks that are written down and read back: the same prompts, answers and figures; and what is no task. */
import { assert, describe, it } from "@effect/vitest"
import { Option, Result } from "effect"
import * as Reward from "../../src/dsl/Reward.ts"
import type { Task } from "../../src/dsl/Task.ts"
import { Classification, Emotion6, ImagenetSub } from "../../src/tasks/classification/index.ts"
import { Box, BoxCodec, CocoSub, Detection, Lisa } from "../../src/tasks/detection/index.ts"
import { read, type SavedTask } from "../../src/tasks/Saved.ts"

/** Through text, as through a file. */
const again = ({ described }: Task<any>): SavedTask =>
  Result.getOrThrow(read(JSON.parse(JSON.stringify(described) ?? "null")))

const promptsOf = ({ prompts }: Task<any>) => ({
  ...prompts,
  reason: prompts.reason("$& {reasoning} {annotation}"),
  reconstruct: prompts.reconstruct("$1 {annotation}")
})

describe("a task that was written down", () => {
  it("is the one that was made: classification", () => {
    const own = Classification.make({
      name: "weather",
      labels: ["a sun", "rain"],
      subject: "sky",
      answer: "single",
      similarity: "literal",
      leakage: { labels: "forbid" },
      prompts: { reason: (annotation) => `${annotation}? ${annotation}!`, annotate: "{question} Which?" }
    })
    for (const task of [Emotion6.task, ImagenetSub.embedded, ImagenetSub.task, own]) {
      const saved = again(task)
      if (saved.kind !== "classification") throw new Error(saved.kind)
      assert.deepStrictEqual([saved.task.name, saved.task.labels], [task.name, task.labels])
      assert.deepStrictEqual(promptsOf(saved.task), promptsOf(task))
      assert.deepStrictEqual(saved.task.described, task.described)
      const truth = task.labels.map((_, i) => i === 1 ? 1 : 0)
      const written = task.encode(truth)
      assert.deepStrictEqual([saved.task.encode(truth), saved.task.decode(written)], [written, task.decode(written)])
      const flat = task.labels.map(() => 1 / task.labels.length)
      assert.strictEqual(Reward.similarity(saved.task, truth, flat), Reward.similarity(task, truth, flat))
      assert.deepStrictEqual(saved.task.metrics, task.metrics)
      const naming = `It must be ${task.labels[0]} and ${task.labels[1]}.`
      assert.deepStrictEqual(saved.task.leaks?.(naming, truth), task.leaks?.(naming, truth))
    }
    const saved = again(own)
    assert.strictEqual(saved.kind === "classification" && saved.answer, "single")
    assert.isTrue(Option.isSome(own.leaks!("It is rain.", [0, 1])), "what the comparison above is worth")
  })

  it("is the one that was made: detection", () => {
    const own = Detection.make({
      name: "shelter",
      subject: "what keeps you dry",
      codec: BoxCodec.make({
        space: "resized",
        order: "xyxy",
        style: "json",
        labels: ["a tent"],
        frame: Box.resized({ width: 280, height: 140 }),
        step: 5,
        outside: "reject"
      }),
      targets: "single",
      denominator: "max",
      badBox: "drop",
      leakage: { labels: "forbid" }
    })
    for (const task of [CocoSub.embedded, CocoSub.task, Lisa.embedded, Lisa.task, own] as ReadonlyArray<any>) {
      const saved = again(task)
      if (saved.kind !== "detection") throw new Error(saved.kind)
      const mine: Detection.Detection<any> = task
      assert.strictEqual(saved.space, mine.codec.space)
      assert.deepStrictEqual(promptsOf(saved.task), promptsOf(mine))
      assert.deepStrictEqual(saved.task.described, mine.described)
      const other: Detection.Detection<any> = saved.task
      const [label] = mine.codec.labels ?? []
      const target = { box: Box.make(mine.codec.space, [13, 17, 52, 41]), ...label === undefined ? {} : { label } }
      const text = mine.encode([target])
      assert.deepStrictEqual([other.encode([target]), other.decode(text)], [text, mine.decode(text)])
      const outside = text.replace(/\d+(?=\])/, "5000")
      assert.deepStrictEqual(other.decode(outside), mine.decode(outside))
      const wide = { ...target, box: Box.make(mine.codec.space, [13, 17, 60, 41]) }
      const predicted = [wide, target]
      assert.strictEqual(Reward.similarity(other, [target], predicted), Reward.similarity(mine, [target], predicted))
    }
  })

  it("is none where it cannot be written down", () => {
    const labels = ["a", "b"]
    const make = (prompts: Classification.Definition["prompts"]) =>
      Classification.make({ name: "x", labels, subject: "s", prompts: prompts! }).described
    assert.isUndefined(make({ reason: (annotation) => annotation.toUpperCase() }), "no template")
    assert.isUndefined(make({ reason: (annotation) => `{annotation} ${annotation}` }), "its own placeholder")
    assert.isUndefined(
      make({
        reconstruct: () => {
          throw new Error("no")
        }
      }),
      "throws"
    )
    assert.isDefined(make({ reason: () => "Why?" }), "says the same about all")
    const { definition: _, ...codec } = BoxCodec.scenes()
    assert.isUndefined(Detection.make({ name: "x", subject: "s", codec }).described, "a codec of one's own")
  })

  it("says what is wrong with what it is read from", () => {
    const good = Emotion6.task.described as Record<string, unknown>
    const boxes = CocoSub.embedded.described as Record<string, any>
    const cases: ReadonlyArray<readonly [unknown, RegExp]> = [
      [null, /no description of a task: it has no version and no kind/],
      [[good], /no description of a task/],
      [{ ...good, version: 2 }, /it is of version 2, this release reads 1: install a later one/],
      [{ ...good, kind: "captions" }, /its kind is "captions", expected one of classification, detection/],
      [{ ...good, labels: ["a"] }, /at least 2 labels, got 1/],
      [{ ...good, labels: ["a", "a"] }, /"a" is listed twice/],
      [{ ...good, labels: ["a", 7] }, /Expected string[^]*labels/],
      [{ ...good, labels: ["a", "\u001b[31mred"] }, /labels/],
      [{ ...good, name: "../evil" }, /expected one that a file can bear/],
      [{ ...good, name: undefined }, /name/],
      [{ ...good, prompts: { annotate: "x" } }, /prompts/],
      [{ ...boxes, labels: [], codec: { ...boxes["codec"], step: 0 } }, /step/],
      [{ ...boxes, codec: { ...boxes["codec"], step: Infinity } }, /step/],
      [{ ...boxes, codec: { ...boxes["codec"], decimals: 400 } }, /decimals/],
      [{ ...boxes, codec: { ...boxes["codec"], style: "list" } }, /have no place for a label/],
      [{ ...boxes, codec: { ...boxes["codec"], frame: { space: "unit", width: 1, height: 1 } } }, /frame is in unit/]
    ]
    for (const [json, expected] of cases) {
      const reason = Result.getOrThrow(Result.flip(read(json)))
      assert.match(reason, expected)
      assert.notInclude(reason, "\n")
    }
  })
})
