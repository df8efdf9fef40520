import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Option } from "effect"
import * as Digest from "../../../src/dsl/Digest.ts"
import { Progress, silent } from "../../../src/dsl/Progress.ts"
import { Run } from "../../../src/dsl/Run.ts"
import { figure } from "../../../src/evaluation/Results.ts"
import * as Presets from "../../../src/pipelines/Presets.ts"
import { warmUp } from "../../../src/pipelines/warmUp.ts"
import { PolicyError } from "../../../src/policy/Policy.ts"
import { Cell, Figures, Grid } from "../../../src/studies/ablations/index.ts"
import { compare, methods } from "../../../src/studies/compare.ts"
import { changeLedger, contents } from "../../dsl/folders.ts"
import * as Stub from "../../dsl/StubPolicy.ts"
import { gridIn, preset, run, task, test, train } from "./bench.ts"

const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
const read = (path: string) =>
  Effect.map(
    Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFile(path)),
    (bytes) => Buffer.from(bytes).toString("latin1")
  )
const jsonl = (text: string) => text.trim().split("\n").map((line) => JSON.parse(line))

describe("grid", () => {
  it.effect("gives a cell that begins from others what the whole pipeline gives in one folder", () =>
    Effect.gen(function*() {
      const out = yield* folder
      const { updates } = yield* run(gridIn(`${out}/grid`), { seeds: [5], tables: ["4"] })
      // Warm-up 4, Visual-RFT 5, RISE-CoT 6, SFT full 5, SFT high 5, and reinforcement after each 5.
      assert.strictEqual(updates, 4 + 5 + 6 + 5 + 5 + 5 + 5)

      const start = warmUp(task, train, preset)
      const { rows } = yield* compare({
        start,
        methods: methods(preset)(start),
        test,
        preset,
        policy: Stub.layer({ seed: 5 })
      }).pipe(
        Effect.provide(
          Layer.mergeAll(
            Run.layer({ path: `${out}/whole`, seed: 5, identity: {} }),
            Stub.Trace.layer,
            Layer.succeed(Progress, silent)
          )
        )
      )
      const at = `${out}/grid/emotion6/full/seed-5`
      for (
        const [cell, stage, whole] of [
          ["warmed", "warm-up", "warm-up"],
          ["RISE-CoT", "reinforce", "RISE/reinforce"],
          ["SFT-high", "sft", "RISE/sft"],
          ["RISE", "rft", "RISE/rft"],
          ["Visual-RFT", "rft", "Visual-RFT/rft"]
        ] as const
      ) {
        // The stub's 82 weights, after a header that counts versions.
        const tail = (text: string) => text.slice(-4 * 82)
        assert.strictEqual(
          tail(yield* read(`${at}/${cell}/checkpoints/${stage}/state.safetensors`)),
          tail(yield* read(`${out}/whole/checkpoints/${whole}/state.safetensors`)),
          cell
        )
      }
      assert.strictEqual(yield* read(`${at}/RISE-CoT/cot.jsonl`), yield* read(`${out}/whole/cot.jsonl`))
      const said = (rows: ReadonlyArray<{ readonly method: string; readonly text: string }>) =>
        rows.filter(({ method }) => method === "RISE").map(({ text }) => text)
      const whole = said(jsonl(yield* read(`${out}/whole/predictions.jsonl`)))
      assert.strictEqual(whole.length, 20)
      assert.deepStrictEqual(said(jsonl(yield* read(`${at}/RISE/predictions.jsonl`))), whole)
      const filled = yield* Figures.collect(gridIn(`${out}/grid`), { seeds: [5], tables: ["4"] }, [])
      const entry = (label: string, column: number) =>
        filled[0]!.lines.find((line) => line.label === label)!.entries[column]!
      const value = (method: string, metric: string) => Option.getOrThrow(figure(rows, method, "all", metric))
      assert.strictEqual(entry("SFT high + RFT (RISE)", 0).values[0]!.value, value("RISE", "JSD"))
      assert.strictEqual(entry("RFT (Visual-RFT)", 0).values[0]!.value, value("Visual-RFT", "JSD"))
      assert.strictEqual(entry("RFT (Visual-RFT)", 1).values[0]!.value, value("Visual-RFT", "win rate"))
      assert.deepStrictEqual(entry("SFT high + RFT (RISE)", 1).missing, Option.some("blank"))
      assert.deepStrictEqual(entry("SFT full", 2).missing, Option.some("no-task"))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  // 4 of the warm-up, 6 of RISE-CoT, 5 of SFT.
  for (const at of [2, 12]) {
    it.effect(`goes on after a cut at update ${at} to the same bytes, and leaves finished cells alone`, () =>
      Effect.gen(function*() {
        const out = yield* folder
        const selection = { seeds: [1], tables: ["4"], only: ["/RISE"] }
        const { updates } = yield* run(gridIn(`${out}/whole`), selection)
        const stub = {
          beforeUpdate: (done: number) =>
            done === at ? Effect.fail(new PolicyError({ operation: "update", reason: "power cut" })) : Effect.void
        }
        const cut = yield* Effect.flip(run(gridIn(`${out}/cut`, { stub }), selection))
        assert.include(cut.message, "power cut")
        const rest = yield* run(gridIn(`${out}/cut`), selection)
        assert.isAtMost(rest.updates, updates)
        assert.deepStrictEqual(yield* contents(`${out}/cut`), yield* contents(`${out}/whole`))
        const again = yield* run(
          gridIn(`${out}/cut`, { stub: { beforeUpdate: () => Effect.die("nothing is left to train") } }),
          selection
        )
        assert.strictEqual(again.updates, 0)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
  }

  it.effect("teaches the same samples by different chains, all students starting alike", () =>
    Effect.gen(function*() {
      const out = yield* folder
      const { cells } = yield* run(gridIn(out, { remote: true }), { seeds: [2], tables: ["3"] })
      const at = `${out}/emotion6/full/seed-2`
      const kept = (cell: string) =>
        Effect.map(read(`${at}/${cell}/metrics.jsonl`), (text) => jsonl(text).find(({ stage }) => stage === "filter"))
      const byRise = yield* kept("SFT-high,chains-RISE")
      assert.isAbove(byRise.kept, 0)
      for (const source of ["base", "remote"]) {
        assert.deepStrictEqual(yield* kept(`SFT-high,chains-${source}`), byRise)
        assert.notStrictEqual(
          yield* read(`${at}/RISE-CoT,chains-${source}/cot-${source}.jsonl`),
          yield* read(`${at}/RISE-CoT/cot.jsonl`)
        )
      }
      // A server is not warmed, and trains nothing.
      assert.deepStrictEqual(Object.keys(yield* contents(`${at}/RISE-CoT,chains-remote/checkpoints`)), ["ledger.json"])
      assert.include(cells.map(Cell.label), "warmed")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("pays by the parts of the reward and gives credit as a cell says", () =>
    Effect.gen(function*() {
      const out = yield* folder
      yield* run(gridIn(out), { seeds: [0], tables: ["5", "credit"], only: ["RISE-CoT"] })
      const metrics = (cell: string) =>
        Effect.map(read(`${out}/emotion6/full/seed-0/${cell}/metrics.jsonl`), (text) =>
          jsonl(text).filter(({ stage }) => stage === "reinforce"))
      const leaks = (rows: ReadonlyArray<{ readonly leak?: number }>) =>
        rows.reduce((sum, { leak = 0 }) => sum + leak, 0)
      assert.isAbove(leaks(yield* metrics("RISE-CoT")), 0)
      assert.strictEqual(leaks(yield* metrics("RISE-CoT,reward-no-leakage")), 0)
      assert.strictEqual(leaks(yield* metrics("RISE-CoT,reward-similarity")), 0)
      assert.isAbove(leaks(yield* metrics("RISE-CoT,reward-no-format")), 0)
      // Joint credit trains two draws of each candidate, the others one.
      const trained = (
        rows: ReadonlyArray<{ readonly trained?: number; readonly dead?: number; readonly groups?: number }>
      ) =>
        rows.filter((row) => row.trained !== undefined).map(({ dead = 0, groups = 0, trained = 0 }) =>
          trained / (8 * (groups - dead))
        )
      assert.isTrue(trained(yield* metrics("RISE-CoT")).every((draws) => draws === 2))
      assert.isTrue(trained(yield* metrics("RISE-CoT,credit-reasoning")).every((draws) => draws === 1))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("reports a cell that cannot learn with those that begin from it, and runs the others", () =>
    Effect.gen(function*() {
      const out = yield* folder
      // No chain earns anything but what a wrong reconstruction does.
      const stub = { bias: { potato: 60 } }
      const selection = { seeds: [0], tables: ["4"] }
      const grid = gridIn(out, {
        stub,
        settings: { ...preset, reinforce: { ...preset.reinforce, deadSteps: 100, steps: 1 } }
      })
      const { failures } = yield* run(grid, selection)
      assert.deepStrictEqual(failures.map(({ cell }) => Cell.label(cell)), ["SFT high", "RISE"])
      assert.include(failures[0]!.reason, "0.75")
      assert.include(failures[1]!.reason, "it begins from SFT high")
      const filled = yield* Figures.collect(grid, selection, failures)
      const missing = filled[0]!.lines.map(({ entries }) => Option.getOrElse(entries[0]!.missing, () => "none"))
      assert.deepStrictEqual(missing, ["none", "failed", "none", "none", "failed"])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("refuses a folder of other settings before it computes anything", () =>
    Effect.gen(function*() {
      const out = yield* folder
      const selection = { seeds: [0], only: ["/SFT"], tables: ["1"] }
      yield* run(gridIn(out), selection)
      const other = gridIn(out, {
        settings: { ...preset, sft: { ...preset.sft, steps: 6 } },
        stub: { beforeUpdate: () => Effect.die("computed") }
      })
      const error = yield* Effect.flip(run(other, selection))
      assert.include(error.message, "stages.sft.steps = 5, this run has 6")
      // A shipped preset is told by its name; settings of one's own, which have none that is known, by what differs.
      const shipped = gridIn(`${out}/shipped`, { settings: Presets.presets.smoke })
      yield* run(shipped, { seeds: [0], tables: ["1"], only: ["/prior"] })
      const stated = (settings: Presets.Preset) =>
        Effect.flip(
          Grid.stateOf(
            gridIn(`${out}/shipped`, { settings }),
            Cell.make({ task: "emotion6", shots: "full", seed: 0, method: "prior", settings: {} }, settings)
          )
        )
      const full = yield* stated(Presets.presets.full)
      assert.include(full.message, "prior was started with preset = \"smoke\", this run has \"full\"")
      const changed = yield* stated({ ...Presets.presets.smoke, validation: 0.3 })
      assert.include(changed.message, "validation = 0, this run has 0.3")
      // And one whose parent was made of something else.
      const fs = yield* FileSystem.FileSystem
      yield* fs.remove(`${out}/emotion6/full/seed-0/SFT`, { recursive: true })
      const parent = `${out}/emotion6/full/seed-0/warmed`
      const text = (yield* read(`${parent}/run.json`)).replace("\"seed\": 0", "\"seed\": 9")
      yield* fs.writeFileString(`${parent}/run.json`, text)
      yield* changeLedger(parent, () => ({ run: Digest.ofText(text) }))
      assert.include((yield* Effect.flip(run(gridIn(out), selection))).message, "seed = 9, this run has 0")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it("plans every cell once and after those it begins from", () => {
    const grid = gridIn("nowhere", { remote: true })
    const cells = Grid.plan(grid, { seeds: [0, 1] })
    const ids = cells.map(Cell.id)
    assert.strictEqual(new Set(ids).size, ids.length)
    for (const [i, cell] of cells.entries()) {
      for (const parent of Cell.ancestors(cell, preset)) {
        assert.isTrue(ids.indexOf(Cell.id(parent)) < i && ids.includes(Cell.id(parent)), ids[i])
      }
    }
    // τ = 0.75 is RISE itself; other τ share its chains.
    assert.notInclude(ids, "emotion6/full/seed-0/RISE,tau-0.75")
    assert.include(ids, "emotion6/full/seed-0/SFT-high,tau-0.85")
    assert.isFalse(ids.some((id) => id.includes("RISE-CoT") && id.includes("tau")))
    // The task of this grid knows only the full setting and no denominators; half of the cells are of the other seed.
    assert.isTrue(ids.every((id) => id.startsWith("emotion6/full/") && !id.includes("denominator")))
    assert.strictEqual(ids.filter((id) => id.includes("seed-1")).length * 2, ids.length)
    assert.deepStrictEqual(Grid.plan(grid, { seeds: [0], tables: ["6"], only: ["tau-0.65"] }).map(Cell.label), [
      "warmed",
      "RISE-CoT",
      "SFT high, tau 0.65",
      "RISE, tau 0.65"
    ])
    const bare = Grid.plan(gridIn("nowhere"), { seeds: [0] }).map(Cell.id)
    assert.isFalse(bare.some((id) => id.includes("remote")))
  })
})
