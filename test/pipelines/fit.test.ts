import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema, Stream } from "effect"
import { everything, lines, total, within } from "../../src/pipelines/budget.ts"
import * as Config from "../../src/pipelines/Config.ts"
import { cost, embeddedPace } from "../../src/pipelines/cost.ts"
import { factsOf } from "../../src/pipelines/facts.ts"
import { fit, rateOf } from "../../src/pipelines/fit.ts"
import { paper, presets, quick } from "../../src/pipelines/Presets.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"

const Facts = Schema.Struct({
  parameters: Schema.Int.check(Schema.isBetween({ minimum: 1e5, maximum: 1e11 })),
  adapter: Schema.Boolean,
  samples: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1e6 })),
  answer: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 512 }))
})

describe("rateOf", () => {
  it("is what was measured at the embedded size, the paper's at 2 billion, ten times as much for an adapter", () => {
    assert.strictEqual(rateOf({ parameters: 2.1e6, adapter: false }), 6e-4)
    assert.closeTo(rateOf({ parameters: 2.2e9, adapter: false }), paper.sft.learningRate!, 2e-6)
    assert.closeTo(rateOf({ parameters: 2.2e9, adapter: true }), 10 * paper.sft.learningRate!, 2e-5)
  })

  it.prop("falls with the size of a model, and never passes 1e-3", [Facts, Facts], ([a, b]) => {
    const [small, large] = a.parameters <= b.parameters ? [a, b] : [b, a]
    const rate = ({ parameters }: typeof a) => rateOf({ parameters, adapter: false })
    assert.isAtLeast(rate(small), rate(large))
    assert.isAtMost(rateOf(a), 1e-3)
    assert.isAbove(rateOf(a), 0)
  })
})

describe("fit", () => {
  it.prop("gives settings that every stage accepts, and that hold pictures out to select on", [Facts], ([facts]) => {
    const { name, ...settings } = fit(facts)
    assert.strictEqual(name, "fitted")
    const decoded = Config.decode("fitted", JSON.parse(JSON.stringify(settings)))
    if (Result.isFailure(decoded)) return assert.fail(decoded.failure.message)
    assert.isAbove(settings.validation, 0)
    // A text has room for its reasoning, its annotation and the tags around them.
    assert.isAtLeast(settings.rft.maxTokens!, settings.generate.maxTokens! + facts.answer)
    assert.isAtLeast(settings.reconstruct.maxTokens!, facts.answer)
  })

  it("holds a quarter of a small model's lessons to their format, keeps a last stage only where it is better", () => {
    const of = (parameters: number) => fit({ parameters, adapter: false, samples: 60, answer: 6 })
    const { batchSize, practice } = of(2e6).sft
    assert.deepStrictEqual([practice?.of, practice?.texts], ["lessons", batchSize! / 4])
    assert.isUndefined(of(2e9).sft.practice)
    assert.deepStrictEqual([2e6, 2e9].map((parameters) => of(parameters).rft.select?.ties), ["start", "start"])
  })

  it("gives more steps to more data", () => {
    const steps = (samples: number) => fit({ parameters: 2e6, adapter: false, samples, answer: 8 }).sft.steps!
    assert.deepStrictEqual([60, 300, 700, 100_000].map(steps), [250, 375, 500, 6250])
  })
})

describe("factsOf", () => {
  it.effect("counts the weights of a model, the samples and the longest annotation", () =>
    Effect.gen(function*() {
      const truths = [[1, 0, 0, 0, 0, 0, 0], [0, 0.5, 0.5, 0, 0, 0, 0]]
      const data = Stream.fromIterable(truths.map((truth, i) => (
        { image: { id: `${i}`, source: { _tag: "File", path: "" } } as never, truth }
      )))
      const facts = yield* factsOf({ task: Emotion6.task, data, model: "embedded" })
      assert.deepStrictEqual(facts, {
        parameters: 2_108_192,
        adapter: false,
        samples: 2,
        answer: "disgust 50 fear 50".length
      })
      const absent = yield* Effect.flip(factsOf({ task: Emotion6.task, data, model: "/nowhere" }))
      assert.include(absent.message, "/nowhere")
    }).pipe(Effect.provide(NodeServices.layer)))
})

describe("budget", () => {
  const sizes = { train: 700, test: 300 }
  const methods = ["SFT", "Visual-RFT", "RISE"] as const

  it("counts for the quick preset about what it takes on two cores: three to five minutes", () => {
    const seconds = total(lines(quick, methods, sizes, embeddedPace))
    assert.isTrue(seconds > 150 && seconds < 300, String(seconds))
  })

  it("adds up what the stages cost, the warm-up once", () => {
    const { evaluate, explain, imageSwap, reinforce, rft, sft, warmUp } = cost(quick, sizes, embeddedPace)
    const all = lines(quick, methods, sizes, embeddedPace)
    assert.closeTo(total(all), warmUp + 2 * (sft + rft) + reinforce + explain + 5 * evaluate + 4 * imageSwap, 1e-9)
    assert.deepStrictEqual(all.map(({ stage }) => stage), [
      "base/evaluate",
      "warm-up",
      "warmed/evaluate",
      "SFT/sft",
      "SFT/evaluate",
      "Visual-RFT/rft",
      "Visual-RFT/evaluate",
      "RISE/reinforce",
      "RISE/explain",
      "RISE/sft",
      "RISE/rft",
      "RISE/evaluate",
      "base/image-swap",
      "warmed/image-swap",
      "Visual-RFT/image-swap",
      "RISE/image-swap"
    ])
  })

  it("leaves a preset alone that fits", () => {
    const found = within(3600, quick, methods, sizes, embeddedPace)
    assert.deepStrictEqual(found, Result.succeed({ preset: quick, left: everything }))
  })

  const Seconds = Schema.Finite.check(Schema.isBetween({ minimum: 1, maximum: 2000 }))
  it.prop("fits into its time, or says what it takes at the least", [Seconds], ([seconds]) => {
    for (const preset of [quick, presets.full, presets.photos]) {
      const found = within(seconds, preset, methods, sizes, embeddedPace)
      if (Result.isSuccess(found)) {
        assert.isAtMost(total(lines(found.success.preset, methods, sizes, embeddedPace)), seconds)
      } else {
        assert.isAbove(found.failure, seconds)
        assert.isTrue(Result.isSuccess(within(found.failure + 1, preset, methods, sizes, embeddedPace)))
      }
    }
  })

  it("looks at validation as often with fewer steps", () => {
    const { left, preset } = Result.getOrThrow(within(60, quick, ["RISE"], sizes, embeddedPace))
    assert.isBelow(left.taught, 1)
    const looks = (
      { select, steps }: { readonly steps?: number; readonly select?: { readonly every: number } | null }
    ) => Math.ceil(steps! / select!.every)
    assert.strictEqual(looks(preset.sft), looks(quick.sft))
  })
})
