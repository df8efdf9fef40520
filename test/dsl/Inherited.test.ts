import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Stream } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import { changeLedger } from "./folders.ts"
import * as Stub from "./StubPolicy.ts"

const explained = Rise.make(Stub.Mood, Stub.data(12)).pipe(
  Rise.warmUp({ share: 0.5, steps: 2, batchSize: 4, learningRate: 2 }),
  Rise.generate({ candidates: 4 }),
  Rise.reconstruct(),
  Rise.validate(),
  Rise.best()
)

const identity = { task: "mood", config: { stages: { warmUp: 2 } } }

const inRun = (
  options: {
    readonly path: string
    readonly from?: ReadonlyArray<string>
    readonly identity?: typeof identity | { readonly task: string }
    readonly seed?: number
    readonly resume?: boolean
  }
) =>
<A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const result = yield* effect
    const { sessions, updates } = yield* Stub.Trace
    return { result, sessions, updates: updates.length }
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        Stub.layer({ seed: 1 }),
        Run.layer({ seed: 2, identity, ...options }),
        Layer.succeed(Progress, silent)
      ).pipe(
        Layer.provideMerge(Stub.Trace.layer)
      )
    )
  )

const setUp = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const out = yield* fs.makeTempDirectoryScoped()
  yield* Rise.train(explained).pipe(inRun({ path: `${out}/first` }))
  return { fs, out }
})

describe("a run that begins where another ended", () => {
  it.effect("finds what the other has finished done, and writes nothing into it", () =>
    Effect.gen(function*() {
      const { fs, out } = yield* setUp
      // A stage that was cut off had begun to write: that is no part of what is finished.
      yield* fs.writeFileString(`${out}/first/cot.jsonl`, "{\"image\":\"half", { flag: "a" })
      const files = ["cot.jsonl", "warm-up.jsonl", "metrics.jsonl", "checkpoints/ledger.json", "run.json"]
      const read = Effect.forEach(files, (file) => fs.readFileString(`${out}/first/${file}`))
      const before = yield* read
      const { result, sessions, updates } = yield* Stream.runCollect(explained.items).pipe(
        inRun({ path: `${out}/second`, from: [`${out}/first`] })
      )
      assert.strictEqual(result.length, 12)
      assert.strictEqual(sessions, 0)
      assert.strictEqual(updates, 0)
      assert.deepStrictEqual(yield* read, before)
      assert.isFalse(yield* fs.exists(`${out}/second/cot.jsonl`))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("does itself what the other has not finished", () =>
    Effect.gen(function*() {
      const { fs, out } = yield* setUp
      yield* changeLedger(`${out}/first`, ({ stages }) => ({
        stages: stages.filter(({ stage }) => stage !== "explain")
      }))
      const { sessions, updates } = yield* Rise.train(explained).pipe(
        inRun({ path: `${out}/second`, from: [`${out}/first`] })
      )
      assert.strictEqual(updates, 0, "warmed already")
      assert.strictEqual(sessions, 1)
      assert.strictEqual(
        yield* fs.readFileString(`${out}/second/cot.jsonl`),
        yield* fs.readFileString(`${out}/first/cot.jsonl`)
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("may say more than the other, and nothing else", () =>
    Effect.gen(function*() {
      const { out } = yield* setUp
      const from = [`${out}/first`]
      const begin = (path: string, identity: { readonly task: string }, seed = 2) =>
        Effect.void.pipe(inRun({ path: `${out}/${path}`, from, identity, seed }))
      const more = { task: "mood", config: { stages: { warmUp: 2, sft: 5 } }, extra: 1 }
      yield* begin("more", more)
      assert.include(
        (yield* Effect.flip(begin("other", { ...more, config: { stages: { warmUp: 3 } } } as never))).message,
        "config.stages.warmUp = 2, this run has 3"
      )
      assert.include(
        (yield* Effect.flip(begin("less", { task: "mood" }))).message,
        "config = {\"stages\":{\"warmUp\":2}}, this run has null"
      )
      assert.include((yield* Effect.flip(begin("seed", more, 3))).message, "seed = 2, this run has 3")
      assert.include(
        (yield* Effect.flip(Effect.void.pipe(inRun({ path: `${out}/none`, from: [`${out}/nowhere`] })))).message,
        "no such file"
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("is no run that may be resumed with more than it had said", () =>
    Effect.gen(function*() {
      const { out } = yield* setUp
      const again = (identity: { readonly task: string }) =>
        Effect.void.pipe(inRun({ path: `${out}/first`, resume: true, identity }))
      yield* again(identity)
      assert.include(
        (yield* Effect.flip(again({ ...identity, extra: 1 } as never))).message,
        "extra = null, this run has 1"
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("reads its own rows where both have some", () =>
    Effect.gen(function*() {
      const { out } = yield* setUp
      const { result } = yield* Effect.gen(function*() {
        const run = yield* Run
        const before = yield* Stream.runCount(run.rows("cot.jsonl"))
        yield* run.append("cot.jsonl", { image: "mine" })
        return { before, after: yield* Stream.runCollect(run.rows("cot.jsonl")) }
      }).pipe(inRun({ path: `${out}/second`, from: [`${out}/first`] }))
      assert.deepStrictEqual(result, { before: 12, after: [{ image: "mine" }] })
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("teaches by the chains of one method on the samples that another's rewards keep", () =>
    Effect.gen(function*() {
      const { out } = yield* setUp
      const bare = Rise.make(Stub.Mood, Stub.data(12))
      const { result } = yield* Effect.gen(function*() {
        const own = yield* Stream.runCollect(bare.pipe(Rise.recall("RISE"), Rise.filter({ tau: 0.5 })).items)
        const all = yield* Stream.runCollect(bare.pipe(Rise.recall("RISE")).items)
        const run = yield* Run
        for (const { sample } of all) {
          yield* run.append("cot-other.jsonl", {
            image: sample.image.id,
            reasoning: "something else entirely",
            annotation: sample.truth,
            reward: 0
          })
        }
        const other = yield* Stream.runCollect(
          bare.pipe(Rise.recall("other"), Rise.filter({ tau: 0.5, by: "RISE" })).items
        )
        return { own, other }
      }).pipe(inRun({ path: `${out}/second`, from: [`${out}/first`] }))
      const { other, own } = result
      assert.isTrue(own.length > 0 && own.length < 12)
      assert.deepStrictEqual(other.map(({ sample }) => sample.image.id), own.map(({ sample }) => sample.image.id))
      assert.isTrue(own.every(({ reward }) => reward >= 0.5))
      assert.isTrue(other.every(({ reasoning, reward }) => reasoning === "something else entirely" && reward === 0))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
