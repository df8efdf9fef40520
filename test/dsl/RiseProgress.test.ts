import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Progress from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import * as Stub from "./StubPolicy.ts"

const live = Layer.mergeAll(Stub.layer(), Run.layerMemory({ seed: 0 })).pipe(
  Layer.provideMerge(Stub.Trace.layer),
  Layer.provideMerge(NodeServices.layer)
)

const screen = (isTTY: boolean) => {
  const lines: Array<string> = []
  return { lines, view: Progress.terminal({ isTTY, columns: 120, write: (text) => lines.push(text) }) }
}

const steps = Effect.fnUntraced(function*(view: Progress.View, count: number, millis: number) {
  // No stage begins when the clock does.
  yield* TestClock.adjust("1 hour")
  yield* view.report(Progress.Event.Started({ stage: "RISE/rft", total: 60, unit: "steps" }))
  for (let step = 1; step <= count; step++) {
    yield* TestClock.adjust(millis)
    yield* view.report(
      Progress.Event.Step({ stage: "RISE/rft", step, tokens: 1500, figures: { reward: 0.5, kl: 0.0002 } })
    )
  }
})

describe("Progress", () => {
  it.effect("is told of every stage and every step", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const view: Progress.View = {
        report: (event) =>
          Effect.sync(() => {
            seen.push(
              `${event._tag} ${"stage" in event ? event.stage : ""}${
                event._tag === "Step" ? ` ${event.step} ${Object.keys(event.figures)}` : ""
              }`
            )
          })
      }
      yield* Rise.make(Stub.Mood, Stub.data(9)).pipe(
        Rise.answers(),
        Rise.sft({ steps: 2 }),
        Rise.train,
        Effect.provideService(Progress.Progress, view),
        Effect.provide(live)
      )
      assert.deepStrictEqual(seen, ["Started sft", "Step sft 1 loss", "Step sft 2 loss", "Finished sft"])
    }))

  it.effect("is told of all stages of a run before the first begins, and what they come to", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/run`
      const told: Array<Progress.Event> = []
      const loop = Rise.make(Stub.Mood, Stub.data(40), { validation: 0.2 }).pipe(
        Rise.warmUp({ share: 0.5, steps: 4, batchSize: 4, learningRate: 2 }),
        Rise.generate({ candidates: 4 }),
        Rise.reconstruct(),
        Rise.validate()
      )
      yield* loop.pipe(
        Rise.reinforce({ steps: 10, promptsPerStep: 8, learningRate: 5 }),
        Rise.best(),
        Rise.filter({ tau: 0.5 }),
        Rise.sft({ steps: 2, batchSize: 4, learningRate: 3, select: { every: 1 } }),
        Rise.rft({ steps: 2, promptsPerStep: 8, learningRate: 3 }),
        Rise.run({ out }),
        Effect.provideService(Progress.Progress, { report: (event) => Effect.sync(() => void told.push(event)) })
      )
      const [began, first, ...rest] = told
      assert.deepStrictEqual(began, Progress.Event.Began({ text: `"mood" begins in ${out}, seed 0` }))
      assert.deepStrictEqual(
        rest.flatMap((event) => event._tag === "Started" ? [event.stage] : []),
        ["warm-up-chains", "warm-up", "reinforce", "explain", "sft", "rft"]
      )
      const counted = first?._tag === "Planned" ? first.stages : []
      assert.deepStrictEqual(
        counted.map(({ stage }) => stage),
        rest.flatMap((event) => event._tag === "Started" ? [event.stage] : [])
      )
      const of = (name: string) => counted.find(({ stage }) => stage === name)?.counted ?? NaN
      // 10 steps of 8 prompts, 4 candidates, 2 texts each, drawn and trained; 2 steps of 8 prompts and 8 texts.
      assert.closeTo(of("reinforce") / of("rft"), 10 * 8 * 4 * 2 / (2 * 8 * 8), 1e-9)
      assert.isTrue(counted.every(({ counted }) => counted > 0))
      // Without reinforce, the chains are the base's and are written all the same.
      assert.deepStrictEqual(loop.pipe(Rise.best()).plan.map(({ stage }) => stage), [
        "warm-up-chains",
        "warm-up",
        "explain"
      ])
    })).pipe(
      Effect.provide(Stub.layer().pipe(Layer.provideMerge(Stub.Trace.layer), Layer.provideMerge(NodeServices.layer)))
    ))

  it.effect("leaves nothing of what takes less than two seconds", () =>
    Effect.gen(function*() {
      for (const isTTY of [true, false]) {
        const { lines, view } = screen(isTTY)
        yield* steps(view, 9, 200)
        assert.strictEqual(lines.length > 0, isTTY, "a terminal shows it from its beginning")
        yield* view.report(Progress.Event.Finished({ stage: "RISE/rft", note: "" }))
        assert.strictEqual(lines.at(-1), isTTY ? "\r\u001b[2K" : undefined)
        assert.notInclude(lines.join(""), "\n")
      }
    }))

  it.effect("redraws one line on a terminal: bar, steps, figures and where they went, rate and time to go", () =>
    Effect.gen(function*() {
      const { lines, view } = screen(true)
      yield* steps(view, 30, 1000)
      assert.strictEqual(
        lines.at(-1),
        `\r\u001b[2KRISE/rft  ${"█".repeat(12)}${"░".repeat(12)}  30/60 steps  reward 0.500 ▁▁▁▁▁▁  ` +
          "kl 2.0e-4 ▁▁▁▁▁▁  1.5k tok/s  30s left"
      )
      yield* view.report(Progress.Event.Finished({ stage: "RISE/rft", note: "kept step 20" }))
      assert.strictEqual(lines.at(-1), "\r\u001b[2KRISE/rft  done in 30s  kept step 20\n")
    }))

  it.effect("writes plain lines now and then elsewhere: the first after two seconds, then every ten", () =>
    Effect.gen(function*() {
      const { lines, view } = screen(false)
      yield* steps(view, 30, 1000)
      const line = (step: number, eta: string) =>
        `${"RISE/rft".padEnd(22)}  ${String(step).padStart(2)}/60 steps  reward 0.500  kl 2.0e-4  1.5k tok/s  ${eta}\n`
      assert.deepStrictEqual(lines, [line(2, "ETA 58s"), line(12, "ETA 48s"), line(22, "ETA 38s")])
      yield* view.report(Progress.Event.Finished({ stage: "RISE/rft", note: "" }))
      assert.strictEqual(lines.at(-1), `${"RISE/rft".padEnd(22)}  done in 30s\n`)
      // What never began has nothing to show.
      const { length } = lines
      yield* view.report(Progress.Event.Finished({ stage: "RISE/rft", note: "again" }))
      yield* view.report(Progress.Event.Step({ stage: "RISE/rft", step: 1, tokens: 0, figures: {} }))
      assert.strictEqual(lines.length, length)
    }))

  it.effect("redraws a terminal's line five times a second", () =>
    Effect.gen(function*() {
      const { lines, view } = screen(true)
      yield* steps(view, 30, 100)
      // At its beginning, then every 0.2 s of three.
      assert.strictEqual(lines.length, 1 + 15)
    }))

  it.effect("counts rate and time to go from what this run has done, and tokens in thousands", () =>
    Effect.gen(function*() {
      const { lines, view } = screen(false)
      const shown = Effect.fnUntraced(function*(
        start: { readonly total: number; readonly done?: number },
        step: number,
        tokens: number
      ) {
        yield* view.report(Progress.Event.Started({ stage: "s", unit: "answers", ...start }))
        yield* TestClock.adjust(10_000)
        yield* view.report(Progress.Event.Step({ stage: "s", step, tokens, figures: {} }))
        yield* view.report(Progress.Event.Finished({ stage: "s", note: "" }))
        return lines.splice(0)[0]?.slice(24)
      })
      // 20 of 120 in ten seconds, after 100 of an earlier run: 80 more in forty.
      assert.strictEqual(yield* shown({ total: 200, done: 100 }, 120, 90), "120/200 answers  9 tok/s  ETA 40s\n")
      assert.strictEqual(yield* shown({ total: 200, done: 100 }, 100, 0), "100/200 answers\n")
      // A total that nobody knows.
      assert.strictEqual(yield* shown({ total: 0 }, 7, 9990), "7 answers  999 tok/s\n")
      assert.strictEqual(yield* shown({ total: 10 }, 10, 10_000), "10/10 answers  1.0k tok/s  ETA 0s\n")
      assert.strictEqual(yield* shown({ total: 10 }, 5, 100_000), " 5/10 answers  10k tok/s  ETA 10s\n")
    }))

  it.effect("writes figures below a thousandth as powers, and tells the end of a pass with its count", () =>
    Effect.gen(function*() {
      const { lines, view } = screen(false)
      yield* view.report(Progress.Event.Started({ stage: "sft", total: 9, unit: "steps" }))
      yield* TestClock.adjust(3000)
      const figures = { zero: 0, thousandth: 0.001, below: -0.00099 }
      yield* view.report(Progress.Event.Step({ stage: "sft", step: 1, tokens: 0, figures }))
      assert.include(lines.join(), "zero 0.000  thousandth 0.001  below -9.9e-4")
      const told: Array<Progress.Event> = []
      yield* Rise.make(Stub.Mood, Stub.data(9)).pipe(
        Rise.generate({ candidates: 2 }),
        ({ items }) => Stream.runDrain(items),
        Effect.provideService(Progress.Progress, { report: (event) => Effect.sync(() => void told.push(event)) }),
        Effect.provide(live)
      )
      assert.deepStrictEqual(told[0], Progress.Event.Started({ stage: "explain", total: 9, unit: "samples" }))
      assert.deepStrictEqual(told.at(-1), Progress.Event.Finished({ stage: "explain", note: "9 samples" }))
    }))

  it.effect("is told of every token that a pass has cost, reasonings and reconstructions", () =>
    Effect.gen(function*() {
      const told: Array<Progress.Event> = []
      const loop = Rise.make(Stub.Mood, Stub.data(9)).pipe(Rise.generate({ candidates: 3 }), Rise.reconstruct())
      const groups = yield* Stream.runCollect(loop.items).pipe(
        Effect.provideService(Progress.Progress, { report: (event) => Effect.sync(() => void told.push(event)) }),
        Effect.provideService(Rise.Batching, { prompts: 4, calls: 1 }),
        Effect.provide(live)
      )
      const cost = (some: typeof groups) =>
        some.flatMap(({ candidates }) => candidates).reduce(
          (sum, { reasoning, reconstruction }) =>
            sum + reasoning.completion.tokens.length + reconstruction.completion.tokens.length,
          0
        )
      assert.deepStrictEqual(
        told.flatMap((event) => event._tag === "Step" ? [[event.step, event.tokens]] : []),
        [[4, cost(groups.slice(0, 4))], [8, cost(groups.slice(4, 8))], [9, cost(groups.slice(8))]]
      )
      assert.isAbove(cost(groups), 9 * 3 * 3)
    }))

  it("writes durations for people", () => {
    assert.deepStrictEqual(
      [-3, 0, 59.4, 59.6, 187, 3599, 3600, 3725].map(Progress.duration),
      ["0s", "0s", "59s", "1m00s", "3m07s", "59m59s", "1h00m", "1h02m"]
    )
  })
})
