/** What stages may be told: one table, looked at before any work. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Stream } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { method, Run } from "../../src/dsl/Run.ts"
import { sampleAll } from "../../src/dsl/stages/Sampling.ts"
import * as Settings from "../../src/dsl/stages/Settings.ts"
import { Policy } from "../../src/policy/Policy.ts"
import * as Stub from "./StubPolicy.ts"

const live = () =>
  Layer.mergeAll(
    Stub.layer({ seed: 1 }),
    Run.layerMemory({ seed: 1 }),
    Layer.succeed(Progress, silent)
  ).pipe(Layer.provideMerge(Stub.Trace.layer), Layer.provideMerge(NodeServices.layer))

/** Data that count how often they are read. */
const counted = () => {
  const count = { read: 0 }
  return { count, data: Stream.tap(Stub.data(12), () => Effect.sync(() => void count.read++)) }
}

type Start = ReturnType<typeof Rise.make<Stub.Label, never, never>>
type Options = Readonly<Record<string, unknown>>

/** A pipeline, whatever its stage. */
interface Ended {
  readonly ready: Effect.Effect<void, unknown, Policy | Run>
  readonly items: Stream.Stream<unknown, unknown, Policy | Run>
}

/** Each stage as the end of a pipeline, or the stage before what is the end. The types allow none of these values. */
const stages = {
  "warm-up": (start: Start, options: Options) => start.pipe(Rise.warmUp(options)),
  generate: (start: Start, options: Options) =>
    start.pipe(Rise.generate(options), Rise.reconstruct(), Rise.validate(), Rise.best()),
  reconstruct: (start: Start, options: Options) =>
    start.pipe(Rise.generate(), Rise.reconstruct(options), Rise.validate(), Rise.best()),
  reinforce: (start: Start, options: Options) =>
    start.pipe(Rise.generate(), Rise.reconstruct(), Rise.validate(), Rise.reinforce(options)),
  filter: (start: Start, options: Options) =>
    start.pipe(Rise.generate(), Rise.reconstruct(), Rise.validate(), Rise.best(), Rise.filter(options)),
  sft: (start: Start, options: Options) => start.pipe(Rise.answers(), Rise.sft(options)),
  rft: (start: Start, options: Options) => start.pipe(Rise.rft(options))
}
type Stage = keyof typeof stages

const training: ReadonlyArray<Stage> = ["warm-up", "reinforce", "sft", "rft"]
const groups: ReadonlyArray<Stage> = ["reinforce", "rft"]
const drawing: ReadonlyArray<Stage> = ["warm-up", "generate", "reconstruct", "rft"]
const whole1 = "a whole number from 1"
const [none, half, below] = [NaN, 1.5, -1]

/** Setting, the stages that have it, values that mean nothing, and what is expected. */
const bad: ReadonlyArray<
  readonly [setting: string, of: ReadonlyArray<Stage>, values: ReadonlyArray<unknown>, expected: string]
> = [
  ["steps", training, [none, half, below, Infinity, "10", 1e9], "a whole number from 0 to 10000000"],
  [
    "learningRate",
    training,
    [none, 0, below, Infinity, -Infinity, null, 10, 1e30, "2e-5"],
    "a number above 0 and below 10"
  ],
  ["warmup", training, [none, half, below, Infinity, 1e9], "a whole number from 0 to 10000000"],
  ["decay", training, ["cosin"], `"cosine" or "linear" or "constant"`],
  ["weightDecay", training, [none, below, Infinity, 1e3], "a number from 0 to 10"],
  ["clipNorm", training, [none, 0, below, 1e-300], "a number from 0.000001, or Infinity"],
  ["select.every", ["reinforce", "sft", "rft"], [none, 0, half, Infinity], whole1],
  ["select.samples", ["reinforce", "sft", "rft"], [none, 0, half], whole1],
  ["select.patience", ["reinforce", "sft", "rft"], [none, 0, half, Infinity], whole1],
  ["select.ties", ["reinforce", "sft", "rft"], ["latest", 1], `"first" or "last" or "start"`],
  ["augment.flip", training, ["yes", 1], "true or false"],
  ["augment.shift", training, [none, below, 0.6, Infinity], "a number from 0 to 0.5"],
  ["augment.brightness", training, [none, below, 1, Infinity], "a number from 0 to 0.9"],
  ["promptsPerStep", groups, [none, 0, half, Infinity, 1e9], `${whole1} to 65536`],
  ["loss", groups, ["ppo"], `"grpo" or "dr_grpo" or "dapo" or "gspo" or "cispo" or "sapo"`],
  ["clip.low", groups, [none, below, 1.1, Infinity], "a number in [0, 1]"],
  ["clip.high", groups, [none, below, Infinity], "a number from 0"],
  ["gate.positive", groups, [none, 0, below, Infinity], "a number above 0"],
  ["gate.negative", groups, [none, 0, below, Infinity], "a number above 0"],
  ["scaleRewards", groups, ["groups", true], `"group" or "batch" or "none"`],
  ["kl", groups, [none, below, Infinity, 1e6], "a number from 0 to 100"],
  ["klEstimator", groups, ["k2", 3], `"k3" or "k1" or "k3-corrected"`],
  ["entropy", groups, [none, below, Infinity, 1e6], "a number from 0 to 100"],
  ["maskTruncated", groups, ["yes", 1], "true or false"],
  ["format", groups, [none, below, Infinity, 1e30], "a number from 0 to 10000"],
  ["blame", groups, ["tokens", true], `"text" or "token"`],
  ["innerUpdates", groups, [none, 0, half, Infinity, 1e9], `${whole1} to 1024`],
  ["lossLength", groups, [none, 0, half, Infinity, 1e15], `${whole1} to 1048576`],
  ["deadSteps", groups, [none, 0, half], `${whole1}, or Infinity`],
  ["credit", ["reinforce"], ["both"], `"joint" or "reasoning" or "reconstruction"`],
  ["candidates", ["generate"], [none, 0, half, Infinity, 1e9], `${whole1} to 65536`],
  ["groupSize", ["rft"], [none, 1, 2.5, Infinity, 1e9], "a whole number from 2 to 65536"],
  ["maxTokens", [...drawing, "sft"], [none, 0, half, below, Infinity, 1e9], `${whole1} to 1048576`],
  [
    "temperature",
    ["warm-up", "generate", "reconstruct"],
    [none, below, Infinity, 1e-9, 1e9],
    "0 (greedy) or a number from 0.00001 to 100"
  ],
  [
    "temperature",
    ["rft"],
    [none, 0, below, Infinity, 1e9],
    "a number from 0.00001 to 100: a greedy choice has no likelihood to learn from"
  ],
  ["grammar", [...drawing, "sft"], ["masked"], `"mask" or "off"`],
  ["chains", ["warm-up"], [true], `"mask" or "off"`],
  ["unless", ["warm-up"], [none, 0, below, 1.1], "a number in (0, 1]"],
  ["repetition", ["warm-up"], ["no", 0], "true or false"],
  ["share", ["warm-up"], [none, 0, below, 1.1], "a number in (0, 1]"],
  ["keep", ["warm-up"], [none, below, Infinity, 1e30], "a number from 0 to 10000"],
  ["batchSize", ["warm-up", "sft"], [none, 0, half, below, Infinity, 1e9], `${whole1} to 65536`],
  ["practice.texts", ["warm-up", "sft"], [none, 0, half, 1e9], `${whole1} to 65536`],
  ["practice.texts", ["warm-up", "sft"], [3], "at most the 2 lessons of a batch"],
  ["practice.weight", ["warm-up", "sft"], [none, 0, below, 1e30], "a number above 0, up to 10000"],
  ["practice.maxTokens", ["warm-up", "sft"], [none, 0, half, Infinity, 1e9], `${whole1} to 1048576`],
  ["practice.of", ["sft"], ["others", true], `"lessons" or "own"`],
  ["practice.temperature", ["warm-up", "sft"], [none, below], "0 (greedy) or a number from 0.00001 to 100"],
  ["answerWeight", ["sft"], [none, below, Infinity, 1e30], "a number from 0 to 10000"],
  ["replay.share", ["sft"], [none, 1, below], "a number in [0, 1)"],
  ["replay.share", ["sft"], [0.9], "a share that leaves room for a lesson in a batch of 2"],
  ["tau", ["filter"], [none, below, 1.1, Infinity], "a number in [0, 1]"],
  ["least", ["filter"], [none, below, 1.1], "a number in [0, 1]"]
]

/** Parts that a record needs beside the bad one. */
const rest: Readonly<Record<string, object>> = {
  select: { every: 1 },
  clip: { low: 0.2, high: 0.2 },
  gate: { positive: 1, negative: 1 },
  practice: { texts: 1, weight: 1, maxTokens: 8 },
  replay: { share: 0, examples: Stream.empty }
}

const optionsOf = (setting: string, value: unknown): Options => {
  const [name = "", part] = setting.split(".")
  return { [name]: part === undefined ? value : { ...rest[name], [part]: value } }
}
const shown = (value: unknown) => (typeof value === "number" ? String(value) : JSON.stringify(value))

/** The pipeline is refused with these words, and nothing was done. */
const refused = Effect.fnUntraced(function*(make: (start: Start) => Ended, says: string, validation?: number) {
  const { count, data } = counted()
  const pipeline = make(Rise.make(Stub.Mood, data, validation === undefined ? {} : { validation }) as Start)
  for (const work of [pipeline.ready, Stream.runDrain(pipeline.items)]) {
    const error = yield* Effect.flip(work)
    if (!(error instanceof Rise.BadSetting)) return assert.fail(String(error))
    assert.strictEqual(error.message, says)
  }
  const { begun, sessions, updates } = yield* Stub.Trace
  assert.deepStrictEqual(
    [count.read, begun, sessions, updates.length],
    [0, 0, 0, 0],
    "nothing was read, drawn or trained"
  )
})

describe("settings of stages", () => {
  for (const [setting, of, values, expected] of bad) {
    it.effect(`${setting}: ${expected} (${of.join(", ")})`, () =>
      Effect.forEach(of, (stage) =>
        Effect.forEach(values, (value) =>
          refused(
            (start) => stages[stage](start, optionsOf(setting, value)),
            `${stage}: ${setting} is ${shown(value)}, expected ${expected}`
          ))).pipe(Effect.provide(live())))
  }

  it.effect("the last stage's stop the first, and are named with the method", () =>
    Effect.gen(function*() {
      yield* method("RISE")(
        refused(
          (start) =>
            start.pipe(
              Rise.warmUp({ steps: 1 }),
              Rise.generate(),
              Rise.reconstruct(),
              Rise.validate(),
              Rise.reinforce({ steps: 1 }),
              Rise.best(),
              Rise.filter(),
              Rise.sft({ learningRate: NaN })
            ),
          "RISE/sft: learningRate is NaN, expected a number above 0 and below 10"
        )
      )
      yield* refused(
        (start) => start.pipe(Rise.rft({ steps: 1 })),
        "make: validation is NaN, expected a number in [0, 1)",
        NaN
      )
      yield* refused(
        (start) => start.pipe(Rise.rft({ steps: 1 })),
        "make: validation is 1, expected a number in [0, 1)",
        1
      )
      for (const wrong of [NaN, 0, 1.5, Infinity]) {
        yield* refused(
          (start) => start.pipe(Rise.rft({ steps: 1 })),
          `Batching: prompts is ${wrong}, expected a whole number from 1 to 1048576`
        ).pipe(Effect.provideService(Rise.Batching, { prompts: wrong, calls: 1 }))
      }
    }).pipe(Effect.provide(live())))

  it.effect("of the loop must leave reinforce something to learn: more than one candidate, drawn", () =>
    Effect.gen(function*() {
      const loop = (
        { credit, generate = {}, reconstruct = {}, steps = 1 }: {
          readonly generate?: Rise.GenerateOptions
          readonly reconstruct?: Rise.ReconstructOptions
          readonly credit?: "reasoning" | "reconstruction"
          readonly steps?: number
        }
      ) =>
      (start: Start) =>
        start.pipe(
          Rise.generate(generate),
          Rise.reconstruct(reconstruct),
          Rise.validate(),
          Rise.reinforce({ steps, ...(credit && { credit }) })
        )
      const likelihood = "a number from 0.00001 to 100: a greedy choice has no likelihood to learn from"
      yield* refused(
        loop({ generate: { candidates: 1 } }),
        "reinforce: generate.candidates is 1, expected a whole number from 2 to 65536"
      )
      yield* refused(
        loop({ generate: { temperature: 0 } }),
        `reinforce: generate.temperature is 0, expected ${likelihood}`
      )
      yield* refused(
        loop({ reconstruct: { temperature: 0 } }),
        `reinforce: reconstruct.temperature is 0, expected ${likelihood}`
      )
      for (
        const sound of [
          loop({ generate: { temperature: 0 }, credit: "reconstruction" }),
          loop({ reconstruct: { temperature: 0 }, credit: "reasoning" }),
          loop({ generate: { candidates: 1 }, steps: 0 })
        ]
      ) {
        yield* sound(Rise.make(Stub.Mood, Stub.data(3)) as Start).sound
      }
    }).pipe(Effect.provide(live())))

  it.effect("that there are none of are named with those that there are", () =>
    Effect.gen(function*() {
      const cases: ReadonlyArray<readonly [(start: Start) => Ended, string]> = [
        ...(Object.keys(stages) as ReadonlyArray<Stage>).map((stage) =>
          [
            (start: Start) => stages[stage](start, { stps: 3 }),
            `${stage}: stps is 3, expected no setting of this name: there are `
          ] as const
        ),
        [
          (start) => stages.rft(start, { select: { evry: 1 } }),
          "rft: select.evry is 1, expected no setting of this name: there are every, samples, patience"
        ],
        [(start) => stages.sft(start, { practice: 8 }), "sft: practice is 8, expected a record of texts, weight"],
        [
          (start) =>
            start.pipe(
              Rise.generate(),
              Rise.reconstruct(),
              Rise.validate({ leaks: false } as object),
              Rise.best()
            ),
          "validate: leaks is false, expected no setting of this name: there are leak, format, repetition"
        ],
        [
          () => Rise.make(Stub.Mood, Stub.data(3), { validtion: 0.1 } as object).pipe(Rise.rft()),
          "make: validtion is 0.1, expected no setting of this name: there are validation"
        ]
      ]
      for (const [make, says] of cases) {
        const error = yield* Effect.flip(make(Rise.make(Stub.Mood, Stub.data(3)) as Start).ready)
        assert.include((error as Error).message, says)
      }
      const sound = stages.sft(Rise.make(Stub.Mood, Stub.data(3)) as Start, {
        replay: { share: 0, examples: Stream.empty },
        stps: undefined
      })
      yield* sound.sound
    }).pipe(Effect.provide(live())))

  it.effect("of run are refused before a folder is made: the folder itself, and what JSON cannot hold", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const held = "JSON: text, finite numbers, true, false, null, and lists and records of them"
      const circle: { self?: unknown } = {}
      circle.self = circle
      const cases: ReadonlyArray<readonly [Options, string]> = [
        [{ out: "" }, `out is "", expected the name of a folder: Rise.run({ out: "runs/mine" })`],
        [{ out: undefined }, `out is undefined, expected the name of a folder: Rise.run({ out: "runs/mine" })`],
        [{ seed: "1" }, `seed is "1", expected a whole number`],
        [{ resume: "yes" }, `resume is "yes", expected true or false`],
        [
          { Seed: 1 },
          "Seed is 1, expected no setting of this name: there are out, seed, resume, after, checkpoint, tried, " +
          "config: did you mean seed?"
        ],
        [{ config: 3 }, "config is 3, expected a record of JSON"],
        [{ config: { a: NaN } }, `config.a is NaN, expected ${held}`],
        [{ config: { a: [1, { f: () => 1 }] } }, `config.a[1].f is a function, expected ${held}`],
        [{ config: { a: new Map() } }, `config.a is [object Map], expected ${held}`],
        [{ config: { a: 1n } }, `config.a is 1, expected ${held}`],
        [{ config: circle }, `config.self is part of itself, expected ${held}`]
      ]
      for (const [options, says] of cases) {
        const given = { out: `${folder}/run`, ...options } as Rise.RunOptions
        const error = yield* Rise.make(Stub.Mood, Stub.data(3)).pipe(
          Rise.rft({ steps: 1 }),
          Rise.run(given),
          Effect.flip
        )
        assert.strictEqual(error.message, `run: ${says}`)
      }
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
    })).pipe(Effect.provide(live())))

  it.effect("of batching are looked at wherever texts are drawn: batches of NaN prompts would be none", () =>
    Effect.gen(function*() {
      const session = yield* (yield* Policy).session
      const requests = [{ key: "k", prompt: { images: [], text: "Which mood, given: nothing" } }]
      for (
        const batching of [
          { prompts: NaN, calls: 1 },
          { prompts: 8, calls: NaN }
        ]
      ) {
        const error = yield* Effect.flip(
          Effect.provideService(sampleAll(session, requests, { count: 1, maxTokens: 8 }), Rise.Batching, batching)
        )
        assert.match(error.message, /^policy sample: Batching: (prompts|calls) is NaN, expected a whole number from 1/)
      }
    }).pipe(Effect.scoped, Effect.provide(live())))

  it.effect("are looked at before a run folder is made", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const { count, data } = counted()
      const start = Rise.make(Stub.Mood, data)
      for (
        const [work, says] of [
          [
            start.pipe(Rise.rft({ kl: NaN }), Rise.run({ out: `${folder}/run` })),
            "rft: kl is NaN, expected a number from 0 to 100"
          ],
          [
            start.pipe(Rise.rft(), Rise.run({ out: `${folder}/run`, seed: 0.5 })),
            "run: seed is 0.5, expected a whole number"
          ]
        ] as const
      ) {
        assert.strictEqual((yield* Effect.flip(work)).message, says)
      }
      assert.deepStrictEqual([count.read, yield* fs.readDirectory(folder)], [0, []])
    }).pipe(Effect.scoped, Effect.provide(live())))

  it("have the paper's defaults, where they are left out or undefined", () => {
    const given = { steps: 3, kl: undefined, learningRate: undefined } as unknown as Rise.RftOptions
    assert.deepStrictEqual(Settings.filled(given), { ...Settings.defaults, steps: 3 })
    assert.deepStrictEqual(Settings.filled({ kl: 0.1, clip: { low: 0, high: 1 } }), {
      ...Settings.defaults,
      kl: 0.1,
      clip: { low: 0, high: 1 }
    })
    // Bounds and divisors are those of the loss's paper, unless they are given.
    const { clip, gate, scaleRewards } = Settings.defaults
    assert.deepStrictEqual([clip, gate, scaleRewards], [
      { low: 0.2, high: 0.2 },
      { positive: 1, negative: 1.05 },
      "group"
    ])
    const of = (options: Rise.RftOptions) => {
      const { clip: { high, low }, scaleRewards } = Settings.filled(options)
      return [low, high, scaleRewards]
    }
    assert.deepStrictEqual(of({ loss: "dapo" }), [0.2, 0.2, "group"])
    assert.deepStrictEqual(of({ loss: "dr_grpo" }), [0.2, 0.2, "none"])
    assert.deepStrictEqual(of({ loss: "gspo" }), [3e-4, 4e-4, "group"])
    assert.deepStrictEqual(of({ loss: "cispo" }), [1, 4, "group"])
    assert.deepStrictEqual(of({ loss: "sapo" }), [0.2, 0.2, "group"])
    assert.deepStrictEqual(of({ loss: "gspo", clip: { low: 0.1, high: 0.2 }, scaleRewards: "batch" }), [
      0.1,
      0.2,
      "batch"
    ])
    // What the schedules of such settings are, at the first step, the last and between.
    const rates = (options: object) => [0, 5, 10].map(Settings.schedule({ steps: 10, learningRate: 1, ...options }))
    assert.deepStrictEqual(rates({ decay: "constant" }), [1, 1, 1])
    assert.deepStrictEqual(rates({ decay: "linear" }), [1, 0.5, 0])
    rates({}).forEach((rate, i) => assert.closeTo(rate, [1, 0.5, 0][i]!, 1e-12))
    assert.closeTo(Settings.schedule({ steps: 8, learningRate: 1 })(2), (1 + Math.SQRT1_2) / 2, 1e-12)
    for (const decay of ["constant", "linear", "cosine"] as const) {
      const warmed = Settings.schedule({ steps: 10, learningRate: 1, decay, warmup: 4 })
      assert.isBelow(warmed(0), 0.5)
      assert.isAbove(warmed(1), warmed(0))
    }
  })

  it.effect("that are undefined are left out, and limits may be switched off", () =>
    Effect.gen(function*() {
      const undefinedOnes = {
        learningRate: undefined,
        steps: 3,
        kl: undefined,
        clip: undefined,
        weightDecay: undefined
      } as unknown as Rise.RftOptions
      yield* Rise.make(Stub.Mood, Stub.data(12)).pipe(
        Rise.rft({ ...undefinedOnes, clipNorm: Infinity, deadSteps: Infinity }),
        Rise.train
      )
      yield* Rise.make(Stub.Mood, Stub.data(12)).pipe(Rise.answers(), Rise.sft({ steps: 0 }), Rise.train)
      assert.isAbove((yield* Stub.Trace).updates.length, 0)
    }).pipe(Effect.provide(live())))
})
