import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Result } from "effect"
import { Means } from "../../src/dsl/Means.ts"
import * as Progress from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import { knows } from "../../src/dsl/stages/ByHeart.ts"
import * as Guessing from "../../src/dsl/stages/Guessing.ts"
import * as Learning from "../../src/dsl/stages/Learning.ts"
import * as Task from "../../src/dsl/Task.ts"
import * as Drawing from "../policy/drawing.ts"
import * as Stub from "./StubPolicy.ts"

const live = Layer.mergeAll(Stub.layer(), Run.layerMemory({ seed: 0 })).pipe(
  Layer.provideMerge(Stub.Trace.layer),
  Layer.provideMerge(NodeServices.layer)
)

/** What a pipeline warns of in a run of its own, and what of it stands in metrics.jsonl. */
const warnings = <E>(training: Effect.Effect<void, E, Layer.Success<typeof live>>) =>
  Effect.gen(function*() {
    const told: Array<string> = []
    const recorded: Array<string> = []
    const view: Progress.View = {
      report: (event) => Effect.sync(() => event._tag === "Warned" && told.push(`${event.stage}: ${event.text}`))
    }
    const run = yield* Run
    yield* training.pipe(
      Effect.provideService(Progress.Progress, view),
      Effect.provideService(Run, {
        ...run,
        metric: (figures) =>
          Effect.sync(() =>
            typeof figures["warning"] === "string" && recorded.push(`${figures.stage}: ${figures["warning"]}`)
          )
      })
    )
    assert.deepStrictEqual(recorded, told)
    return told
  }).pipe(Effect.provide(Layer.fresh(live)))

const rft = (learningRate: number, steps: number, kl = 0) =>
  Rise.make(Stub.Mood, Stub.data(60)).pipe(
    Rise.rft({ steps, promptsPerStep: 4, learningRate, kl, deadSteps: 1000 }),
    Rise.train
  )

const rewards = (task: Task.Task<Stub.Label>) =>
  Rise.make(task, Stub.data(300)).pipe(
    Rise.generate({ candidates: 1 }),
    Rise.reconstruct(),
    Rise.validate(),
    Rise.best(),
    Rise.filter({ tau: 0.75 }),
    Rise.train
  )

/** Every think-answer earns the same: no group has anything to prefer. */
const dead = (steps: number, deadSteps: number) =>
  Rise.make({ ...Stub.Mood, decode: () => Result.succeed("joy" as const), similarity: () => 0 }, Stub.data(12))
    .pipe(Rise.rft({ steps, deadSteps }))

describe("a stage whose groups are all dead", () => {
  it.effect("says so at its end where it is short, and once where it goes on", () =>
    Effect.gen(function*() {
      const short = yield* warnings(Rise.train(dead(4, 10)))
      assert.strictEqual(short.length, 1)
      assert.match(
        short[0]!,
        /^rft: all groups of all 4 steps \(up to step 4\) are dead, and taught nothing: nothing earned a reward; warm/
      )
      const long = yield* warnings(Rise.train(dead(15, 1000)))
      assert.strictEqual(long.length, 1)
      assert.match(long[0]!, /^rft: all groups of 10 consecutive steps \(up to step 10\) are dead/)
      const watch = Learning.watch({ steps: 3 })
      const figures = { dead: 2, groups: 2, reward: 0.5, valid: 1 }
      assert.deepStrictEqual([watch(1, figures), watch(2, figures)], [undefined, undefined])
      assert.match(watch(3, figures) ?? "", /every candidate earns about 0\.500; raise temperature/)
      // A divergence that is no number is none that is small, and can be kept.
      const seen = Learning.memory()
      Learning.watch({ steps: 3 }, seen)(1, { ...figures, kl: NaN })
      assert.deepStrictEqual(seen.value.steps, [{ kl: Number.MAX_VALUE, reward: 0.5, valid: 1 }])
      assert.isObject(seen.state())
      const right = Learning.watch({ steps: 1 })
      assert.isUndefined(right(1, { ...figures, reward: 1 }))
      assert.deepStrictEqual(yield* warnings(rft(1, 4)), [])
    }))
})

/** The policy as it would be under a `maxTokens` that cuts off all of its texts, or those of some places. */
const cutOff = (isCut: (candidate: number) => boolean) =>
  Drawing.layer((sample) => (...asked) =>
    Effect.map(sample(...asked), (groups) =>
      groups.map((group) =>
        group.map((completion, i) => ({
          ...completion,
          finish: isCut(i) ? "length" as const : completion.finish
        }))
      ))
  )

describe("a stage whose texts are all masked", () => {
  const masked = (isCut: (candidate: number) => boolean, options: Rise.RftOptions = {}) =>
    warnings(
      Rise.make(Stub.Mood, Stub.data(60), { validation: 0.2 }).pipe(
        Rise.rft({ steps: 3, promptsPerStep: 4, maskTruncated: true, ...options }),
        Rise.train,
        Effect.provide(cutOff(isCut))
      )
    )

  it.effect("says at its end that nothing was learned, however short it is, and why", () =>
    Effect.gen(function*() {
      const says = [
        "rft: no text was learned from in 3 steps: in 3 of them every text that earned more or less than its group " +
        "was cut off, and maskTruncated leaves those out; raise maxTokens, or set maskTruncated to false"
      ]
      assert.deepStrictEqual(yield* masked(() => true), says)
      // Also where validation ends it early: later weights that are as good are taken for better.
      const [early = ""] = yield* masked(() => true, {
        steps: 9,
        select: { every: 1, patience: 1, ties: "last" }
      })
      assert.match(early, /^rft: no text was learned from in \d steps?: in \d of them every text/)
    }))

  it.effect("says nothing where one text was learned from, or nothing was masked", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* masked((candidate) => candidate > 3), [])
      assert.deepStrictEqual(yield* masked(() => true, { maskTruncated: false }), [])
      assert.deepStrictEqual(yield* masked(() => true, { steps: 0 }), [])
      const ended = (...all: ReadonlyArray<Readonly<Record<string, number>>>) => {
        const seen = Learning.memory()
        const watch = Learning.watch({ steps: all.length, maskTruncated: true }, seen)
        all.forEach((figures, i) => watch(i + 1, figures))
        return Learning.ended(seen)(all.length)
      }
      const [alive, right] = [{ groups: 2, dead: 0, reward: 0.5, trained: 0 }, {
        groups: 2,
        dead: 2,
        reward: 1,
        trained: 0
      }]
      // Groups that are dead because all is right are the goal.
      assert.isUndefined(ended(right, right))
      assert.match(ended(right, alive) ?? "", /^no text was learned from in 2 steps: in 1 of them/)
      assert.isUndefined(ended(alive, { ...alive, trained: 7 }, alive))
    }))

  const alive = { groups: 2, dead: 0, reward: 0.5, trained: 0 }
  const leftOut = "in 2 of them rewards differed, and the policy left every text out (dropped in metrics.jsonl)"
  it("is told from one whose texts a policy left out, as too old", () => {
    const said = (settings: Rise.RftOptions, ...steps: ReadonlyArray<Readonly<Record<string, number>>>) => {
      const seen = Learning.memory()
      const watch = Learning.watch({ steps: steps.length, ...settings }, seen)
      steps.forEach((figures, i) => watch(i + 1, figures))
      return Learning.ended(seen)(steps.length)
    }
    const old = { ...alive, dropped: 16 }
    assert.strictEqual(said({}, old, old), `no text was learned from in 2 steps: ${leftOut}`)
    assert.strictEqual(said({ maskTruncated: true }, old, old), `no text was learned from in 2 steps: ${leftOut}`)
    const both = said({ maskTruncated: true }, old, alive, old) ?? ""
    assert.match(both, /^no text was learned from in 3 steps: in 1 of them every text that earned more .*cut off/)
    assert.include(both, `; ${leftOut}`)
  })

  it.effect("is not spoken of where what was kept does not say whether anything was learned", () =>
    Effect.gen(function*() {
      const step = { reward: 0.5, valid: 1, kl: 0 }
      const resumed = Effect.fnUntraced(function*(kept: object, trained: number) {
        const seen = Learning.memory()
        yield* seen.resume({ steps: [], row: 0, said: false, ...kept })
        Learning.watch({ steps: 3, maskTruncated: true }, seen)(3, { ...alive, trained })
        return Learning.ended(seen)(3)
      })
      assert.isUndefined(yield* resumed({ steps: [step, step] }, 0))
      assert.isUndefined(yield* resumed({ steps: [step, step] }, 7))
      assert.isDefined(yield* resumed({ steps: [step, step], learned: false }, 0))
      assert.isDefined(yield* resumed({}, 0))
    }))
})

describe("a run that does not learn", () => {
  it.effect("says so half-way and at the end, with the rate and what to change", () =>
    Effect.gen(function*() {
      const [half = "", end = "", ...more] = yield* warnings(rft(1e-9, 80))
      assert.deepStrictEqual(more, [])
      assert.match(
        half,
        new RegExp(
          /^rft: the reward does not rise: 0\.\d{3} in the first 10 steps, /.source +
            /0\.\d{3} in the last 10 of 40\. learningRate is 1e-9: /.source
        )
      )
      assert.match(end, /in the last 20 of 80/)
      assert.match(end, /warmUp/)
      const [still = ""] = yield* warnings(rft(1e-9, 30, 0.05))
      assert.match(still, /the policy has hardly moved \(KL \d/)
    }))

  it.effect("one that learns, that is right already, or that is too short to tell says nothing", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* warnings(rft(2, 80)), [])
      assert.deepStrictEqual(yield* warnings(rft(1e-9, 19)), [])
      const watch = Learning.watch({ steps: 20 })
      for (let step = 1; step <= 20; step++) assert.isUndefined(watch(step, { reward: 0.95, valid: 1, kl: 0 }))
    }))

  it("looks at how far the policy is at the end, not on the way", () => {
    const said = (kl: (step: number) => number) => {
      const watch = Learning.watch({ steps: 20, kl: 0.05 })
      let last: string | undefined
      for (let step = 1; step <= 20; step++) last = watch(step, { reward: 0.5, valid: 1, kl: kl(step) })
      return last
    }
    assert.isUndefined(said((step) => step > 15 ? 2e-3 : 0))
    assert.match(said((step) => step > 15 ? 0 : 1) ?? "", /hardly moved \(KL 0\.0e\+0\)/)
  })

  it("takes a rise of more than two standard errors for one", () => {
    // Five rewards of variance 0.01 at either end: the difference of their means has an error of √(0.004) = 0.063.
    const quarter = [0.4, 0.6, 0.4, 0.6, 0.5]
    const said = (rise: number) => {
      const watch = Learning.watch({ steps: 20 })
      const rewards = [...quarter, ...quarter, ...quarter, ...quarter.map((reward) => reward + rise)]
      return rewards.map((reward, i) => watch(i + 1, { reward, valid: 0.4, kl: 0 })).at(-1)
    }
    assert.match(said(0.12) ?? "", /^the reward does not rise: 0\.500 in the first 5 steps, 0\.620 in the last 5 of 20/)
    assert.isUndefined(said(0.13))
  })

  it("tells a format that is not kept from a task that is not learned", () => {
    const said = (valid: number) => {
      const watch = Learning.watch({ steps: 20, learningRate: 1e-6 })
      return Array.from({ length: 20 }, (_, i) => watch(i + 1, { reward: 0.2, valid: i < 15 ? 0.1 : valid })).at(-1)
    }
    assert.match(
      said(0.49) ?? "",
      /learningRate is 0\.000001: .*as much\. 49% of its texts keep the format: warm up first/
    )
    assert.match(said(0.5) ?? "", /as much\. Warm up first \(warmUp\), or start from a model that earns more$/)
  })

  it("looks half-way and at the end, where there are steps enough for either", () => {
    const asked = (steps: number) => {
      const watch = Learning.watch({ steps })
      return Array.from({ length: steps }, (_, i) => i + 1).filter((step) => watch(step, { reward: 0.2 }) !== undefined)
    }
    assert.deepStrictEqual([19, 20, 79, 80, 81].map(asked), [[], [20], [79], [40, 80], [40, 81]])
  })

  it.effect("a filter that keeps less than a tenth says what would keep more", () =>
    Effect.gen(function*() {
      const joyOnly = Task.make({
        ...Stub.Mood,
        similarity: (truth, predicted) => truth === predicted && truth === "joy" ? 1 : 0.2
      })
      const [text = "", ...more] = yield* warnings(rewards(joyOnly))
      assert.deepStrictEqual(more, [])
      const [, kept, share] = text.match(
        /^filter: tau 0\.75 keeps ([12]?\d) of 300 chains \((\d\.\d)%\): .* tau 0\.200 would keep 40%$/
      ) ?? assert.fail(text)
      assert.strictEqual(share, (100 * Number(kept) / 300).toFixed(1))
    }))

  it.effect("a filter that keeps enough says nothing", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* warnings(rewards(Stub.Mood)), [])
    }))

  it.effect("is told on a line of its own, whole, beside the live one", () =>
    Effect.gen(function*() {
      const text = "x".repeat(200)
      const lines: Array<string> = []
      for (const isTTY of [true, false]) {
        yield* Progress.terminal({ isTTY, columns: 80, write: (line) => lines.push(line) }).report(
          Progress.Event.Warned({ stage: "rft", text })
        )
      }
      assert.deepStrictEqual(lines, [`\r\u001b[2Kwarning: rft: ${text}\n`, `warning: rft: ${text}\n`])
    }))
})

describe("answers to the validation split", () => {
  const train = (learningRate: number, task: Task.Task<Stub.Label> = Stub.Mood, steps = 12) =>
    Rise.make(task, Stub.data(40), { validation: 0.3 }).pipe(
      Rise.answers(),
      Rise.sft({ steps, batchSize: 8, learningRate, select: { every: 3 } }),
      Rise.train
    )

  /** Reads "joy" in whatever is written; to its similarity one mood is as good as another. */
  const allJoy: typeof Stub.Mood = {
    ...Stub.Mood,
    decode: () => Result.succeed("joy" as const),
    similarity: () => 1
  }

  it.effect("that are all one are told of once, half-way, in metrics too", () =>
    Effect.gen(function*() {
      const alike = train(3, allJoy)
      const settings = { flags: "--steps-…, --lr-…", settings: "steps, learningRate", preset: "another --preset" }
      for (const means of ["flags", "settings", "preset"] as const) {
        const told = yield* warnings(Effect.provideService(alike, Means, means))
        assert.strictEqual(told.length, 1)
        assert.match(told[0]!, /^sft: at step 6 of 12 the answer to each of 12 validation pictures is the same, ".*"/)
        assert.include(told[0]!, `more steps or another rate (${settings[means]}; docs/`)
      }
    }).pipe(Effect.provide(live)))

  it.effect("that are all one where lessons are known by heart ask for no more steps", () =>
    Effect.gen(function*() {
      const told = yield* warnings(train(9, allJoy, 90))
      assert.strictEqual(told.length, 1)
      assert.match(
        told[0]!,
        /is the same, ".*"(?:.|\n)*known by heart \(a loss next to 0\), so that more steps will not help/
      )
      assert.notMatch(told[0]!, /--steps/)
    }).pipe(Effect.provide(live)))

  it.effect("are told from the loss of the last steps of a method's SFT", () =>
    Effect.gen(function*() {
      const run = yield* Run
      for (const [method, end] of [["SFT", 0.01], ["RISE", 0.2]] as const) {
        for (let step = 1; step <= 30; step++) {
          const loss = step < 20 ? 2 : end
          yield* run.within(method).metric({ stage: "sft", step, of: 30, loss })
          yield* run.within(method).metric({ stage: "rft", step, of: 30, loss: 0.001 })
        }
      }
      assert.deepStrictEqual(yield* Effect.forEach(["SFT", "RISE", "Visual-RFT"], knows), [true, false, false])
    }).pipe(Effect.provide(Run.layerMemory({ seed: 0 }))))

  it.effect("that are better than any guess are not told of", () =>
    Effect.map(warnings(train(3)), (told) => assert.deepStrictEqual(told, [])).pipe(Effect.provide(live)))

  it.effect("are compared with the best of their own labels for every picture", () =>
    Effect.gen(function*() {
      const metric = Stub.Mood.metrics![0]!
      const of = (pairs: ReadonlyArray<readonly [Stub.Label, Stub.Label]>) =>
        Guessing.told(
          Stub.Mood,
          metric,
          pairs.map(([truth, given]) => ({
            truth,
            annotation: Option.some(given),
            value: metric.of(truth, Option.some(given))
          }))
        )
      const joy = ["joy", "joy"] as const
      const right = [joy, joy, joy, joy, ["fear", "fear"], ["fear", "fear"], ["anger", "anger"], joy] as const
      assert.isUndefined(yield* of(right))
      // Half of them right, and more right by "joy" for all.
      const half = [joy, joy, joy, ["joy", "fear"], ["joy", "fear"], ["fear", "joy"], ["anger", "joy"], joy] as const
      assert.match(
        (yield* of(half)) ?? "",
        /^error 0\.500 on 8 validation pictures is no better than "joy" for every one of them \(0\.250\)/
      )
      assert.isUndefined(yield* of(half.slice(0, 7)))
      // One label is all there is: the same answer is right.
      assert.isUndefined(yield* of(Array.from({ length: 8 }, () => joy)))
    }))
})
