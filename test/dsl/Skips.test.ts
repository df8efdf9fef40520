/** Steps that make no numbers are skipped, counted and named; three in a row end the stage at its last good weights. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Option, Schema } from "effect"
import * as Progress from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import * as Skips from "../../src/dsl/stages/Skips.ts"
import { NotFinite, PolicyError } from "../../src/policy/index.ts"
import * as Stub from "./StubPolicy.ts"

const notFinite = new PolicyError({
  operation: "update",
  reason: "in the test",
  cause: new NotFinite({ what: "the loss is NaN" })
})

/** A policy whose updates of these numbers, counted from 1, make no numbers. */
const failingAt = (...numbers: ReadonlyArray<number>) => {
  let asked = 0
  return Stub.layer({
    seed: 1,
    beforeUpdate: () => Effect.suspend(() => numbers.includes(++asked) ? Effect.fail(notFinite) : Effect.void)
  })
}

const sft = (steps: number, validation = 0, every?: number) =>
  Rise.make(Stub.Mood, Stub.data(12), { validation }).pipe(
    Rise.answers(),
    Rise.sft({ steps, batchSize: 2, learningRate: 1, decay: "constant", ...(every && { select: { every } }) })
  )

const Row = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json))

/** Runs a stage in a folder of its own: how it ended, its rows of metrics and what was said. */
const ran = (pipeline: ReturnType<typeof sft>, ...failing: ReadonlyArray<number>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const out = `${yield* fs.makeTempDirectoryScoped()}/run`
    const said: Array<string> = []
    const steps: Array<number> = []
    const view: Progress.View = {
      report: (event) =>
        Effect.sync(() => {
          if (event._tag === "Warned") said.push(`${event.stage}: ${event.text}`)
          if (event._tag === "Finished") said.push(`${event.stage} ended: ${event.note}`)
          if (event._tag === "Step") steps.push(event.step)
        })
    }
    const live = failingAt(...failing).pipe(
      Layer.provideMerge(Stub.Trace.layer),
      Layer.provideMerge(NodeServices.layer),
      Layer.merge(Layer.succeed(Progress.Progress, view))
    )
    const outcome = yield* Effect.result(Effect.provide(pipeline.pipe(Rise.run({ out })), live))
    // A stage of no steps writes none.
    const text = yield* Effect.orElseSucceed(fs.readFileString(`${out}/metrics.jsonl`), () => "")
    const rows = yield* Effect.forEach(text.split("\n").filter((line) => line !== ""), (line) =>
      Schema.decodeEffect(Row)(line))
    return { out, error: outcome._tag === "Failure" ? outcome.failure : undefined, rows, said, steps }
  })

const weightsIn = (folder: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.map(fs.readFile(`${folder}/weights.f32`), (bytes) => [...bytes]))

describe("a step that makes no numbers", () => {
  it.effect("is skipped, counted and named with its samples, and the stage goes on", () =>
    Effect.gen(function*() {
      const { error, rows, said, steps } = yield* ran(sft(8), 2, 4, 5, 8)
      assert.isUndefined(error)
      assert.deepStrictEqual(steps, [1, 2, 3, 4, 5, 6, 7, 8])
      const skipped = rows.filter((row) => "skipped" in row)
      assert.deepStrictEqual(skipped.map(({ of, skipped, stage, step }) => [stage, step, of, skipped]), [
        ["sft", 2, 8, "the loss is NaN"],
        ["sft", 4, 8, "the loss is NaN"],
        ["sft", 5, 8, "the loss is NaN"],
        ["sft", 8, 8, "the loss is NaN"]
      ])
      for (const { samples } of skipped) {
        assert.isTrue(Array.isArray(samples) && samples.length === 2 && samples.every((id) => /-\d+$/.test(String(id))))
      }
      assert.match(
        said[0]!,
        /^sft: step 2 was skipped: the loss is NaN \(samples: \w+-\d+, \w+-\d+\)\. 1 in a row, 1 in all; 3 in a row end/
      )
      assert.match(said[2]!, /step 5 was skipped: .* 2 in a row, 3 in all;/)
      assert.deepStrictEqual([said.length, said[4]], [5, "sft ended: 4 of 8 steps skipped; "])
      // The same seed again: the same rows.
      assert.deepStrictEqual((yield* ran(sft(8), 2, 4, 5, 8)).rows, rows)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("leaves weights as they were: without it, the stage ends with the same", () =>
    Effect.gen(function*() {
      // The samples of the skipped step are drawn all the same; so the plain run is one step shorter at its end.
      const with3 = yield* ran(sft(3), 3)
      const without = yield* ran(sft(2))
      assert.deepStrictEqual(yield* weightsIn(`${with3.out}/model`), yield* weightsIn(`${without.out}/model`))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  for (
    const [name, failing, every, kept] of [
      ["from its start", [1, 2, 3], undefined, 0],
      ["three times in a row", [6, 7, 8], undefined, 0],
      ["three times in a row late, which costs the newest steps alone", [30, 31, 32], undefined, 16],
      ["three times in a row, where weights are selected", [6, 7, 8], 2, undefined]
    ] as const
  ) {
    it.effect(`ends the stage ${name}, with weights that are good`, () =>
      Effect.gen(function*() {
        const validation = every === undefined ? 0 : 0.3
        const { error, out, rows } = yield* ran(sft(40, validation, every), ...failing)
        if (!(error instanceof Rise.Diverged)) return assert.fail(String(error))
        const last = failing[2]
        assert.deepStrictEqual([error.stage, error.step, error.skipped], ["sft", last, 3])
        assert.strictEqual(error.kept.path, `${out}/last-good/sft`)
        // The first of the best looks.
        const looks = rows.flatMap((row) =>
          "validation error" in row
            ? [{ step: Number(row["step"]), value: Number(row["validation error"]) }]
            : []
        )
        const best = Math.min(...looks.map(({ value }) => value))
        const step = kept ?? looks.find(({ value }) => value === best)?.step ?? NaN
        assert.strictEqual(error.kept.step, step)
        assert.include(
          error.message,
          `sft: step ${last} diverged: the loss is NaN, 3 steps in a row; lower learningRate`
        )
        assert.include(error.message, `(1 and 1 now)`)
        assert.include(error.message, `${out}/last-good/sft`)
        assert.include(error.message, step === 0 ? "The weights that it began with" : `The weights of step ${step} are`)
        // What a stage of that many steps ends with, which another run begins from.
        const good = yield* ran(sft(step, validation))
        assert.deepStrictEqual(yield* weightsIn(`${out}/last-good/sft`), yield* weightsIn(`${good.out}/model`))
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
  }

  it.effect("counts on where it is told to, so that a resumed stage ends where the whole one does", () =>
    Effect.gen(function*() {
      const at = (step: number) => ({ step, learningRate: 1, samples: ["joy-1"] })
      const skips = yield* Skips.make("sft", { steps: 9 })
      const [good, bad] = [Effect.succeed("done"), Effect.fail(notFinite)]
      assert.deepStrictEqual(yield* skips.attempt(at(1), good), Option.some("done"))
      for (const step of [2, 3]) assert.isTrue(Option.isNone(yield* skips.attempt(at(step), bad)))
      const state = yield* Schema.decodeUnknownEffect(Skips.Skipped)(JSON.parse(JSON.stringify(skips.state())))
      assert.deepStrictEqual(state, { total: 2, inARow: 2 })
      const resumed = yield* Skips.make("sft", { steps: 9 }, state)
      const error = yield* Effect.flip(resumed.attempt(at(4), bad))
      assert.strictEqual(error._tag, "Diverged")
      const other = yield* Skips.make("sft", { steps: 9 }, state)
      assert.deepStrictEqual(yield* other.attempt(at(4), good), Option.some("done"))
      assert.deepStrictEqual(other.state(), { total: 2, inARow: 0 })
      // Another fault is no step to be skipped.
      const fault = new PolicyError({ operation: "update", reason: "the batch is empty" })
      assert.strictEqual(yield* Effect.flip(other.attempt(at(5), Effect.fail(fault))), fault)
    }).pipe(
      Effect.provide(
        Layer.mergeAll(Stub.layer(), Run.layerMemory({ seed: 0 }), Layer.succeed(Progress.Progress, Progress.silent))
          .pipe(Layer.provideMerge(Stub.Trace.layer), Layer.provideMerge(NodeServices.layer))
      )
    ))
})
