/** Run folders that somebody else has had hands on: links, files of theirs, rows of theirs. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, type Path, Result, type Scope } from "effect"
import { Run } from "../../src/dsl/Run.ts"
import { report } from "../../src/studies/report/report.ts"
import { bytes, changeLedger, contents, temporary } from "./folders.ts"
import { stagedRun } from "./stagedRun.ts"

const run = (out: string, most?: number) => Effect.map(stagedRun(out, most), ({ result }) => result)

const said = <A, E extends { readonly message: string }>(result: Result.Result<A, E>) =>
  Result.isFailure(result) ? result.failure.message : "no failure"

/** A finished run, one that stopped within its first stage and one that stopped in its last, each copied when used. */
const stopped = { begun: 1, late: 6, finished: Infinity }

const copied = Effect.fnUntraced(function*(most: number) {
  const fs = yield* FileSystem.FileSystem
  const root = yield* temporary
  const out = `${root}/run`
  yield* run(out, most)
  const victim = `${root}/V`
  yield* fs.makeDirectory(victim)
  for (const name of ["index.js", "samples-7.js", "loops-3.js", "mine.json.123.tmp", "p", "a.tmp"]) {
    yield* fs.writeFileString(`${victim}/${name}`, `${name} is mine\n`)
  }
  return { fs, root, out, victim }
})

const scoped = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem | Path.Path | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(NodeServices.layer))

describe("a link in a run folder", () => {
  for (const [state, most] of Object.entries(stopped)) {
    it.live(`is refused by name before anything is touched: ${state}`, () =>
      scoped(Effect.gen(function*() {
        const { fs, out, root, victim } = yield* copied(most)
        const links: ReadonlyArray<readonly [name: string, target: string]> = [
          ["quarantine.jsonl", "p"],
          ["chains.jsonl", "p"],
          ["cot.jsonl", "gone"],
          ["metrics.jsonl", "p"],
          ["timings.jsonl", "p"],
          ["run.json", "p"],
          ["run.lock", "gone"],
          ["run.json.77.tmp", "p"],
          ["audit.html", "p"],
          ["report", "."],
          ["report/samples-2.js", "p"],
          ["checkpoints", "."],
          ["checkpoints/mine", "."],
          ["checkpoints/ledger.json", "p"],
          ["checkpoints/warm-up.step-2", "."],
          ["checkpoints/warm-up/deep", "gone"],
          ["model", "."],
          ["model/weights.f32", "p"],
          ["last-good", "."],
          ["last-good/sft", "."]
        ]
        const whole = `${root}/whole`
        yield* fs.copy(out, whole)
        const [mine, before] = [yield* bytes(victim), yield* bytes(whole)]
        for (const [name, to] of links) {
          yield* fs.remove(out, { recursive: true })
          yield* fs.copy(whole, out)
          yield* fs.remove(`${out}/${name}`, { recursive: true, force: true })
          const parent = name.includes("/") ? `${out}/${name.slice(0, name.lastIndexOf("/"))}` : out
          yield* fs.makeDirectory(parent, { recursive: true })
          const target = `${victim}/${to}`
          yield* fs.symlink(target, `${out}/${name}`)
          const expected = yield* bytes(out)
          const result = yield* run(out)
          assert.strictEqual(
            said(result),
            `${out}/${name}: is a link to ${target}: a run writes files of its own; replace it by a copy. ` +
              "Nothing was touched"
          )
          assert.strictEqual(yield* fs.readLink(`${out}/${name}`), target)
          assert.deepStrictEqual(yield* bytes(out), expected, name)
          assert.deepStrictEqual(yield* bytes(victim), mine, name)
        }
        assert.deepStrictEqual(yield* bytes(whole), before)
      })), 120_000)
  }

  it.live(
    "is refused by a report where it would be written to, and read through elsewhere",
    () =>
      scoped(Effect.gen(function*() {
        const { fs, out, root, victim } = yield* copied(Infinity)
        const mine = yield* bytes(victim)
        for (const name of ["report", "report.html", "report/index.js", "report/mine"]) {
          if (name.includes("/")) yield* fs.makeDirectory(`${out}/report`, { recursive: true })
          yield* fs.symlink(victim, `${out}/${name}`)
          const { message } = yield* Effect.flip(report(out))
          assert.include(message, `${out}/${name}: is a link to ${victim}`)
          assert.deepStrictEqual(yield* bytes(victim), mine)
          yield* fs.remove(`${out}/${name}`)
        }
        yield* fs.rename(`${out}/cot.jsonl`, `${root}/cot.jsonl`)
        yield* fs.symlink(`${root}/cot.jsonl`, `${out}/cot.jsonl`)
        assert.strictEqual(yield* report(out), `${out}/report.html`)
      })),
    60_000
  )

  it.live("to the run folder itself, and links of the user's own, are no matter", () =>
    scoped(Effect.gen(function*() {
      const { fs, out, root, victim } = yield* copied(6)
      yield* fs.symlink(victim, `${out}/pictures`)
      yield* fs.symlink(`${victim}/p`, `${out}/notes.txt`)
      yield* fs.symlink(out, `${root}/here`)
      const mine = yield* bytes(victim)
      assert.strictEqual((yield* run(`${root}/here`))._tag, "Success")
      assert.deepStrictEqual(yield* bytes(victim), mine)
      assert.strictEqual(yield* fs.readLink(`${out}/pictures`), victim)
    })), 60_000)
})

describe("what is not the run's", () => {
  it.live(
    "is kept when it ends with .tmp, has a stage's kind of name deeper down, or lies in model/",
    () =>
      scoped(Effect.gen(function*() {
        const { fs, out } = yield* copied(6)
        const undisturbed = `${out}-undisturbed`
        yield* run(undisturbed)
        const theirs = [
          "notes.tmp",
          "old.tmp/a.txt",
          "mine.model.tmp/weights",
          "run.json.12.tmp/a.txt",
          "checkpoints/notes.tmp",
          "checkpoints/old.tmp/a.txt",
          "checkpoints/backup/sft.step-3/weights",
          "report/mine.js",
          "report/mine.js.12.tmp",
          "model/notes.txt",
          "model/figures/a.png"
        ]
        const halves = [
          "report.html.99.tmp",
          `results.json.${crypto.randomUUID()}.tmp`,
          `model.${crypto.randomUUID()}.tmp/config.json`,
          "checkpoints/ledger.json.12.tmp",
          "checkpoints/sft.step-4.tmp/weights",
          `checkpoints/sft/state.safetensors.${crypto.randomUUID()}.tmp`
        ]
        for (const name of [...theirs, ...halves]) {
          yield* fs.makeDirectory(`${out}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true })
          yield* fs.writeFileString(`${out}/${name}`, name)
        }
        assert.strictEqual((yield* run(out))._tag, "Success")
        const found = yield* contents(out)
        for (const name of theirs) assert.strictEqual(found[name], name)
        assert.deepStrictEqual(
          Object.fromEntries(Object.entries(found).filter(([name]) => !theirs.includes(name))),
          yield* contents(undisturbed)
        )

        // Once more, of a finished run whose model is written again, and was cut off over that before.
        yield* fs.makeDirectory(`${out}/model.earlier`)
        yield* fs.rename(`${out}/model/notes.txt`, `${out}/model.earlier/notes.txt`)
        yield* fs.writeFileString(`${out}/model/README.md`, "cut")
        assert.strictEqual((yield* run(out))._tag, "Success")
        const again = yield* contents(out)
        for (const name of theirs) assert.strictEqual(again[name], name)
        assert.deepStrictEqual(Object.keys(again), Object.keys(found))
        assert.strictEqual(again["model/README.md"], found["model/README.md"])

        // A report takes away what reports have left, and nothing else.
        const left = ["samples-7.js", "loops-1.js", `index.js.${crypto.randomUUID()}.tmp`, "now.json.12.tmp"]
        for (const name of left) yield* fs.writeFileString(`${out}/report/${name}`, name)
        yield* report(out)
        const names = yield* fs.readDirectory(`${out}/report`)
        assert.deepStrictEqual(names.filter((name) => left.includes(name)), [])
        assert.includeMembers(names, ["index.js", "run.js", "mine.js", "mine.js.12.tmp"])
      })),
    60_000
  )

  it.live(
    "rows that the ledger knows nothing of are named as such, before a step is done",
    () =>
      scoped(Effect.gen(function*() {
        const { fs, out } = yield* copied(1)
        for (const name of ["cot.jsonl", "chains.jsonl", "predictions.jsonl"]) {
          yield* fs.writeFileString(`${out}/${name}`, `{"image":"1"}\n`)
          const before = yield* bytes(out)
          assert.strictEqual(
            said(yield* run(out)),
            `${out}/${name}: has 14 bytes, expected 0 bytes: the run has written no rows there yet, and its ledger ` +
              "(checkpoints/ledger.json) knows of none. Move it out of the run folder, or choose another out"
          )
          assert.deepStrictEqual(yield* bytes(out), before)
          yield* fs.remove(`${out}/${name}`)
        }
        const other = Effect.gen(function*() {
          const { append } = yield* Run
          const refused = yield* append("mine.jsonl", { row: 1, figures: [null, { best: -Infinity }] }).pipe(
            Effect.match({ onFailure: (error) => error.message, onSuccess: () => "written" })
          )
          assert.include(refused, "mine.jsonl: cannot hold what is added: row.figures[1].best is -Infinity, expected")
          yield* append("mine.jsonl", { row: 1 })
        }).pipe(Effect.provide(Run.layer({ path: `${out}-2`, seed: 1, identity: {}, resume: true })))
        yield* other.pipe(Effect.scoped)
        yield* changeLedger(`${out}-2`, () => ({ begun: [] }))
        const { message } = yield* Effect.flip(other.pipe(Effect.scoped))
        assert.include(message, `${out}-2/mine.jsonl: has 10 bytes, expected 0 bytes`)
        assert.strictEqual(yield* fs.readFileString(`${out}-2/mine.jsonl`), `{"row":1}\n`)

        // Nothing is in it: nothing comes behind anything.
        yield* fs.writeFileString(`${out}/cot.jsonl`, "")
        assert.strictEqual((yield* run(out))._tag, "Success")
      })),
    60_000
  )
})
