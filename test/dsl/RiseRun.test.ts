import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, FileSystem, Layer, Path, Result, Stream } from "effect"
import { readFileSync } from "node:fs"
import { hostname } from "node:os"
import * as Digest from "../../src/dsl/Digest.ts"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Quarantine from "../../src/dsl/Quarantine.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import * as RunFolder from "../../src/dsl/RunFolder.ts"
import { sift } from "../../src/dsl/Sift.ts"
import { Policy, PolicyError } from "../../src/policy/Policy.ts"
import { bytes, changeLedger, contents, ledgerOf } from "./folders.ts"
import { logs } from "./logs.ts"
import * as Stub from "./StubPolicy.ts"

const live = (options: Stub.Options = {}) =>
  Layer.mergeAll(Stub.layer({ seed: 1, ...options }), Layer.succeed(Progress, silent)).pipe(
    Layer.provideMerge(Stub.Trace.layer)
  )

const pipeline = Rise.make(Stub.Mood, Stub.data(40)).pipe(
  Rise.warmUp({ share: 0.5, steps: 4, batchSize: 4, learningRate: 2 }),
  Rise.generate({ candidates: 4 }),
  Rise.reconstruct(),
  Rise.validate(),
  Rise.reinforce({ steps: 10, promptsPerStep: 4, learningRate: 2 }),
  Rise.best(),
  Rise.filter({ tau: 0.75 }),
  Rise.sft({ steps: 10, batchSize: 4, learningRate: 2 }),
  Rise.rft({ steps: 10, promptsPerStep: 4, learningRate: 2 })
)

const temporary = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

const whole = Effect.fnUntraced(function*(out: string) {
  yield* pipeline.pipe(Rise.run({ out, seed: 3 }), Effect.provide(live()))
  return yield* contents(out)
})

describe("run folder", () => {
  it.effect("holds what the task says of itself beside the model, where it says something", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* temporary}/run`
      const described = { kind: "mood", labels: ["glad", "sad"] }
      const steps = (resume: boolean, task: typeof Stub.Mood) =>
        Rise.make(task, Stub.data(8)).pipe(
          Rise.answers(),
          Rise.sft({ steps: 2, batchSize: 4 }),
          Rise.run({ out, resume }),
          Effect.provide(live())
        )
      yield* steps(false, { ...Stub.Mood, described })
      const written = Effect.map(fs.readFileString(`${out}/model/rise-task.json`), (text) => JSON.parse(text))
      assert.deepStrictEqual(yield* written, { ...described, form: "answer" })
      const before = yield* bytes(out)
      yield* steps(true, Stub.Mood)
      assert.deepStrictEqual(yield* bytes(out), before, "nothing of a finished run is written again")
      yield* fs.remove(out, { recursive: true })
      yield* Rise.make({ ...Stub.Mood, described }, Stub.data(8)).pipe(
        Rise.answers(),
        Rise.sft({ steps: 2, batchSize: 4 }),
        Rise.rft({ steps: 2, promptsPerStep: 4 }),
        Rise.run({ out }),
        Effect.provide(live())
      )
      assert.deepStrictEqual(yield* written, { ...described, form: "think" }, "rft teaches think-answers")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("holds a card of its model, whatever its labels are named", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* temporary}/run`
      const described = { kind: "mood", labels: ["glad | sad", "<b>\n# a head`", "```"] }
      yield* Rise.make({ ...Stub.Mood, described }, Stub.data(8)).pipe(
        Rise.answers(),
        Rise.sft({ steps: 2, batchSize: 4 }),
        Rise.run({ out }),
        Effect.provide(live())
      )
      const card = yield* fs.readFileString(`${out}/model/README.md`)
      assert.match(card, /^---\nlibrary_name: transformers\n[^#]*\n---\n# /)
      assert.include(card, "| labels | glad \\| sad, \\<b\\> # a head\\`, \\`\\`\\` |")
      assert.include(card, "| answers | the annotation alone |")
      assert.include(card, "None yet: this run measured nothing.")
      assert.include(card, "of the training data: not recorded")
      assert.notInclude(card, out)
      // Heads and tables are the card's own, and every fence is closed.
      const prose = card.replaceAll(/^```\w+\n[\s\S]*?\n```$/gm, "")
      assert.deepStrictEqual(prose.match(/^#+ .*$/gm), [
        `# ${Stub.Mood.name}`,
        "## Figures",
        "## Licence",
        "## Asking it"
      ])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("takes the licence of its data from the head of their card, however long that is, or says why not", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* temporary
      const data = `${directory}/data`
      yield* fs.makeDirectory(data)
      const card = (out: string) =>
        logs(
          Rise.make(Stub.Mood, Stub.data(8)).pipe(
            Rise.answers(),
            Rise.sft({ steps: 2, batchSize: 4 }),
            Rise.run({ out, config: { source: data } }),
            Effect.provide(live())
          )
        ).pipe(
          Effect.flatMap(({ lines }) =>
            Effect.map(fs.readFileString(`${out}/model/README.md`), (text) => ({ text, lines: lines.join("\n") }))
          )
        )
      yield* fs.writeFileString(`${data}/README.md`, "---\nlicense: cc-by-4.0\n---\n")
      // A hole of 4 GiB: more than a text may hold.
      yield* fs.truncate(`${data}/README.md`, 4 * 2 ** 30)
      assert.include((yield* card(`${directory}/long`)).text, "of the training data: cc-by-4.0")
      yield* fs.remove(`${data}/README.md`)
      yield* fs.makeDirectory(`${data}/README.md`)
      const { lines, text } = yield* card(`${directory}/folder`)
      assert.include(text, "of the training data: not recorded")
      assert.match(lines, /README\.md.* is a directory, expected a file.*does not say its licence/)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("holds what the run made, and the same bytes for the same seed", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      const first = yield* whole(`${directory}/a`)
      const second = yield* whole(`${directory}/b`)
      assert.deepStrictEqual(Object.keys(first), [
        "chains.jsonl",
        "checkpoints/ledger.json",
        "checkpoints/reinforce/state.safetensors",
        "checkpoints/rft/state.safetensors",
        "checkpoints/sft/state.safetensors",
        "checkpoints/warm-up/state.safetensors",
        "cot.jsonl",
        "metrics.jsonl",
        "model/README.md",
        "model/rise-task.json",
        "model/weights.f32",
        "quarantine.jsonl",
        "run.json",
        "warm-up.jsonl"
      ])
      assert.deepStrictEqual(second, first)
      const { versions } = JSON.parse(first["run.json"]!).about
      assert.strictEqual(versions.node, process.version)
      for (const name of ["effect", "onnxruntime-node", "sharp"]) {
        const manifest = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"))
        assert.strictEqual(versions[name], manifest.version)
      }
      const { stages } = yield* ledgerOf(`${directory}/a`)
      for (const { files } of stages) assert.deepStrictEqual(Object.keys(files), Object.keys(files).toSorted())
      assert.deepStrictEqual(
        Object.keys(stages.at(-1)!.files),
        ["chains.jsonl", "cot.jsonl", "metrics.jsonl", "timings.jsonl", "warm-up.jsonl"]
      )
      const rows = first["cot.jsonl"]!.trim().split("\n").map((line) => JSON.parse(line))
      assert.strictEqual(rows.length, 40)
      assert.deepStrictEqual(Object.keys(rows[0]), ["image", "reasoning", "annotation", "reward"])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  // Updates are 4 of the warm-up, then 10 each of reinforce, sft and rft.
  for (const at of [2, 7, 19, 30]) {
    it.effect(`resumes after a failure at update ${at} to the bytes of an uninterrupted run`, () =>
      Effect.gen(function*() {
        const directory = yield* temporary
        const expected = yield* whole(`${directory}/whole`)
        const out = `${directory}/cut`
        const failing = live({
          beforeUpdate: (updates) =>
            updates === at ? Effect.fail(new PolicyError({ operation: "update", reason: "power cut" })) : Effect.void
        })
        const error = yield* Effect.flip(pipeline.pipe(Rise.run({ out, seed: 3 }), Effect.provide(failing)))
        assert.include(error.message, "power cut")
        const fs = yield* FileSystem.FileSystem
        // Half a line, as a killed process leaves it.
        yield* fs.writeFileString(`${out}/metrics.jsonl`, "{\"stage\":\"sft\",\"st", { flag: "a" })
        // Of what somebody else has written nothing is touched.
        yield* fs.writeFileString(`${out}/notes.jsonl`, "{}\n")
        yield* pipeline.pipe(Rise.run({ out, seed: 3, resume: true }), Effect.provide(live()))
        assert.deepStrictEqual(yield* contents(out), { ...expected, "notes.jsonl": "{}\n" })
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
  }

  it.effect("resumes only under the settings, the stages and the engine that it was started with", () =>
    Effect.gen(function*() {
      const out = `${yield* temporary}/run`
      const start = (validation: number) => Rise.make(Stub.Mood, Stub.data(12), { validation }).pipe(Rise.answers())
      const base = { steps: 2, batchSize: 2, learningRate: 2 }
      yield* start(0).pipe(Rise.sft(base), Rise.run({ out, seed: 3 }), Effect.provide(live()))
      const refused = <E extends { readonly message: string }>(
        run: Effect.Effect<void, E, Policy | FileSystem.FileSystem | Path.Path>,
        policy = live()
      ) => Effect.map(Effect.flip(Effect.provide(run, policy)), ({ message }) => message)
      const resumed = { out, seed: 3, resume: true }
      assert.include(
        yield* refused(start(0).pipe(Rise.sft({ ...base, learningRate: 1 }), Rise.run(resumed))),
        "stages.sft.learningRate = 2, this run has 1"
      )
      assert.include(
        yield* refused(start(0.25).pipe(Rise.sft(base), Rise.run(resumed))),
        "stages.make.validation = 0, this run has 0.25"
      )
      const rft = Rise.rft({ steps: 2, promptsPerStep: 2, learningRate: 2 })
      assert.include(
        yield* refused(Rise.make(Stub.Mood, Stub.data(12), { validation: 0 }).pipe(rft, Rise.run(resumed))),
        "stages.answers = {}, this run has null"
      )
      const other = Layer.effect(
        Policy,
        Effect.map(Policy, (policy) => Policy.of({ ...policy, identity: { engine: "another" } }))
      ).pipe(Layer.provide(live()))
      assert.include(
        yield* refused(start(0).pipe(Rise.sft(base), Rise.run(resumed)), Layer.merge(live(), other)),
        `engine.engine = "stub", this run has "another"`
      )
      yield* start(0).pipe(Rise.sft(base), Rise.run(resumed), Effect.provide(live()))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("resumes after it has finished, and after a cut between saving the model and the end", () =>
    Effect.gen(function*() {
      const out = `${yield* temporary}/run`
      const expected = yield* whole(out)
      const untouched = live({ beforeUpdate: () => Effect.die("nothing is left to train") })
      yield* pipeline.pipe(Rise.run({ out, seed: 3, resume: true }), Effect.provide(untouched))
      assert.deepStrictEqual(yield* contents(out), expected)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("leaves whole lines and no temporary files when interrupted", () =>
    Effect.gen(function*() {
      const out = `${yield* temporary}/run`
      const waiting = live({ beforeUpdate: (updates) => updates === 8 ? Effect.never : Effect.void })
      const fiber = yield* Effect.forkChild(pipeline.pipe(Rise.run({ out, seed: 3 }), Effect.provide(waiting)))
      const fs = yield* FileSystem.FileSystem
      yield* Effect.sleep("500 millis")
      yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
      const files = yield* fs.readDirectory(out, { recursive: true })
      assert.isTrue(files.includes("metrics.jsonl") && files.every((file) => !file.endsWith(".tmp")))
      for (const line of (yield* fs.readFileString(`${out}/metrics.jsonl`)).trim().split("\n")) JSON.parse(line)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("begins where there is nothing to resume, and says so without a warning", () =>
    Effect.gen(function*() {
      const out = `${yield* temporary}/run`
      const small = Rise.make(Stub.Mood, Stub.data(4)).pipe(Rise.answers(), Rise.sft({ steps: 1 }))
      const { lines, result } = yield* logs(small.pipe(Rise.run({ out, resume: true }), Effect.provide(live())))
      assert.isTrue(Result.isSuccess(result))
      assert.deepStrictEqual(lines, [])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("says what is missing where run.json or the ledger is, and touches nothing", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* temporary}/run`
      yield* whole(out)
      for (const file of ["run.json", "checkpoints/ledger.json"]) {
        const text = yield* fs.readFile(`${out}/${file}`)
        yield* fs.remove(`${out}/${file}`)
        const before = yield* bytes(out)
        for (const resume of [true, false]) {
          const run = pipeline.pipe(Rise.run({ out, seed: 3, resume }), Effect.provide(live()))
          const { message } = yield* Effect.flip(run)
          if (resume) assert.include(message, `${out}/${file}: is missing, and the folder holds what a run has made`)
          assert.deepStrictEqual(yield* bytes(out), before)
        }
        yield* fs.writeFile(`${out}/${file}`, text)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("refuses a folder that is in use, and says how to go on", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      const fs = yield* FileSystem.FileSystem
      const small = Rise.make(Stub.Mood, Stub.data(4)).pipe(Rise.answers(), Rise.sft({ steps: 1 }))
      const start = (out: string, options: { readonly seed: number; readonly resume?: boolean }) =>
        Effect.flip(small.pipe(Rise.run({ out, ...options }), Effect.provide(live())))
      yield* fs.writeFileString(`${directory}/letter.txt`, "dear")
      const foreign = yield* start(directory, { seed: 0, resume: true })
      assert.strictEqual(foreign._tag, "RunFolderExists")
      assert.notInclude(foreign.message, "--resume")
      assert.strictEqual(
        (yield* start(`${directory}/letter.txt`, { seed: 0 })).message,
        `${directory}/letter.txt: is a file, expected a folder: choose another folder`
      )
      yield* small.pipe(Rise.run({ out: `${directory}/run`, seed: 0 }), Effect.provide(live()))
      const used = yield* start(`${directory}/run`, { seed: 0 })
      assert.include(used.message, "resume: true")
      const other = yield* start(`${directory}/run`, { seed: 1, resume: true })
      assert.include(other.message, "seed = 0, this run has 1")
      const grown = yield* Effect.flip(
        Rise.make(Stub.Mood, Stub.data(5)).pipe(
          Rise.answers(),
          Rise.sft({ steps: 1 }),
          Rise.run({ out: `${directory}/run`, resume: true }),
          Effect.provide(live())
        )
      )
      assert.include(grown.message, "data.samples = 4, this run has 5")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("is held by one run: another on the same folder is refused and harms nothing", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      const expected = yield* whole(`${directory}/whole`)
      const out = `${directory}/run`
      const reached = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const waiting = live({
        beforeUpdate: (updates) =>
          updates === 19 ? Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(go)) : Effect.void
      })
      const fiber = yield* Effect.forkChild(pipeline.pipe(Rise.run({ out, seed: 3 }), Effect.provide(waiting)))
      yield* Deferred.await(reached)
      for (const resume of [true, false]) {
        const error = yield* Effect.flip(pipeline.pipe(Rise.run({ out, seed: 3, resume }), Effect.provide(live())))
        assert.strictEqual(error._tag, "RunFolderInUse")
        assert.include(error.message, `process ${process.pid} on`)
      }
      yield* Deferred.succeed(go, undefined)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* contents(out), expected)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("keeps the rows that were set aside, and tells of them once, however often the data are read", () =>
    Effect.gen(function*() {
      const out = `${yield* temporary}/run`
      const bad = { reason: "sum", detail: "shares sum to 2" }
      const data = Stub.data(12).pipe(
        Stream.zipWithIndex,
        Stream.map(([sample, i]) => ({ row: i + 1, read: i % 3 === 2 ? Result.fail(bad) : Result.succeed([sample]) })),
        sift({ source: "faces.csv" })
      )
      const around = yield* Quarantine.collect
      const small = Rise.make(Stub.Mood, data).pipe(Rise.answers(), Rise.sft({ steps: 4, batchSize: 8 }))
      const once = (resume: boolean) =>
        logs(
          small.pipe(
            Rise.run({ out, resume }),
            Effect.provide(live()),
            Effect.provideService(Quarantine.Quarantine, around)
          )
        )
      const fs = yield* FileSystem.FileSystem
      for (const resume of [false, true]) {
        const { lines, result } = yield* once(resume)
        assert.isTrue(Result.isSuccess(result))
        assert.deepStrictEqual(lines, [
          ...(resume ? [`${out}: the run is finished and whole, nothing is left to do`] : []),
          "faces.csv: 4 of its 12 rows are set aside: sum 4\n" +
          `${
            [3, 6, 9].map((row) => `  row ${row}: sum: shares sum to 2\n`).join("")
          }  …\n  All of them: ${out}/quarantine.jsonl`
        ])
        const rows = (yield* fs.readFileString(`${out}/quarantine.jsonl`)).trim().split("\n").map((line) =>
          JSON.parse(line).row
        )
        assert.deepStrictEqual(rows, [3, 6, 9, 12])
      }
      assert.deepStrictEqual(yield* around.counts, { sum: 4 }, "who collects around the run is told too")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("says which file it cannot write what is set aside to", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* temporary}/run`
      const small = Rise.make(Stub.Mood, Stub.data(4)).pipe(Rise.answers(), Rise.sft({ steps: 1 }))
      yield* small.pipe(Rise.run({ out }), Effect.provide(live()))
      // What a run left that was killed, and a folder where the file belongs.
      yield* fs.remove(`${out}/quarantine.jsonl`)
      yield* fs.makeDirectory(`${out}/quarantine.jsonl`)
      const holder = { pid: 999_999_999, host: hostname(), since: "", began: null, token: "another" }
      yield* fs.writeFileString(`${out}/run.lock`, JSON.stringify(holder))
      const error = yield* Effect.flip(small.pipe(Rise.run({ out, resume: true }), Effect.provide(live())))
      assert.strictEqual(error._tag, "RunFileError")
      assert.include(error.message, `${out}/quarantine.jsonl: cannot write the quarantine`)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("says which file is damaged", () =>
    Effect.gen(function*() {
      const out = `${yield* temporary}/run`
      const fs = yield* FileSystem.FileSystem
      yield* pipeline.pipe(Rise.run({ out, seed: 3 }), Effect.provide(live()))
      const resume = Effect.flip(pipeline.pipe(Rise.run({ out, seed: 3, resume: true }), Effect.provide(live())))
      yield* fs.truncate(`${out}/checkpoints/rft/state.safetensors`, 100)
      assert.include((yield* resume).message, "rft/state.safetensors")
      yield* fs.truncate(`${out}/metrics.jsonl`, 10)
      assert.include((yield* resume).message, "metrics.jsonl")
      yield* fs.writeFileString(`${out}/checkpoints/ledger.json`, "[{}]")
      assert.include((yield* resume).message, "ledger.json")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("reads D_RISE back only beside the data it was written for", () =>
    Effect.gen(function*() {
      const out = `${yield* temporary}/run`
      const explained = Rise.make(Stub.Mood, Stub.data(6)).pipe(
        Rise.generate(),
        Rise.reconstruct(),
        Rise.validate(),
        Rise.best(),
        Rise.filter({ tau: 0 }),
        Rise.sft({ steps: 6 })
      )
      const beforeUpdate = () => Effect.fail(new PolicyError({ operation: "update", reason: "power cut" }))
      yield* Effect.flip(explained.pipe(Rise.run({ out }), Effect.provide(live({ beforeUpdate }))))
      const fs = yield* FileSystem.FileSystem
      const text = yield* fs.readFileString(`${out}/cot.jsonl`)
      yield* fs.writeFileString(`${out}/cot.jsonl`, text.replace("anger-1", "angel-1"))
      const digest = Digest.ofText(text.replace("anger-1", "angel-1"))
      yield* changeLedger(out, ({ stages }) => ({
        stages: stages.map((entry) => ({ ...entry, files: { ...entry.files, "cot.jsonl": digest } }))
      }))
      const error = yield* Effect.flip(
        explained.pipe(Rise.run({ out, resume: true }), Effect.provide(live()))
      )
      assert.include(error.message, "has angel-1 where the data set has anger-1")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("keeps no checkpoint of numbers that are none, and takes none back", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* temporary}/run`
      const storage = yield* RunFolder.open({ path, identity: {} })
      const file = `${path}/checkpoints/RISE/sft/${Stub.stateFile}`
      /** The stub with one number of its own. */
      const policy = (bias: number) =>
        Effect.provide(Policy, Stub.layer({ bias: { joy: bias } }).pipe(Layer.provide(Stub.Trace.layer)))
      yield* storage.keep("RISE/sft", yield* policy(1))
      const before = yield* fs.readFile(file)
      for (const odd of [NaN, Infinity]) {
        const error = yield* Effect.flip(storage.keep("RISE/sft", yield* policy(odd)))
        if (!(error instanceof PolicyError)) return assert.fail(String(error))
        assert.strictEqual(error.operation, "checkpoint")
        assert.include(error.message, `${file}: tensor "weights": holds a value that is not finite (found ${odd} at [`)
        assert.deepStrictEqual(yield* fs.readFile(file), before)
      }
      assert.deepStrictEqual(yield* fs.readDirectory(`${path}/checkpoints/RISE/sft`), [Stub.stateFile])
      yield* storage.bringBack("RISE/sft", yield* policy(2))
      yield* fs.writeFile(file, before.fill(0xff, before.length - 4))
      const error = yield* Effect.flip(storage.bringBack("RISE/sft", yield* policy(2)))
      if (!(error instanceof PolicyError)) return assert.fail(String(error))
      assert.strictEqual(error.operation, "restore")
      assert.include(error.message, `${file}: tensor "weights": holds a value that is not finite (found NaN at [81])`)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
