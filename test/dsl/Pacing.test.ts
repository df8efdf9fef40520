/** Stages that take fewer steps where there is no time for all, and find the same number when a run goes on. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Schema } from "effect"
import { Event, Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Pacing } from "../../src/dsl/stages/Pacing.ts"
import { paced } from "../../src/studies/paced.ts"
import { report } from "../../src/studies/report/report.ts"
import * as Stub from "./StubPolicy.ts"

const Row = Schema.Record(Schema.String, Schema.Json)

/** Runs a pipeline of two stages and gives the last step of each, and what was warned of. */
const run = (out: string, share: ((stage: string) => number) | undefined) =>
  Effect.gen(function*() {
    const warned: Array<string> = []
    const pipeline = Rise.make(Stub.Mood, Stub.data(40), { validation: 0.2 }).pipe(
      Rise.answers(),
      Rise.sft({ steps: 20, batchSize: 4, learningRate: 2, select: { every: 5 } }),
      Rise.rft({ steps: 10, promptsPerStep: 4, learningRate: 2 }),
      Rise.run({ out, seed: 3, resume: true }),
      Effect.provide(
        Layer.mergeAll(
          Stub.layer({ seed: 1 }),
          Layer.succeed(Progress, {
            ...silent,
            report: (event) =>
              Effect.sync(() => {
                if (Event.$is("Warned")(event)) warned.push(`${event.stage}: ${event.text}`)
              })
          })
        ).pipe(Layer.provideMerge(Stub.Trace.layer))
      )
    )
    yield* share === undefined
      ? pipeline
      : Effect.provideService(pipeline, Pacing, { share: (stage) => Effect.sync(() => share(stage)) })
    const fs = yield* FileSystem.FileSystem
    const text = yield* fs.readFileString(`${out}/metrics.jsonl`)
    const rows = text.trim().split("\n").map((line) => Schema.decodeUnknownSync(Row)(JSON.parse(line)))
    const steps = (stage: string) =>
      Math.max(...rows.filter((row) => row["stage"] === stage && "loss" in row).map((row) => Number(row["step"])), 0)
    const looks = rows.filter((row) => "validation error" in row).map((row) => row["step"])
    return { warned, looks, sft: steps("sft"), rft: steps("rft"), text }
  })

describe("paced stages", () => {
  it.effect("take a share of their steps, look at validation as often, and say so", () =>
    Effect.scoped(Effect.gen(function*() {
      const out = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
      const found = yield* run(`${out}/run`, (stage) => stage === "sft" ? 0.6 : 0)
      assert.deepStrictEqual([found.sft, found.rft], [12, 0])
      assert.deepStrictEqual(found.looks, [0, 3, 6, 9, 12])
      assert.match(found.warned.join("\n"), /^sft: this machine is slower .* 12 of 20 steps/m)
      assert.match(found.warned.join("\n"), /^rft: .* 0 of 10 steps/m)
      assert.strictEqual(
        yield* paced(`${out}/run`),
        "The machine became slower than it was when it was measured, so less was done than planned: 12 of the 20 " +
          "steps of sft, 0 of the 10 steps of rft."
      )
      const html = yield* Effect.flatMap(
        FileSystem.FileSystem,
        (fs) => Effect.flatMap(report(`${out}/run`), (file) => fs.readFileString(file))
      )
      assert.include(html, "12 of the 20 steps of sft, 0 of the 10 steps of rft.")
    })).pipe(Effect.provide(NodeServices.layer)))

  it.effect("write the same bytes with all their time as where nobody asks", () =>
    Effect.scoped(Effect.gen(function*() {
      const out = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
      assert.strictEqual(yield* paced(out), "")
      const [timed, untimed] = [yield* run(`${out}/a`, () => 1), yield* run(`${out}/b`, undefined)]
      assert.strictEqual(timed.text, untimed.text)
      assert.deepStrictEqual([timed.sft, timed.rft, timed.warned], [20, 10, []])
    })).pipe(Effect.provide(NodeServices.layer)))

  it.effect("of a run that goes on keep the steps that they began with", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = yield* fs.makeTempDirectoryScoped()
      const whole = yield* run(`${out}/whole`, (stage) => stage === "sft" ? 0.5 : 1)
      // It breaks off as the last stage begins, and goes on when there is time for everything.
      const cut = run(`${out}/cut`, (stage) => {
        if (stage === "sft") return 0.5
        throw new Error("breaks off")
      })
      yield* Effect.exit(cut)
      const resumed = yield* run(`${out}/cut`, () => 1)
      assert.strictEqual(resumed.sft, 10)
      assert.strictEqual(resumed.text, whole.text)
    })).pipe(Effect.provide(NodeServices.layer)))
})
