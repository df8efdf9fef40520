import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Option, Result, Schema, Stream } from "effect"
import { Progress, silent, type View } from "../../src/dsl/Progress.ts"
import { Run } from "../../src/dsl/Run.ts"
import { figure, ResultRow } from "../../src/evaluation/Results.ts"
import { table } from "../../src/evaluation/table.ts"
import type { Preset } from "../../src/pipelines/Presets.ts"
import { sft } from "../../src/pipelines/sft.ts"
import { warmUp } from "../../src/pipelines/warmUp.ts"
import { PolicyError } from "../../src/policy/Policy.ts"
import { compare, equalComputeBaselines, methods } from "../../src/studies/compare.ts"
import { type Labels } from "../../src/studies/labels.ts"
import { report } from "../../src/studies/report/report.ts"
import { bytes, changeLedger } from "../dsl/folders.ts"
import { logs } from "../dsl/logs.ts"
import * as Stub from "../dsl/StubPolicy.ts"

const preset: Preset = {
  name: "test",
  validation: 0.2,
  limit: { train: 60, test: 20 },
  warmUp: { share: 0.5, steps: 8, batchSize: 8, learningRate: 2 },
  generate: { candidates: 8 },
  reconstruct: {},
  reinforce: { steps: 20, promptsPerStep: 8, learningRate: 5, select: { every: 10 } },
  filter: { tau: 0.75 },
  sft: { steps: 10, batchSize: 8, learningRate: 3, select: { every: 5 } },
  rft: { steps: 10, promptsPerStep: 8, learningRate: 3, select: { every: 5 } },
  evaluate: { maxTokens: 32 }
}

const start = warmUp(Stub.Mood, Stub.data(90), preset)

interface Options {
  readonly out: string
  readonly seed?: number
  readonly resume?: boolean
  readonly stub?: Stub.Options
  readonly view?: View
}

const run = ({ out, resume = false, seed = 5, stub = {}, view = silent }: Options) =>
  compare({
    start,
    methods: { ...methods(preset)(start), ...equalComputeBaselines(preset)(start) },
    test: Stub.data(90).pipe(Stream.drop(60)),
    preset,
    policy: Stub.layer({ seed, ...stub }),
    cuesNamed: Stub.cuesNamed,
    bars: (label) => [{ label, value: 1 }],
    mean: (truths) => Effect.map(Stream.runHead(truths), (found) => Option.getOrElse(found, () => "joy" as const))
  }).pipe(
    Effect.tap(Effect.flatMap(Run, ({ seal }) => seal)),
    Effect.provide(
      Layer.mergeAll(
        Run.layer({ path: out, seed, resume, identity: {} }),
        Stub.Trace.layer,
        Layer.succeed(Progress, view)
      )
    )
  )

const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
const read = (path: string) => Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(path))

describe("compare", () => {
  it.effect("measures every method in the same way and RISE comes out ahead of the base", () =>
    Effect.gen(function*() {
      const out = `${yield* folder}/run`
      const [planned, started]: [Array<string>, Array<string>] = [[], []]
      const view: View = {
        report: (event) =>
          Effect.sync(() => {
            if (event._tag === "Planned") planned.push(...event.stages.map(({ stage }) => stage))
            if (event._tag === "Started") started.push(event.stage)
          })
      }
      const { examples, rows } = yield* run({ out, view })
      // All stages of all methods are known before the first begins.
      assert.isAbove(planned.length, 15)
      assert.deepStrictEqual(started, planned)
      assert.deepStrictEqual([...new Set(rows.map(({ method }) => method))], [
        "prior",
        "base",
        "warmed",
        "SFT",
        "Visual-RFT",
        "RISE",
        "SFT (equal compute)",
        "Visual-RFT (equal compute)",
        "RISE-CoT"
      ])
      const stored = yield* Schema.decodeEffect(Schema.fromJsonString(Schema.Array(ResultRow)))(
        yield* read(`${out}/results.json`)
      )
      assert.deepStrictEqual(stored, rows)
      const value = (method: string, metric: string, part = "all") =>
        Option.getOrThrow(figure(rows, method, part, metric))
      assert.isBelow(value("RISE", "error"), value("base", "error"))
      assert.isBelow(value("SFT", "error"), value("base", "error"))
      assert.strictEqual(value("prior", "valid"), 1)
      assert.isTrue(rows.every(({ metric, value: v }) => metric === "error" || (v >= 0 && v <= 1)))
      // The parts add up to the whole.
      for (const method of ["base", "SFT", "RISE"]) {
        const parts = (["seen", "unseen"] as const).map((part) => value(method, "error", part))
        assert.closeTo((parts[0]! + parts[1]!) / 2, value(method, "error"), 1e-12)
      }
      assert.isTrue(
        Option.isNone(figure(rows, "SFT", "all", "cue precision")),
        "an answer without reasoning names no cues"
      )
      assert.isTrue(Option.isNone(figure(rows, "RISE", "all", "win rate")), "RISE is what the others are compared with")
      assert.strictEqual(examples.length, 6)
      assert.isTrue(examples.every(({ png, said }) => png.startsWith("data:image/png;base64,") && said.length === 8))
      // Label by label, as its answers are; what is farthest off comes first.
      const answers = (yield* read(`${out}/predictions.jsonl`)).trim().split("\n").map((line) => JSON.parse(line))
        .filter(({ method }) => method === "RISE")
      const labels = JSON.parse(yield* read(`${out}/labels.json`)) as typeof Labels.Type
      assert.strictEqual(labels.method, "RISE")
      assert.strictEqual(labels.rows.reduce((sum, { n }) => sum + n, 0), answers.length)
      for (const { confused, label, n, right, unread } of labels.rows) {
        const of = answers.filter(({ truth }) => truth === label)
        const said = (other: string | null) => of.filter(({ annotation }) => annotation === other).length
        assert.deepStrictEqual([n, right, unread], [of.length, said(label), said(null)])
        const wrong = Stub.labels.filter((other) => other !== label).map(said)
        assert.strictEqual(confused?.n ?? 0, Math.max(...wrong))
      }
      const off = (id: string) => {
        const { annotation, metrics } = answers.find(({ image }) => image === id)
        return annotation === null ? Infinity : metrics.error as number
      }
      const worst = examples.filter(({ worst }) => worst === true).map(({ image }) => off(image))
      const all = answers.map(({ image }) => off(image)).filter((error) => error > 0).toSorted((a, b) => b - a)
      assert.deepStrictEqual(worst, all.slice(0, 3))
      assert.isTrue(examples.slice(worst.length).every(({ worst }) => worst === undefined))
      assert.include(table(rows, ["error", "win rate", "valid"]), "Visual-RFT")
      const predictions = (yield* read(`${out}/predictions.jsonl`)).trim().split("\n").map((line) => JSON.parse(line))
      assert.strictEqual(predictions.length, 8 * 20)
      // The tables follow from the predictions.
      const said = predictions.filter(({ method }) => method === "RISE")
      const right = said.filter(({ annotation, truth }) => annotation === truth).length
      assert.closeTo(value("RISE", "error"), 1 - right / 20, 1e-12)
      const named = said.flatMap(({ image, reasoning }) => {
        const cue = Stub.cuesNamed(reasoning ?? "")[0]
        return cue === undefined ? [] : [image.startsWith(cue.split(" ")[0]!)]
      })
      assert.closeTo(value("RISE", "cue recall"), named.filter((hit) => hit).length / 20, 1e-12)
      const sft = predictions.filter(({ method }) => method === "SFT")
      const wins = sft.map(({ image, metrics }) =>
        Math.sign(said.find((row) => row.image === image).metrics.error - metrics.error)
      )
      assert.closeTo(value("SFT", "win rate"), wins.reduce((sum, sign) => sum + (sign + 1) / 2, 0) / 20, 1e-12)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("starts every method from the same warmed weights, trained once", () =>
    Effect.gen(function*() {
      const out = `${yield* folder}/run`
      yield* run({ out })
      const metrics = (yield* read(`${out}/metrics.jsonl`)).trim().split("\n").map((line) => JSON.parse(line))
      const trained = metrics.filter(({ warning }) => warning === undefined)
      const stages = new Set(trained.map(({ method, stage }) => method === undefined ? stage : `${method}/${stage}`))
      assert.deepStrictEqual([...stages], [
        "warm-up",
        "SFT/sft",
        "Visual-RFT/rft",
        "RISE/reinforce",
        "RISE/explain",
        "RISE/filter",
        "RISE/sft",
        "RISE/rft",
        "SFT (equal compute)/sft",
        "Visual-RFT (equal compute)/rft"
      ])
      assert.strictEqual(metrics.filter(({ stage }) => stage === "warm-up").length, 9)
      const steps = (method: string) => metrics.filter((row) => row.method === method && row.loss !== undefined).length
      assert.strictEqual(steps("RISE"), 40)
      assert.strictEqual(steps("SFT (equal compute)"), 40)
      assert.strictEqual(steps("Visual-RFT (equal compute)"), 40)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("gives the same results and weights for the same seed, others for another", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      for (const [name, seed] of [["a", 5], ["b", 5], ["c", 6]] as const) {
        yield* run({ out: `${directory}/${name}`, seed })
      }
      const files = (name: string) =>
        Effect.forEach(["results.json", "predictions.jsonl", "model/weights.f32"], (file) =>
          read(`${directory}/${name}/${file}`))
      assert.deepStrictEqual(yield* files("b"), yield* files("a"))
      assert.notDeepEqual(yield* files("c"), yield* files("a"))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("resumes to the same bytes, without repeating a finished method", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      yield* run({ out: `${directory}/whole` })
      const cut = `${directory}/cut`
      // 8 of the warm-up, 10 of SFT, at most 10 of Visual-RFT: falls into RISE's own training.
      const stub = {
        beforeUpdate: (updates: number) =>
          updates === 35 ? Effect.fail(new PolicyError({ operation: "update", reason: "power cut" })) : Effect.void
      }
      assert.include((yield* Effect.flip(run({ out: cut, stub }))).message, "power cut")
      yield* run({ out: cut, resume: true })
      for (
        const file of [
          "results.json",
          "predictions.jsonl",
          "metrics.jsonl",
          "cot.jsonl",
          "examples.json",
          "model/weights.f32"
        ]
      ) {
        assert.strictEqual(yield* read(`${cut}/${file}`), yield* read(`${directory}/whole/${file}`), file)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("writes again what was damaged of its model and results after it had finished, without training", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* folder}/run`
      yield* run({ out })
      const before = yield* bytes(out)
      const stub = { beforeUpdate: () => Effect.die("nothing is left to train") }
      const damage = [
        fs.truncate(`${out}/model/weights.f32`, 9),
        fs.remove(`${out}/model`, { recursive: true }),
        fs.writeFileString(`${out}/results.json`, "[]"),
        fs.remove(`${out}/examples.json`)
      ]
      for (const done of damage) {
        yield* done
        const { lines, result } = yield* logs(run({ out, resume: true, stub }))
        assert.isTrue(Result.isSuccess(result))
        assert.match(
          lines.join("\n"),
          /(weights\.f32|results\.json|examples\.json) (is missing|has \d+ bytes), expected/
        )
        assert.deepStrictEqual(yield* bytes(out), before)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("resumes after a cut between saving the model and its evaluation", () =>
    Effect.gen(function*() {
      const out = `${yield* folder}/cut`
      yield* run({ out })
      const results = yield* read(`${out}/results.json`)
      yield* changeLedger(out, ({ stages }) => {
        const cut = stages.findIndex(({ stage }) => stage === "RISE/method")
        assert.isAbove(cut, 0)
        return { stages: stages.slice(0, cut), finished: false, written: {} }
      })
      yield* run({ out, resume: true })
      assert.strictEqual(yield* read(`${out}/results.json`), results)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("tells of a method that is no better than the prior before the next is trained, and in the report", () =>
    Effect.scoped(Effect.gen(function*() {
      const out = `${yield* folder}/run`
      const told: Array<string> = []
      const still = { ...preset, sft: { steps: 2, batchSize: 2, learningRate: 1e-9 } }
      yield* compare({
        start: warmUp(Stub.Mood, Stub.data(90), { validation: 0 }),
        methods: { SFT: warmUp(Stub.Mood, Stub.data(90), { validation: 0 }).pipe(sft(still)) },
        // The prior is right about all of them.
        test: Stream.filter(Stub.data(40), ({ truth }) => truth === "joy"),
        preset: still,
        policy: Stub.layer({ seed: 5 }),
        mean: () => Effect.succeed("joy" as const)
      }).pipe(Effect.provide(
        Layer.mergeAll(
          Run.layer({ path: out, seed: 5, identity: {} }),
          Stub.Trace.layer,
          Layer.succeed(Progress, {
            report: (event) =>
              Effect.sync(() => {
                if (event._tag === "Warned") told.push(`${event.stage}: ${event.text}`)
              })
          })
        )
      ))
      // To the stub all texts are equally likely, whatever the picture.
      assert.strictEqual(told.length, 2)
      assert.match(told[1]!, /^base\/image-swap: base's reasonings may be about any picture.* 50% of comparisons/)
      assert.match(told[0]!, /^SFT\/evaluate: SFT reaches error .* It has not learned this task: more steps/)
      assert.include(yield* read(`${out}/metrics.jsonl`), `"stage":"evaluate","step":1,"of":1,"warning":"SFT reaches`)
      assert.include(yield* Effect.flatMap(report(out), read), "<li>SFT / evaluate: SFT reaches error")
    })).pipe(Effect.provide(NodeServices.layer)))

  it.effect("refuses what the engine cannot do before the first step of any method", () =>
    Effect.gen(function*() {
      // RISE is last of three: its turn comes after hours.
      const penalised = { ...preset, reinforce: { ...preset.reinforce, kl: 0.05 } }
      const methodsOf = (settings: Preset) => {
        const start = warmUp(Stub.Mood, Stub.data(90), settings)
        return { start, methods: methods(settings)(start) }
      }
      const compared = (settings: Preset) =>
        Effect.gen(function*() {
          const exit = yield* Effect.result(
            compare({
              ...methodsOf(settings),
              test: Stub.data(20),
              preset: settings,
              policy: Stub.layer({ seed: 5, unable: { kl: "there is no reference" } })
            })
          )
          return { exit, updates: (yield* Stub.Trace).updates.length }
        }).pipe(Effect.provide(
          Layer.mergeAll(Run.layerMemory({ seed: 5 }), Stub.Trace.layer, Layer.succeed(Progress, silent))
        ))
      const { exit, updates } = yield* compared(penalised)
      assert.isTrue(Result.isFailure(exit))
      assert.strictEqual(
        Result.isFailure(exit) ? exit.failure.message : "",
        "RISE/reinforce: kl is 0.05, expected 0: there is no reference"
      )
      assert.strictEqual(updates, 0)
      const sound = yield* compared(preset)
      assert.isTrue(Result.isSuccess(sound.exit))
      assert.isAbove(sound.updates, 0)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("says so when there is nothing to test on", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        compare({ start, methods: methods(preset)(start), test: Stream.empty, preset, policy: Stub.layer() }).pipe(
          Effect.provide(
            Layer.mergeAll(Run.layerMemory({ seed: 0 }), Stub.Trace.layer, Layer.succeed(Progress, silent))
          )
        )
      )
      assert.include(error.message, "no test samples")
    }).pipe(Effect.provide(NodeServices.layer)))
})
