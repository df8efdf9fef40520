/** Settings of stages that do nothing beside others: refused with both names before anything is read or drawn. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result, Stream } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import * as Settings from "../../src/dsl/stages/Settings.ts"
import { evaluate } from "../../src/evaluation/evaluate.ts"
import * as Config from "../../src/pipelines/Config.ts"
import { presets } from "../../src/pipelines/Presets.ts"
import { groupLosses } from "../../src/policy/Policy.ts"
import { logs } from "./logs.ts"
import * as Stub from "./StubPolicy.ts"

const live = Layer.mergeAll(
  Stub.layer({ seed: 1 }),
  Run.layerMemory({ seed: 1 }),
  Layer.succeed(Progress, silent)
).pipe(Layer.provideMerge(Stub.Trace.layer), Layer.provideMerge(NodeServices.layer))

const start = Rise.make(Stub.Mood, Stub.data(12))
const loop = start.pipe(Rise.generate({ candidates: 2 }), Rise.reconstruct(), Rise.validate())
const practice = { texts: 1, weight: 1, maxTokens: 8 }

const rft = (options: Rise.RftOptions) => start.pipe(Rise.rft({ steps: 1, ...options }), Rise.train)
const reinforce = (options: Rise.ReinforceOptions) => loop.pipe(Rise.reinforce({ steps: 1, ...options }), Rise.train)
const sft = (options: Rise.SftOptions) => start.pipe(Rise.answers(), Rise.sft({ steps: 1, ...options }), Rise.train)
const clip = { low: 0.2, high: 0.28 }
const out = "(null in a settings file takes it away)"

const refused: ReadonlyArray<readonly [Effect.Effect<unknown, unknown, Layer.Success<typeof live>>, string]> = [
  ...([["rft", rft], ["reinforce", reinforce]] as const).flatMap(([stage, of]) =>
    ([
      [
        { loss: "sapo", clip },
        "clip is {\"low\":0.2,\"high\":0.28}, expected nothing beside loss \"sapo\", which has no bounds"
      ],
      [{ loss: "sapo", clip: { high: 0.2 } }, "clip is {\"high\":0.2}, expected nothing beside loss \"sapo\""],
      [{ gate: { positive: 2 } }, "gate is {\"positive\":2}, expected nothing beside loss \"grpo\", which has bounds"],
      [{ loss: "cispo", gate: { positive: 1 } }, "gate is {\"positive\":1}, expected nothing beside loss \"cispo\""],
      [{ lossLength: 64 }, "lossLength is 64, expected nothing beside loss \"grpo\", which divides by no constant"],
      [{ klEstimator: "k1" }, "klEstimator is \"k1\", expected nothing beside kl 0, where nothing is estimated"],
      [{ klEstimator: "k3", kl: 0 }, "klEstimator is \"k3\", expected nothing beside kl 0"],
      [
        { select: { every: 1 } },
        "select is {\"every\":1}, expected nothing beside validation 0, where no weights can be compared"
      ]
    ] as const).map(([options, says]) => [of(options), `${stage}: ${says}`] as const)
  ),
  [
    sft({ practice: { ...practice, of: "lessons", temperature: 0.5 } }),
    "sft: practice.temperature is 0.5, expected nothing beside practice.of \"lessons\", where nothing is drawn"
  ],
  [sft({ select: { every: 1 } }), "sft: select is {\"every\":1}, expected nothing beside validation 0"],
  [
    sft({ replay: { share: 0.2, examples: Stream.empty } }),
    "sft: replay.share is 0.2, expected 0, or a share that comes to an example in a batch of 2"
  ],
  [
    start.pipe(
      Rise.generate(),
      Rise.reconstruct(),
      Rise.validate({ format: false, repetition: true }),
      Rise.best(),
      Rise.train
    ),
    "validate: repetition is true, expected nothing beside format false, of which it is a part"
  ],
  [
    start.pipe(
      Rise.generate({ temperature: 0, candidates: 3 }),
      Rise.reconstruct({ temperature: 0 }),
      Rise.validate(),
      Rise.best(),
      Rise.train
    ),
    "generate: candidates is 3, expected 1 where generate and reconstruct are greedy"
  ],
  ...([
    ["warm-up", start.pipe(Rise.warmUp({ grammar: "mask" }), Rise.train)],
    [
      "reconstruct",
      start.pipe(Rise.generate(), Rise.reconstruct({ grammar: "mask" }), Rise.validate(), Rise.best(), Rise.train)
    ],
    ["sft", sft({ grammar: "mask" })],
    ["rft", rft({ grammar: "mask" })],
    ["evaluate", evaluate({ method: "x", task: Stub.Mood, data: Stub.data(3), grammar: "mask" })]
  ] as const).map(([stage, work]) =>
    [work, `${stage}: grammar is "mask", expected "off" for task "mood", which has no grammar: `] as const
  )
]

describe("settings that do nothing beside others", () => {
  for (const [work, says] of refused) {
    it.effect(`are refused: ${says}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(work)
        if (!(error instanceof Rise.BadSetting)) return assert.fail(String(error))
        assert.include(error.message, says)
        if (error.expected.startsWith("nothing beside")) assert.include(error.message, out)
        const { begun, sessions, updates } = yield* Stub.Trace
        assert.deepStrictEqual([begun, sessions, updates.length], [0, 0, 0])
      }).pipe(Effect.provide(live)))
  }

  it.effect("are taken where the other setting gives them something to do", () =>
    Effect.forEach([
      Rise.rft({ loss: "sapo", gate: { positive: 2 } }),
      Rise.rft({ loss: "dapo", clip }),
      Rise.rft({ loss: "dr_grpo", lossLength: 64 }),
      Rise.rft({ kl: 0.1, klEstimator: "k1" }),
      // What is undefined, or taken away, was not given.
      Rise.rft({ select: null }),
      Rise.rft({ klEstimator: undefined } as unknown as Rise.RftOptions)
    ], (stage) => start.pipe(stage).sound).pipe(Effect.provide(live)))

  it.effect("are not told where a preset has them for every task: nobody set them for this one", () =>
    Effect.gen(function*() {
      const alone = Effect.provide(Run.layerMemory({ seed: 0 }))
      const tuned = (options: Rise.SftOptions) => start.pipe(Rise.answers(), Rise.sft(options), Rise.train, alone)
      const strengthened = (options: Rise.RftOptions) => start.pipe(Rise.rft(options), Rise.train, alone)
      const few = { steps: 2, select: null }
      const { full, quick, smoke } = presets
      const { lines } = yield* logs(Effect.gen(function*() {
        for (const { rft, sft } of [full, quick, smoke]) {
          yield* tuned({ ...sft, ...few })
          yield* strengthened({ ...rft, ...few })
        }
        yield* strengthened({ ...quick.rft, ...few, format: 3 })
        yield* tuned({ ...smoke.sft, ...few, practice: { texts: 2, weight: 1, maxTokens: 32 } })
      }))
      assert.deepStrictEqual(
        lines.filter((line) => line.includes("holds no format")).map((line) => line.split(" has no ")[0]),
        ["rft: format holds no format: task \"mood\"", "sft: practice holds no format: task \"mood\""]
      )
    }).pipe(Effect.provide(live)))

  it.effect("are told where a script sets them, once a stage", () =>
    Effect.gen(function*() {
      const { lines } = yield* logs(Effect.andThen(
        start.pipe(Rise.answers(), Rise.sft({ steps: 2, practice }), Rise.train),
        start.pipe(Rise.rft({ steps: 2, format: 1 }), Rise.train)
      ))
      assert.deepStrictEqual(lines.filter((line) => line.includes("holds no format")), [
        "sft: practice holds no format: task \"mood\" has no grammar. Give it one, or leave practice out",
        "rft: format holds no format: task \"mood\" has no grammar. Give it one, or leave format out"
      ])
    }).pipe(Effect.provide(live)))

  it("are printed only where they are given, and so is what depends on the loss", () => {
    const of = (rft: Rise.RftOptions) => {
      const whole = Config.whole({ ...presets.paper, rft: { ...presets.paper.rft, ...rft } })
      const printed = whole["rft"] as Readonly<Record<string, unknown>>
      return ["clip", "gate", "scaleRewards", "lossLength", "klEstimator"].filter((name) => name in printed)
    }
    for (const loss of groupLosses) {
      assert.deepStrictEqual(of({ loss }), [])
      assert.deepStrictEqual(of({ loss, kl: 0.1 }), [])
    }
    assert.deepStrictEqual(of({ loss: "sapo", gate: { positive: 2 } }), ["gate"])
    assert.deepStrictEqual(of({ loss: "dr_grpo", lossLength: 64, scaleRewards: "group" }), [
      "scaleRewards",
      "lossLength"
    ])
    assert.deepStrictEqual(of({ kl: 0.1, klEstimator: "k1" }), ["klEstimator"])
    assert.deepStrictEqual(of({ kl: 0.1, clip: undefined } as unknown as Rise.RftOptions), [])
  })

  it.effect("are in no preset", () =>
    Effect.forEach(Object.values(presets), (preset) => {
      const whole = Config.whole(preset)
      const read = Config.merged(preset, Result.getOrThrow(Config.decode("", JSON.parse(JSON.stringify(whole)))))
      const held = Rise.make(Stub.Mood, Stub.data(12), { validation: 0.1 })
      return Effect.all([
        held.pipe(Rise.answers(), Rise.sft(read.sft), Rise.rft(read.rft)).sound,
        held.pipe(
          Rise.generate(read.generate),
          Rise.reconstruct(read.reconstruct),
          Rise.validate(read.validate),
          Rise.reinforce(read.reinforce),
          Rise.best(),
          Rise.filter(read.filter)
        ).sound
      ])
    }).pipe(Effect.provide(live)))
})

describe("one side of a pair that is given alone", () => {
  it("leaves the other its default, which belongs to the loss", () => {
    const clipOf = (options: Rise.RftOptions) => Settings.filled(options).clip
    assert.deepStrictEqual(clipOf({ clip: { low: 0.1 } }), { low: 0.1, high: 0.2 })
    assert.deepStrictEqual(clipOf({ clip: { high: 0.28 } }), { low: 0.2, high: 0.28 })
    assert.deepStrictEqual(clipOf({ clip: {} }), { low: 0.2, high: 0.2 })
    assert.deepStrictEqual(clipOf({ loss: "gspo", clip: { low: 1e-3 } }), { low: 1e-3, high: 4e-4 })
    assert.deepStrictEqual(clipOf({ loss: "cispo", clip: { high: 2 } }), { low: 1, high: 2 })
    assert.deepStrictEqual(clipOf({ clip: { low: undefined, high: 1 } } as unknown as Rise.RftOptions), {
      low: 0.2,
      high: 1
    })
    const gateOf = (options: Rise.RftOptions) => Settings.filled(options).gate
    assert.deepStrictEqual(gateOf({ loss: "sapo", gate: { positive: 2 } }), { positive: 2, negative: 1.05 })
    assert.deepStrictEqual(gateOf({ loss: "sapo", gate: { negative: 3 } }), { positive: 1, negative: 3 })
  })

  it("is printed as it was given", () => {
    const whole = Config.whole({ ...presets.paper, rft: { ...presets.paper.rft, clip: { high: 0.28 } } })
    assert.deepInclude(whole["rft"], { clip: { high: 0.28 } })
  })
})
