/** What a script reads when its run is over, cut off, or refused. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem, Layer } from "effect"
import * as Progress from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import * as Afterwards from "../../src/dsl/stages/Afterwards.ts"
import * as Stub from "./StubPolicy.ts"

const live = (options: Stub.Options = {}) => Stub.layer({ seed: 1, ...options }).pipe(Layer.provide(Stub.Trace.layer))

const described = { version: 1, kind: "mood" }

const steps = (task: typeof Stub.Mood) =>
  Rise.make(task, Stub.data(8)).pipe(Rise.answers(), Rise.sft({ steps: 2, batchSize: 4 }))

/** What a view is told at the end. */
const telling = () => {
  const lines: Array<string> = []
  const view = (make: typeof Progress.terminal) =>
    make({ isTTY: false, write: (text) => lines.push(...text.split("\n").filter((line) => line !== "")) })
  return { lines, view }
}

const temporary = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

describe("a script's run", () => {
  it.effect("ends with one line: where the model is, and the next commands", () =>
    Effect.gen(function*() {
      const out = `${yield* temporary}/it's mine`
      const { lines, view } = telling()
      const run = (resume: boolean, task: typeof Stub.Mood, view: Progress.View) =>
        steps(task).pipe(
          Rise.run({ out, resume }),
          Effect.provide(live()),
          Effect.provideService(Progress.Progress, view)
        )
      yield* run(false, { ...Stub.Mood, described }, view(Progress.terminal))
      const model = `'${out.replace("'", "'\\''")}/model'`
      assert.deepStrictEqual(lines, [
        `"mood" begins in ${out}, seed 0`,
        `The model is in ${out}/model. Measure it: npx rise evaluate --model ${model} --data PICTURES. ` +
        `Ask it: npx rise annotate --model ${model} PICTURE`
      ])
      yield* run(true, Stub.Mood, view(Progress.jsonLines))
      assert.deepStrictEqual(JSON.parse(lines.at(-1)!), {
        event: "ended",
        text: `The model is in ${out}/model. "mood" is a task of this script: ask the model here, by Rise.evaluate ` +
          `and Rise.annotate with Policy.onnx({ model: ${JSON.stringify(`${out}/model`)} })`
      })
      // What an engine gives is an adapter, which wants the base model under it.
      const fs = yield* FileSystem.FileSystem
      yield* fs.remove(`${out}/model/config.json`, { force: true })
      yield* fs.writeFileString(`${out}/model/adapter_config.json`, "{}")
      yield* Afterwards.finished(out, { ...Stub.Mood, described }).pipe(
        Effect.provideService(Progress.Progress, view(Progress.terminal))
      )
      assert.include(
        lines.at(-1),
        `An adapter is in ${out}/model. Measure it: npx rise evaluate --model BASE --adapter`
      )
      yield* Afterwards.finished(out, Stub.Mood).pipe(
        Effect.provideService(Progress.Progress, view(Progress.terminal))
      )
      assert.include(lines.at(-1), `{ model: BASE, lora: { adapter: ${JSON.stringify(`${out}/model`)} } }`)
      // The engine knows it by its state.
      yield* fs.writeFileString(`${out}/model/engine.json`, "{}")
      const finished = Afterwards.finished(out, { ...Stub.Mood, described }).pipe(
        Effect.provideService(Progress.Progress, view(Progress.terminal))
      )
      yield* finished
      const there = `--engine tinker=URL --model NAME --tokenizer DIR --adapter ${model}`
      assert.match(lines.at(-1) ?? "", /^An adapter is in /)
      assert.include(lines.at(-1), `PICTURE. At the engine: ${there}`)
      yield* fs.remove(`${out}/model/adapter_config.json`)
      yield* finished
      assert.match(lines.at(-1) ?? "", /^The weights stay at the engine; /)
      assert.include(lines.at(-1), `npx rise evaluate ${there} --data PICTURES`)
      yield* fs.remove(`${out}/model/engine.json`)
      const told = lines.length
      yield* run(true, Stub.Mood, Progress.warnings(view(Progress.terminal)))
      assert.strictEqual(lines.length, told, "quiet is quiet")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("says how it goes on where it is interrupted, in words of a script", () =>
    Effect.gen(function*() {
      const out = `${yield* temporary}/run`
      const { lines, view } = telling()
      const reached = yield* Deferred.make<void>()
      const fiber = yield* steps(Stub.Mood).pipe(
        Rise.run({ out, seed: 3 }),
        Effect.provide(
          live({ beforeUpdate: () => Effect.andThen(Deferred.succeed(reached, undefined), Effect.never) })
        ),
        Effect.provideService(Progress.Progress, view(Progress.terminal)),
        Effect.forkChild
      )
      yield* Deferred.await(reached)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(lines, [
        `"mood" begins in ${out}, seed 3`,
        `Interrupted. Go on after the last finished stage: Rise.run({ out: ${
          JSON.stringify(out)
        }, seed: 3, resume: true })`
      ])
      // As it says.
      yield* steps(Stub.Mood).pipe(
        Rise.run({ out, seed: 3, resume: true }),
        Effect.provide(live()),
        Effect.provideService(Progress.Progress, Progress.silent)
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("ends well without a model where the policy only writes, and is refused at once where it trains", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* temporary}/run`
      const { lines, view } = telling()
      const drawn = Rise.make(Stub.Mood, Stub.data(8)).pipe(
        Rise.generate({ candidates: 4 }),
        Rise.reconstruct(),
        Rise.validate(),
        Rise.best()
      )
      const trace = yield* Effect.provide(
        Effect.gen(function*() {
          const options = { out, resume: true }
          const own = Effect.provide(Stub.layer({ seed: 1, unable: { training: "it is remote" } }))
          const refused = yield* Effect.flip(drawn.pipe(Rise.sft({ steps: 2 }), Rise.run(options), own))
          assert.strictEqual(
            refused.message,
            "sft: the policy is one that only writes, expected one that learns: it is remote"
          )
          assert.deepStrictEqual((yield* Stub.Trace).keys, [])
          assert.isFalse(yield* fs.exists(out))
          yield* drawn.pipe(Rise.run({ out }), own)
          yield* drawn.pipe(Rise.run(options), own)
          return yield* Stub.Trace
        }).pipe(Effect.provideService(Progress.Progress, view(Progress.terminal))),
        Stub.Trace.layer
      )
      assert.isAbove(trace.keys.length, 0)
      assert.strictEqual(
        lines.filter((line) => line === `Nothing was trained, so there is no model: the chains are in ${out}/cot.jsonl`)
          .length,
        2
      )
      assert.isFalse(yield* fs.exists(`${out}/model`))
      assert.strictEqual((yield* fs.readFileString(`${out}/cot.jsonl`)).trim().split("\n").length, 8)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("keeps the last weights where select is null, as a file of settings says it", () =>
    Effect.gen(function*() {
      const out = `${yield* temporary}/run`
      yield* Rise.make(Stub.Mood, Stub.data(8)).pipe(
        Rise.answers(),
        Rise.sft({ steps: 2, batchSize: 4, select: null }),
        Rise.run({ out }),
        Effect.provide(live()),
        Effect.provideService(Progress.Progress, Progress.silent)
      )
      const metrics = yield* (yield* FileSystem.FileSystem).readFileString(`${out}/metrics.jsonl`)
      assert.notInclude(metrics, "selected step")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("is refused in a script's words, too", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* temporary}/run`
      const again = (options: Partial<Rise.RunOptions>) =>
        steps(Stub.Mood).pipe(
          Rise.run({ out, ...options }),
          Effect.provide(live()),
          Effect.provideService(Progress.Progress, Progress.silent)
        )
      yield* again({})
      const faults = [
        yield* Effect.flip(again({})),
        yield* Effect.flip(again({ seed: 1, resume: true })),
        yield* Effect.gen(function*() {
          yield* fs.makeDirectory(`${out}-2`)
          yield* fs.writeFileString(`${out}-2/a.txt`, "")
          return yield* Effect.flip(again({ out: `${out}-2` }))
        })
      ].map(({ message }) => message)
      assert.deepStrictEqual(faults, [
        `${out} already holds a run: continue it with Rise.run({ out: ${JSON.stringify(out)}, resume: true }), or ` +
        "choose another out",
        `${out} was started with seed = 0, this run has 1: resume with the same options and data, or ` +
        "choose another out",
        `${out}-2 already exists and holds no run: choose another out`
      ])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
