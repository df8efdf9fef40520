import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import { Run } from "../../src/dsl/Run.ts"
import { evaluate } from "../../src/evaluation/evaluate.ts"
import { figure } from "../../src/evaluation/Results.ts"
import { annotate } from "../../src/pipelines/annotate.ts"
import { logs } from "../dsl/logs.ts"
import * as Stub from "../dsl/StubPolicy.ts"

const live = (bias: Stub.Options["bias"] & {}) =>
  Layer.mergeAll(Stub.layer({ bias }), Run.layerMemory({ seed: 0 }), Layer.succeed(Progress, silent)).pipe(
    Layer.provideMerge(Stub.Trace.layer),
    Layer.provideMerge(NodeServices.layer)
  )

const joyful = "<think>we can see a bright festive smile here</think><answer>joy</answer>"

describe("evaluate", () => {
  const options = {
    method: "m",
    task: Stub.Mood,
    data: Stub.data(12),
    cuesNamed: (text: string) => /festive/.test(text) ? ["joy face", "made up"] : []
  }

  it.effect("scores what was written, whatever was written", () =>
    Effect.gen(function*() {
      const rows = yield* evaluate(options)
      const value = (metric: string, part = "all") => Option.getOrThrow(figure(rows, "m", part, metric))
      assert.closeTo(value("error"), 8 / 12, 1e-12)
      assert.strictEqual(value("valid"), 1)
      assert.closeTo(value("reward"), (4 + 8 * 0.2) / 12, 1e-12)
      // Each of 12 names two cues, of which one is there for the 4 joyful pictures; every picture has one cue.
      assert.closeTo(value("cue precision"), 4 / 24, 1e-12)
      assert.closeTo(value("cue recall"), 4 / 12, 1e-12)
      assert.isTrue(rows.every(({ n, part }) => n === (part === "all" ? 12 : 6)))
    }).pipe(Effect.provide(live({ [joyful]: 9 }))))

  it.effect("counts an invalid answer as invalid, and its reasoning not as grounded", () =>
    Effect.gen(function*() {
      const rows = yield* evaluate(options)
      const value = (metric: string) => Option.getOrThrow(figure(rows, "m", "all", metric))
      assert.deepStrictEqual([value("error"), value("valid"), value("reward"), value("cue recall")], [1, 0, 0, 0])
    }).pipe(Effect.provide(live({ hm: 9 }))))

  it.effect("says of answers without a reasoning how they are measured, and of others nothing", () =>
    Effect.gen(function*() {
      // The policy answers alone, whatever it is asked for.
      const prompts = { ...Stub.Mood.prompts, annotate: "Name the mood." }
      const bareOf = (said: string, form: "think" | "answer" = "think") =>
        Effect.map(
          logs(evaluate({ ...options, task: { ...Stub.Mood, prompts }, form, grammar: "off" })).pipe(
            Effect.provide(live({ [said]: 50 }))
          ),
          ({ lines }) => lines.filter((line) => line.includes("answer alone"))
        )
      assert.deepStrictEqual(yield* bareOf("joy"), [
        "m: no answer is valid, as none of 12 begins with its reasoning (<think>); 12 are answers alone, which can " +
        "be read. A model that was taught to answer alone (Rise.answers) is measured with form: \"answer\""
      ])
      assert.deepStrictEqual(yield* bareOf("joy", "answer"), [])
      assert.match((yield* bareOf("potato")).join(), /none of 12 begins with its reasoning \(<think>\)\. A model/)
      const { lines } = yield* logs(evaluate({ ...options, grammar: "off" })).pipe(
        Effect.provide(live({ [joyful]: 9 }))
      )
      assert.deepStrictEqual(lines, [])
    }))

  const festive = (mood: string) => `<think>we can see a bright festive smile here</think><answer>${mood}</answer>`

  it.effect("combines several draws as annotating does, and counts one answer a picture", () =>
    Effect.gen(function*() {
      const rows = yield* evaluate({ ...options, grammar: "off", samples: 9 })
      const value = (metric: string) => Option.getOrThrow(figure(rows, "m", "all", metric))
      const found = yield* Stub.data(12).pipe(
        Stream.map(({ image }) => image),
        annotate(Stub.Mood, { samples: 9, grammar: "off" }),
        Stream.runCollect
      )
      assert.isTrue(rows.every(({ n, part }) => n === (part === "all" ? 12 : 6)))
      assert.strictEqual(value("valid"), 1)
      // Draws have keys of their own; most of nine say joy all the same, as joy is three times as likely as fear.
      assert.isAbove(found.filter(({ annotation }) => Option.getOrNull(annotation) === "joy").length, 8)
      assert.closeTo(value("reward"), (4 + 8 * 0.2) / 12, 0.1)
      const keys = (yield* Stub.Trace).keys
      assert.include(keys, "evaluate/sample=joy-0/draw=8")
      assert.strictEqual(keys.filter((key) => key.startsWith("evaluate/")).length, 12 * 9)
    }).pipe(Effect.provide(live({ [festive("joy")]: 6, [festive("fear")]: 4.9, hm: 5 }))))

  const bad: ReadonlyArray<readonly [name: string, value: unknown, expected: string]> = [
    ["form", "thinking", "\"think\" or \"answer\""],
    ["maxTokens", Number.NaN, "a whole number from 1"],
    ["maxTokens", "224", "a whole number from 1"],
    ["grammar", "on", "\"both\" or \"mask\" or \"off\""],
    ["samples", 0, "a whole number from 1 to 65536"],
    ["method", "", "the name of the row that it becomes"],
    ["cuesNamed", "festive", "a function of a text"],
    ["shots", 4, "\"full\", or training samples per class"],
    ["data", [], "a stream of samples"],
    [
      "maxtokens",
      8,
      "no setting of this name: there are method, task, data, form, maxTokens, grammar, samples, cuesNamed, shots: " +
      "did you mean maxTokens?"
    ]
  ]
  for (const [name, value, expected] of bad) {
    it.effect(`refuses ${name} ${JSON.stringify(value)} before anything is asked`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(evaluate({ ...options, [name]: value }))
        const shown = typeof value === "number" ? String(value) : JSON.stringify(value)
        assert.deepStrictEqual([error._tag, error.message], [
          "BadSetting",
          `evaluate: ${name} is ${shown}, expected ${expected}`
        ])
        assert.strictEqual((yield* Stub.Trace).sessions, 0)
      }).pipe(Effect.provide(live({ [joyful]: 9 }))))
  }
})
