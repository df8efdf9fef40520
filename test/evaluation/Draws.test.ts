/** Several answers as one: the mean's figures, not the mean of the figures. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as Reward from "../../src/dsl/Reward.ts"
import type { Sample } from "../../src/dsl/Task.ts"
import { combined } from "../../src/evaluation/Draws.ts"
import type { Given } from "../../src/evaluation/measure.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import { Classification, type Distribution, Emotion6 } from "../../src/tasks/classification/index.ts"

const { labels, task } = Emotion6
const sample: Sample<Distribution> = {
  image: Image.encoded("a.png", new Uint8Array(1)),
  truth: [0, 0, 0, 0.5, 0, 0, 0.5]
}
const draw = (annotation: Distribution, text: string): Given<Distribution> => ({
  text,
  tokens: 5,
  annotation: Option.some(annotation),
  reasoning: Option.some(text),
  verdict: "ok",
  detail: Option.none(),
  reward: Reward.similarity(task, sample.truth, annotation)
})
const unread: Given<Distribution> = {
  ...draw(sample.truth, "hm"),
  annotation: Option.none(),
  verdict: "format-reasoning",
  reward: 0
}

describe("combined", () => {
  it.effect("is paid for what the readable draws come to", () =>
    Effect.gen(function*() {
      const [joy, neutral]: ReadonlyArray<Distribution> = [[0, 0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1]]
      const found = yield* combined(task, sample, [unread, draw(joy!, "glad"), draw(neutral!, "calm")])
      assert.deepStrictEqual(Option.getOrThrow(found.annotation), sample.truth)
      assert.closeTo(found.reward, 1, 1e-12)
      assert.strictEqual(found.verdict, "ok")
      assert.include(["glad", "calm"], found.text)
      assert.strictEqual(found.tokens, 15)
    }))

  it.effect("is as sure of single answers as draws agree", () =>
    Effect.gen(function*() {
      const single = { ...task, ...Classification.make({ name: "x", labels, subject: "x", answer: "single" }) }
      const [joy, fear]: ReadonlyArray<Distribution> = labels.slice(0, 2).map((_, at) =>
        labels.map((_, i) => +(i === at))
      )
      const all = [draw(joy!, "glad"), draw(fear!, "afraid"), draw(joy!, "merry"), unread] as const
      const found = yield* combined(single, sample, [{ ...all[0], confidence: 0.99 }, ...all.slice(1)])
      assert.strictEqual(found.confidence, 0.5)
      assert.isUndefined((yield* combined(task, sample, all)).confidence)
    }))

  it.effect("is the first draw where none can be read, and the only one as it is", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* combined(task, sample, [unread]), unread)
      assert.deepStrictEqual(yield* combined(task, sample, [unread, unread]), { ...unread, tokens: 10 })
    }))
})
