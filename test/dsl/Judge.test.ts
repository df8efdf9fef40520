/** Rewards that take more than two annotations: similarities that look at the sample, and judges. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, Schema, Stream } from "effect"
import * as Judge from "../../src/dsl/Judge.ts"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Reward from "../../src/dsl/Reward.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import type { Sample, Task, Turn } from "../../src/dsl/Task.ts"
import { evaluate } from "../../src/evaluation/evaluate.ts"
import { figure } from "../../src/evaluation/Results.ts"
import * as Stub from "./StubPolicy.ts"

type Label = Stub.Label
const samples = Effect.runSync(Stream.runCollect(Stub.data(40)))
const chain = "we can see a bright festive smile here"

/** A candidate of the i-th sample that S pays with 1. */
const candidate = (i: number, reasoning = chain, task: Task<Label> = Stub.Mood): Judge.Candidate<Label> => {
  const sample = samples[i]!
  return {
    turn: { ...sample, reasoning },
    scored: Reward.cot(task)({ truth: sample.truth, reasoning, reconstruction: sample.truth, sample })
  }
}

const judged = (judge: NonNullable<Task<Label>["judge"]>, judging: Judge.Judging = {}): Task<Label> => (
  { ...Stub.Mood, judge, judging }
)

const services = Layer.mergeAll(Stub.layer(), Run.layerMemory({ seed: 0 }), Layer.succeed(Progress, silent)).pipe(
  Layer.provideMerge(Stub.Trace.layer),
  Layer.provideMerge(NodeServices.layer)
)

describe("a similarity", () => {
  const looking: Task<Label> = {
    ...Stub.Mood,
    similarity: (truth, predicted, { image, question, reasoning }) =>
      truth !== predicted || question === "none"
        ? 0
        : image.id.endsWith("-0")
        ? 1
        : reasoning === undefined
        ? 0.25
        : 0.5
  }
  it("may look at the sample and the reasoning", () => {
    const of = (sample: Sample<Label>, reasoning = chain) =>
      Reward.cot(looking)({ truth: sample.truth, reasoning, reconstruction: sample.truth, sample }).reward
    assert.strictEqual(of(samples[0]!), 1)
    assert.strictEqual(of(samples[3]!), 0.5)
    assert.strictEqual(of({ ...samples[3]!, question: "none" }), 0)
    const sample = samples[3]!
    const answer = { truth: sample.truth, text: Reward.writeThinkAnswer(chain, sample.truth), sample }
    assert.strictEqual(Reward.r1(looking)(answer).reward, 0.5)
  })
  it("that looks at a sample nobody gave says so", () => {
    assert.throws(
      () => Reward.cot(looking)({ truth: "joy", reasoning: chain, reconstruction: "joy" }),
      /task "mood": its similarity looks at the sample, and was given none: give `sample`/
    )
  })
  it.effect("is given it in every stage and evaluation", () =>
    Effect.gen(function*() {
      const seen = new Set<string>()
      const task: Task<Label> = {
        ...Stub.Mood,
        metrics: [],
        similarity: (truth, predicted, { image, reasoning, truth: same }) => {
          assert.strictEqual(same, truth)
          seen.add(`${image.id.split("-")[0]}/${reasoning === undefined ? "answer" : "think"}`)
          return truth === predicted ? 1 : 0.2
        }
      }
      const settings = { steps: 2, learningRate: 1, select: { every: 2 } }
      yield* Rise.train(
        Rise.make(task, Stub.data(24), { validation: 0.3 }).pipe(
          Rise.generate({ candidates: 3 }),
          Rise.reconstruct(),
          Rise.validate(),
          Rise.reinforce(settings),
          Rise.best(),
          Rise.filter({ tau: 0 }),
          Rise.sft(settings),
          Rise.rft({ ...settings, groupSize: 3 })
        )
      )
      yield* evaluate({ method: "a", task, data: Stub.data(6), form: "answer", grammar: "off" })
      assert.includeMembers([...seen], ["joy/think", "fear/think", "joy/answer"])
    }).pipe(Effect.provide(services)))
})

describe("a judge", () => {
  it.effect("multiplies S, and is not asked where nothing is paid", () =>
    Effect.gen(function*() {
      const asked: Array<Turn<Label>> = []
      const task = judged((_truth, _predicted, turn) => {
        asked.push(turn)
        return Effect.succeed(turn.truth === "joy" ? 0.5 : 1)
      })
      const wrong = Reward.cot(task)({ truth: "anger", reasoning: chain, reconstruction: "joy" })
      const unread = Reward.cot(task)({ truth: "anger", reasoning: chain, reconstruction: "potato" })
      const turn = { ...samples[1]!, reasoning: chain }
      const paid = yield* Judge.pay(task, [candidate(0), candidate(1), { turn, scored: wrong }, {
        turn,
        scored: unread
      }])
      assert.deepStrictEqual(paid.map(({ reward }) => reward), [0.5, 1, 0.2, 0])
      assert.deepStrictEqual(paid.map(({ verdict }) => verdict), ["ok", "ok", "ok", "format-annotation"])
      assert.strictEqual(asked.length, 3)
      assert.deepStrictEqual(asked.map(({ reasoning }) => reasoning), [chain, chain, chain])
      assert.strictEqual(asked[0]!.image, samples[0]!.image)
    }))

  it.effect("leaves everything as it is where there is none", () =>
    Effect.gen(function*() {
      const all = [candidate(0), candidate(1, "no idea")]
      assert.deepStrictEqual(yield* Judge.pay(Stub.Mood, all), all.map(({ scored }) => scored))
    }))

  it.effect("is asked once for the same answer, picture and reasoning, and forgets the oldest", () =>
    Effect.gen(function*() {
      let asked = 0
      const task = judged(() => Effect.sync(() => ++asked && 1), { remembered: 2 })
      yield* Judge.pay(task, [candidate(0), candidate(0), candidate(1)])
      assert.strictEqual(asked, 2)
      yield* Judge.pay(task, [candidate(0), candidate(1)])
      assert.strictEqual(asked, 2)
      yield* Judge.pay(task, [candidate(0, "the face smiles in a bright park"), candidate(0)])
      assert.strictEqual(asked, 3)
      yield* Judge.pay(task, [candidate(0)])
      assert.strictEqual(asked, 4, "the first was forgotten")
    }))

  it.live("has no more under way than it allows", () =>
    Effect.gen(function*() {
      let now = 0
      let most = 0
      const task = judged(() =>
        Effect.gen(function*() {
          most = Math.max(most, ++now)
          yield* Effect.sleep(2)
          now--
          return 1
        }), { concurrency: 3 })
      yield* Judge.pay(task, samples.map((_, i) => candidate(i)))
      assert.strictEqual(most, 3)
    }))

  it.effect("that fails costs the candidate alone, and is asked again the next time", () =>
    Effect.gen(function*() {
      let asked = 0
      const task = judged((_truth, _predicted, { truth }) =>
        Effect.suspend(() => ++asked && truth === "anger" ? Effect.fail("busy") : Effect.succeed(1))
      )
      const all = samples.slice(0, 9).map((_, i) => candidate(i))
      const paid = yield* Judge.pay(task, all)
      assert.deepStrictEqual(
        paid.map(({ reward }) => reward),
        samples.slice(0, 9).map(({ truth }) => truth === "anger" ? 0 : 1)
      )
      const failed = paid.filter(({ verdict }) => verdict === "judge")
      assert.strictEqual(failed.length, 3)
      assert.deepStrictEqual(Option.getOrThrow(failed[0]!.detail), { reason: "judge-failed", value: "busy" })
      yield* Judge.pay(task, all)
      assert.strictEqual(asked, 12)
    }))

  it.effect("that fails many times in a row ends the work with the first reason, and asks no more", () =>
    Effect.gen(function*() {
      let asked = 0
      const task = judged(() => Effect.suspend(() => Effect.fail(`refused ${++asked}`)), {
        concurrency: 1,
        patience: 5
      })
      // A row may reach over several batches.
      yield* Judge.pay(task, [candidate(0), candidate(1), candidate(2)])
      const error = yield* Effect.flip(Judge.pay(task, samples.slice(3).map((_, i) => candidate(i + 3))))
      assert.instanceOf(error, Judge.JudgeError)
      assert.strictEqual(asked, 5)
      assert.match(
        error.message,
        /^judge of task "mood": 5 judgments in a row failed, the first, of sample joy-0, because: refused 1;/
      )
    }))

  it.effect("keeps the law of eq. 1, or the run ends", () =>
    Effect.gen(function*() {
      for (const value of [1.5, -0.1, NaN]) {
        const error = yield* Effect.flip(Judge.pay(judged(() => Effect.succeed(value)), [candidate(0)]))
        assert.strictEqual(error._tag, "TaskError")
        assert.include(error.message, `sample joy-0: judge returned ${value} for "joy", expected [0, 1]`)
      }
      const [rounded] = yield* Judge.pay(judged(() => Effect.succeed(1 + 1e-12)), [candidate(0)])
      assert.strictEqual(rounded!.reward, 1)
      const broken = judged(() => {
        throw new Error("no such column")
      })
      const error = yield* Effect.flip(Judge.pay(broken, [candidate(0)]))
      assert.match(error.message, /task "mood", sample joy-0: its judge threw Error: no such column/)
      const setting = yield* Effect.flip(Judge.pay(judged(() => Effect.succeed(1), { concurrency: 0 }), [candidate(0)]))
      assert.match(setting.message, /judging: concurrency is 0, expected a whole number from 1/)
    }))

  it.effect("gets the services that it is given, kept as long as the scope", () =>
    Effect.gen(function*() {
      class Worth extends Context.Service<Worth, { readonly of: (label: Label) => number }>()("test/Worth") {}
      let open = 0
      let built = 0
      const layer = Layer.effect(
        Worth,
        Effect.acquireRelease(
          Effect.sync(() => {
            open++
            built++
            return Worth.of({ of: (label) => label === "joy" ? 0.5 : 1 })
          }),
          () => Effect.sync(() => open--)
        )
      )
      const rewards = yield* Effect.scoped(Effect.gen(function*() {
        const task = yield* Judge.add(Stub.Mood, {
          judge: (truth) => Effect.map(Worth, ({ of }) => of(truth)),
          layer,
          concurrency: 2
        })
        assert.deepStrictEqual(task.judging, { concurrency: 2 })
        const first = yield* Judge.pay(task, [candidate(0)])
        const second = yield* Judge.pay(task, [candidate(1)])
        assert.strictEqual(open, 1)
        return [...first, ...second].map(({ reward }) => reward)
      }))
      assert.deepStrictEqual(rewards, [0.5, 1])
      assert.deepStrictEqual([open, built], [0, 1])
    }))

  it.effect("judges chains, rollouts, the validation split and evaluated answers", () =>
    Effect.gen(function*() {
      const run = yield* Run
      const seen: Array<string | undefined> = []
      const task = {
        ...judged((_truth, _predicted, { reasoning }) => {
          seen.push(reasoning)
          return Effect.succeed(reasoning === undefined ? 0.5 : 0.25)
        }),
        metrics: []
      }
      const settings = { steps: 2, learningRate: 1, select: { every: 2 } }
      yield* Rise.train(
        Rise.make(task, Stub.data(24), { validation: 0.3 }).pipe(
          Rise.generate({ candidates: 3 }),
          Rise.reconstruct(),
          Rise.validate(),
          Rise.best(),
          Rise.filter({ tau: 0 }),
          Rise.sft(settings),
          Rise.rft({ ...settings, groupSize: 3 })
        )
      )
      const rows = yield* run.rows("cot.jsonl").pipe(
        Stream.mapEffect((row) => Schema.decodeUnknownEffect(Rise.CotRow)(row)),
        Stream.runCollect
      )
      assert.isAbove(rows.length, 10)
      assert.isTrue(rows.every(({ reward }) => [0, 0.05, 0.25].some((paid) => Math.abs(paid - reward) < 1e-9)))
      const answers = yield* evaluate({ method: "a", task, data: Stub.data(6), form: "answer", grammar: "off" })
      assert.isAtMost(Option.getOrThrow(figure(answers, "a", "all", "reward")), 0.5)
      assert.include(seen, undefined)
      assert.include(seen, chain)
    }).pipe(Effect.provide(services)))
})
