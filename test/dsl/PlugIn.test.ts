/** A task's own code that throws or gives what it must not: said with task and sample, whoever called it. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, FileSystem, Layer, Option, Result, Schema, Stream } from "effect"
import * as PlugIn from "../../src/dsl/PlugIn.ts"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import * as Task from "../../src/dsl/Task.ts"
import { evaluate } from "../../src/evaluation/evaluate.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import { Policy } from "../../src/policy/Policy.ts"
import { Classification } from "../../src/tasks/classification/index.ts"
import { Box, BoxCodec, Detection } from "../../src/tasks/detection/index.ts"
import * as Stub from "./StubPolicy.ts"

type Mood = Task.Task<Stub.Label>
type Work = Effect.Effect<unknown, unknown, Policy | Run | FileSystem.FileSystem>

const live = Layer.mergeAll(
  Stub.layer({ seed: 1 }),
  Run.layerMemory({ seed: 1 }),
  Layer.succeed(Progress, silent)
).pipe(Layer.provide(Stub.Trace.layer), Layer.provideMerge(NodeServices.layer))

const failure = (work: Work) => Effect.map(Effect.flip(Effect.provide(work, live)), (error) => (error as Error).message)

const boom = (): never => {
  throw new Error("boom")
}
/** Code that the types forbid. */
const none = (() => undefined) as never

const prompts = (members: Partial<Record<keyof Task.Prompts, unknown>>): Mood => ({
  ...Stub.Mood,
  prompts: { ...Stub.Mood.prompts, ...members } as Task.Prompts
})
const metric = (of: () => number): Mood => ({ ...Stub.Mood, metrics: [{ name: "error", direction: "lower", of }] })
const counting = (items: () => number): Mood => ({
  ...Stub.Mood,
  metrics: [{ name: "error", direction: "lower", of: () => 0, items }]
})
const set = (value: number): Mood => ({
  ...Stub.Mood,
  setMetric: () => ({ add: () => {}, figures: () => ({ mAP: value }) })
})

const loop = (task: Mood) =>
  Rise.make(task, Stub.data(4)).pipe(
    Rise.generate({ candidates: 2 }),
    Rise.reconstruct(),
    Rise.validate(),
    Rise.reinforce({ steps: 1 }),
    Rise.train
  )
const rft = (task: Mood) => Rise.make(task, Stub.data(4)).pipe(Rise.rft({ steps: 1 }), Rise.train)
const masked = (task: Mood) => Rise.make(task, Stub.data(4)).pipe(Rise.rft({ steps: 1, grammar: "mask" }), Rise.train)
const sft = (task: Mood) =>
  Rise.make(task, Stub.data(4)).pipe(Rise.answers(), Rise.sft({ steps: 1, batchSize: 1 }), Rise.train)
const warm = (task: Mood) => Rise.make(task, Stub.data(4)).pipe(Rise.warmUp({ share: 1, steps: 1 }), Rise.train)
const selected = (task: Mood) =>
  Rise.make(task, Stub.data(8), { validation: 0.5 }).pipe(
    Rise.answers(),
    Rise.sft({ steps: 1, select: { every: 1 } }),
    Rise.train
  )
const measured = (task: Mood) => evaluate({ method: "model", task, data: Stub.data(4) })

describe("a task's code", () => {
  const cases: ReadonlyArray<readonly [string, Work, RegExp]> = [
    ["reason throws", loop(prompts({ reason: boom })), /^task "mood", sample \S+: prompts\.reason threw Error: boom$/],
    [
      "reason gives no text",
      warm(prompts({ reason: none })),
      /sample \S+: prompts\.reason gave undefined, expected a t/
    ],
    ["reconstruct throws", loop(prompts({ reconstruct: boom })), /sample \S+: prompts\.reconstruct threw Error: boom$/],
    ["annotate is no text", rft(prompts({ annotate: 1 })), /sample \S+: prompts\.annotate gave 1, expected a text$/],
    [
      "answerOnly is none",
      sft(prompts({ answerOnly: null })),
      /sample \S+: prompts\.answerOnly gave null, expected a t/
    ],
    ["encode throws", sft({ ...Stub.Mood, encode: boom }), /sample \S+: encode threw Error: boom$/],
    [
      "encode gives no text",
      loop({ ...Stub.Mood, encode: none }),
      /sample \S+: encode gave undefined, expected a text$/
    ],
    ["encode of a test sample", measured({ ...Stub.Mood, encode: none }), /sample \S+: encode gave undefined/],
    [
      "decode gives no Result",
      rft({ ...Stub.Mood, decode: none }),
      /sample \S+: decode gave undefined, expected a Res/
    ],
    [
      "leaks gives no Option",
      loop({ ...Stub.Mood, leaks: none }),
      /sample \S+: leaks gave undefined, expected an Option/
    ],
    [
      "grammar throws",
      masked({ ...Stub.Mood, grammar: boom }),
      /^task "mood": grammar threw Error: boom$/
    ],
    [
      "grammar gives no effect",
      masked({ ...Stub.Mood, grammar: none }),
      /^task "mood": grammar gave undefined, expected an Effect$/
    ],
    ["a similarity of NaN", rft({ ...Stub.Mood, similarity: () => NaN }), /sample \S+: similarity returned NaN/],
    [
      "a metric of NaN",
      measured(metric(() => NaN)),
      /^task "mood", sample joy-0: metric "error" gave NaN, expected a fin/
    ],
    [
      "no figure of a metric",
      measured(metric(none)),
      /sample joy-0: metric "error" gave undefined, expected a finite n/
    ],
    ["an infinite metric", measured(metric(() => Infinity)), /sample joy-0: metric "error" gave Infinity/],
    ["a metric that throws", measured(metric(boom)), /sample joy-0: its code threw Error: boom/],
    [
      "items that are no count",
      measured(counting(() => NaN)),
      /^task "mood", sample joy-0: items of metric "error" gave NaN, expected a whole number from 0 on$/
    ],
    [
      "items of less than none",
      measured(counting(() => -1)),
      /sample joy-0: items of metric "error" gave -1, expected/
    ],
    ["items of nothing", measured(counting(none)), /sample joy-0: items of metric "error" gave undefined, expected/],
    ["a metric that selects", selected(metric(() => NaN)), /sample \S+: metric "error" gave NaN, expected a finite/],
    [
      "a figure of a set",
      measured(set(NaN)),
      /^task "mood": setMetric figure "mAP" gave NaN, expected a finite number$/
    ],
    [
      "a set that throws",
      measured({ ...Stub.Mood, setMetric: () => ({ add: boom, figures: () => ({}) }) }),
      /sample joy-0: its code threw Error: boom/
    ]
  ]
  for (const [name, work, expected] of cases) {
    it.effect(`${name}: an error with task and sample`, () =>
      Effect.map(failure(work), (message) => assert.match(message, expected)))
  }

  it.effect("a run whose prompts throw is an error before its folder is made", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/run`
      const error = yield* Rise.make(prompts({ reason: boom }), Stub.data(4)).pipe(
        Rise.rft({ steps: 1 }),
        Rise.run({ out }),
        Effect.flip
      )
      assert.strictEqual(error.message, `task "mood": prompts.reason threw Error: boom`)
      assert.isFalse(yield* fs.exists(out))
    })).pipe(Effect.provide(live)))

  it.effect("an annotation that holds a control token is refused before the model is taught with it", () =>
    Effect.gen(function*() {
      for (const token of ["<|im_end|>", "<|image_pad|>", "</think>", "<answer>"]) {
        const message = yield* failure(sft({ ...Stub.Mood, encode: () => `calm ${token}` }))
        assert.match(message, /^task "mood", sample \S+: encode gave 'calm <.*', which holds "</)
        assert.include(message, token)
      }
    }))

  const counts = Task.make<number>({
    name: "counts",
    annotation: Schema.Int,
    encode: (count) => `${count}`,
    decode: (text) =>
      /^\d+$/.test(text) ? Result.succeed(Number(text)) : Result.fail(Task.formatReason("not-a-count", text)),
    prompts: { ...Stub.Mood.prompts, reason: (count) => `Why ${count}?` },
    similarity: (truth, count) => 1 / (1 + Math.abs(truth - count))
  })
  const counted = Stream.map(Stream.zipWithIndex(Stub.data(6)), ([sample, i]) => ({ ...sample, truth: i + 7 }))
  const trained = (task: Task.Task<number>, out: string) =>
    Rise.make(task, counted).pipe(Rise.answers(), Rise.sft({ steps: 1, batchSize: 1 }), Rise.run({ out }))

  it.effect("what decode does not read back is refused before a run's folder is made, and before a test", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const refused: ReadonlyArray<readonly [Partial<Task.Task<number>>, string]> = [
        [
          { encode: (count) => `star ${count}` },
          "task \"counts\", sample joy-0: encode writes 7 as \"star 7\", and decode " +
          "refuses it (not-a-count): decode has to read what encode writes"
        ],
        [
          { decode: (text) => Result.succeed(Number(text[0])) },
          "task \"counts\", sample joy-3: encode writes 10 as \"10\", and decode " +
          "reads 1 in it: decode has to read what encode writes"
        ],
        [
          { decode: (text) => Result.succeed(Number(text) + 1) },
          "task \"counts\", sample joy-0: encode writes 7 as \"7\", and decode " +
          "reads 8 in it: decode has to read what encode writes"
        ]
      ]
      for (const [part, expected] of refused) {
        const task = { ...counts, ...part }
        const out = `${yield* fs.makeTempDirectoryScoped()}/run`
        const error = yield* Effect.flip(trained(task, out))
        assert.strictEqual(error._tag, "TaskError")
        assert.strictEqual(error.message, expected)
        assert.isFalse(yield* fs.exists(out))
        const unmeasured = yield* Effect.flip(evaluate({ method: "model", task, data: counted }))
        assert.strictEqual(unmeasured.message, expected)
      }
    })).pipe(Effect.provide(live)))

  it.effect("what a text can say no better is no fault: a grid, rounded shares, another spelling", () =>
    Effect.gen(function*() {
      const sample = (truth: number) => ({ image: Image.file("a.png"), truth })
      const round = (text: string) => Math.round(Number(text))
      const sound: ReadonlyArray<readonly [Partial<Task.Task<number>>, number]> = [
        // A grid of 100: 149 comes back as 100, of which the similarity is 0.02.
        [{ encode: (count) => `${Math.floor(count / 100)}`, decode: (text) => Result.succeed(round(text) * 100) }, 149],
        [{ encode: (count) => `0${count}.0`, decode: (text) => Result.succeed(round(text)) }, 7],
        // Comes back a little moved, and would be written otherwise: within what a rounding does.
        [{ encode: (count) => count.toFixed(4), decode: (text) => Result.succeed(Number(text) + 0.001) }, 7]
      ]
      for (const [part, truth] of sound) {
        const written = yield* PlugIn.encode({ ...counts, ...part }, sample(truth))
        assert.isNotEmpty(written)
      }
    }))

  it.effect("a sound metric and set are measured", () =>
    Effect.gen(function*() {
      const rows = yield* measured(set(0.5))
      assert.strictEqual(rows.find(({ metric }) => metric === "mAP")?.value, 0.5)
      assert.isTrue(Option.isSome(Option.fromNullishOr(rows.find(({ metric }) => metric === "error"))))
    }).pipe(Effect.provide(live)))
})

describe("the package's own tasks", () => {
  const sample = <A>(truth: A) => ({ image: Image.file("a.png"), truth })
  const share = Arbitrary.schema(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })))

  it.effect.prop("read back every distribution that they write, of labels with full stops too", [
    Arbitrary.array(share, { minLength: 4, maxLength: 4 })
  ], ([weights]) =>
    Effect.gen(function*() {
      const sum = weights.reduce((a, b) => a + b, 0)
      const truth = sum < 1e-6 ? [0, 0, 0, 1] : weights.map((weight) => weight / sum)
      for (const answer of ["single", "distribution"] as const) {
        const labels = ["sun", "U.S.", "U.S", "etc."]
        const task = Classification.make({ name: "places", labels, subject: "place", answer })
        yield* PlugIn.encode(task, sample(truth))
        const [only] = yield* Effect.forEach([0, 1, 2, 3], (i) =>
          PlugIn.encode(task, sample(labels.map((_, j) => j === i ? 1 : 0))))
        assert.match(only ?? "", /^sun/)
      }
    }))

  it.effect.prop("read back all boxes, also such as are smaller than their grid", [
    Arbitrary.array(Arbitrary.array(share, { minLength: 4, maxLength: 4 }), { maxLength: 5 })
  ], ([drawn]) =>
    Effect.gen(function*() {
      const labels = ["cup"]
      const truth = drawn.map(([x = 0, y = 0, w = 0, h = 0]) => {
        const [width, height] = [Math.max(1e-3, 999 * w ** 6), Math.max(1e-3, 999 * h ** 6)]
        return {
          box: Box.make("thousandths", [x * (1000 - width), y * (1000 - height), width, height]),
          label: "cup"
        }
      })
      for (const codec of [BoxCodec.scenes({ labels }), BoxCodec.qwen3Vl({ labels })]) {
        const task = Detection.make({ name: "cups", subject: "every cup", codec, denominator: "max" })
        yield* PlugIn.encode(task, sample(truth))
      }
    }))
})
