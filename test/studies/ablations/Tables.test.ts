import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option } from "effect"
import * as Presets from "../../../src/pipelines/Presets.ts"
import { Cell, Estimate, Figures, Grid, Render, subjects, Tables } from "../../../src/studies/ablations/index.ts"
import { gridIn, preset } from "./bench.ts"

const row = (part: string, metric: string, value: number, seed: number) => ({
  method: "m",
  part,
  shots: "full",
  metric,
  value,
  n: 4,
  seed
})

/** A cell's folder as a run would leave it, with given figures. */
const finished = Effect.fnUntraced(
  function*(
    out: string,
    method: Cell.Method,
    seed: number,
    settings: Cell.Settings,
    rows: ReadonlyArray<object>,
    answers: ReadonlyArray<number> = []
  ) {
    const fs = yield* FileSystem.FileSystem
    const folder = `${out}/${Cell.id(Cell.make({ task: "emotion6", shots: "full", seed, method, settings }, preset))}`
    yield* fs.makeDirectory(folder, { recursive: true })
    yield* fs.writeFileString(`${folder}/results.json`, JSON.stringify(rows))
    yield* fs.writeFileString(
      `${folder}/predictions.jsonl`,
      answers.map((JSD, i) =>
        `${
          JSON.stringify({
            method: "m",
            image: `i${i}`,
            part: null,
            truth: "t",
            text: "t",
            annotation: null,
            reasoning: null,
            verdict: "ok",
            metrics: { JSD }
          })
        }\n`
      ).join("")
    )
  }
)

describe("tables", () => {
  it("averages over seeds with the standard error of the mean", () => {
    // 1, 2, 4: mean 7/3, squares (16 + 1 + 25) / 9 = 14/3, variance 7/3, of the mean 7/9.
    const { mean, se } = Figures.summary([1, 2, 4])
    assert.closeTo(mean, 7 / 3, 1e-15)
    assert.closeTo(Option.getOrThrow(se), Math.sqrt(7 / 9), 1e-15)
    assert.deepStrictEqual(Figures.summary([0.25]), { mean: 0.25, se: Option.none() })
    assert.strictEqual(Option.getOrThrow(Figures.summary([0.5, 0.5]).se), 0)
  })

  it.effect("prints what is there beside the paper, and says what is not", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = yield* fs.makeTempDirectoryScoped()
      const seeds = [0, 1]
      yield* finished(out, "RISE", 0, {}, [row("all", "JSD", 0.1, 0), row("train", "kept share", 0.5, 0)], [
        0.1,
        0.2,
        0.3,
        0.4
      ])
      yield* finished(out, "RISE", 1, {}, [row("all", "JSD", 0.3, 1), row("train", "kept share", 0.7, 1)], [
        0.1,
        0.2,
        0.3,
        0.4
      ])
      // Better on two pictures, worse on one, equal on one: 2.5 of 4.
      yield* finished(out, "RISE", 0, { tau: 0.65 }, [row("all", "JSD", 0.2, 0)], [0, 0.1, 0.3, 0.5])
      const grid = gridIn(out)
      const failures = [{
        cell: Cell.make({ task: "emotion6", shots: "full", seed: 0, method: "RISE", settings: { tau: 0.85 } }, preset),
        reason: "nothing kept"
      }]
      const about = { preset: "test", models: ["stub"], seeds, sources: { emotion6: "moods" } }
      const filled = yield* Figures.collect(grid, { seeds, tables: ["6"] }, failures)
      const text = yield* Render.write(out, filled, about, failures)
      const lines = text.split("\n").filter((line) => line.startsWith("|")).map((line) =>
        line.split("|").slice(1, -1).map((cell) => cell.trim())
      )
      assert.deepStrictEqual(lines[0], [
        "",
        "emotion6 full JSD ↓",
        "emotion6 full win rate",
        "emotion6 full kept share of the chains",
        "lisa full mAP@0.5 ↑",
        "lisa full kept share of the chains"
      ])
      assert.deepStrictEqual(lines.slice(2), [
        [
          "τ = 0.65",
          "0.200 (1 of 2 seeds)",
          "0.625 (1 of 2 seeds)",
          "not run",
          "no such task here",
          "no such task here"
        ],
        [
          "τ = 0.75",
          "0.200 ± 0.100",
          "–",
          "0.600 ± 0.100 [paper 0.410]",
          "no such task here",
          "no such task here [paper 0.660]"
        ],
        ["τ = 0.85", "failed", "failed", "failed", "no such task here", "no such task here"]
      ])
      assert.include(text, "- emotion6/full/seed-0/RISE,tau-0.85: nothing kept")
      assert.strictEqual(yield* fs.readFileString(`${out}/tables.md`), text)
      const stored = JSON.parse(yield* fs.readFileString(`${out}/tables.json`))
      assert.deepStrictEqual(stored.tables[0].rows[2].entries[0], {
        column: "emotion6/full/JSD",
        mean: null,
        se: null,
        values: [],
        paper: null,
        missing: "failed"
      })
      assert.deepStrictEqual(stored.tables[0].rows[1].entries[2].values, [
        { seed: 0, value: 0.5, n: 4 },
        { seed: 1, value: 0.7, n: 4 }
      ])
      assert.include(text, "\n\nn, the samples behind a figure: emotion6 test 4, emotion6 chains 4.\n")
      assert.include(text, "Mean ± standard error over seeds.")
      assert.include(text, "seeds 0, 1. emotion6: moods.\n")

      // In the width of a terminal, whatever it is: every figure, and no line beyond it.
      for (const width of [120, 80, 50, 34]) {
        const shown = Render.printed(filled, about, [], width).split("Table 6")[1]?.split("\n\nn, the")[0] ?? ""
        assert.isAtMost(Math.max(...shown.split("\n").slice(1).map((line) => line.length)), width, shown)
        const told = shown.replaceAll(/\s+/g, " ")
        for (const part of ["0.200 (1 of 2 seeds)", "± 0.100 [paper 0.410]", "emotion6 full JSD ↓", "τ = 0.85"]) {
          assert.include(width < 40 ? told.replaceAll(" ", "") : told, width < 40 ? part.replaceAll(" ", "") : part)
        }
      }
      // One seed has no error, and tasks that were not run have no samples.
      const one = yield* Figures.collect(grid, { seeds: [0], tables: ["6"] }, [])
      const sources = { emotion6: "moods", lisa: "riddles" }
      const alone = Render.page(one, { ...about, seeds: [0], sources }, [])
      assert.include(alone, "Figures of one seed, which has no standard error.")
      assert.notInclude(alone, "±")
      assert.notInclude(alone, "riddles")
      assert.isFalse((yield* fs.readDirectory(out)).some((name) => name.endsWith(".tmp")))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it("hold the figures of the paper's Table 1 where the paper has them", () => {
    const [first] = Tables.all
    const paper = (label: string) =>
      first!.columns.map((column) =>
        first!.rows.find((found) => found.label === label)?.paper?.[Tables.columnKey(column)] ?? null
      )
    assert.deepStrictEqual(paper("RISE"), [0.168, 0.133, 0.071, null, null, null, 0.195, 0.271, 0.404])
    assert.deepStrictEqual(paper("Visual-RFT"), [0.191, 0.222, 0.126, 0.1667, 0.1212, 0.1633, 0.13, 0.246, 0.395])
    assert.deepStrictEqual(paper("SFT"), [0.22, 0.308, 0.112, 0.0623, 0.032, 0.3114, 0.2, 0.204, 0.367])
    assert.deepStrictEqual(paper("Base-Model"), [null, null, 0.47, null, null, 0.0067, null, null, 0.102])
    assert.deepStrictEqual(paper("remote (GPT-4o)"), [null, null, 0.106, null, null, 0.3401, null, null, 0.002])
    assert.deepStrictEqual(Tables.all.map(({ id }) => id), [
      "1",
      "2",
      "3",
      "4",
      "5",
      "6",
      "soft",
      "credit",
      "denominator"
    ])
    // Every figure of the paper stands in a column of its table.
    for (const { columns, rows } of Tables.all) {
      for (const { paper = {} } of rows) assert.includeMembers(columns.map(Tables.columnKey), Object.keys(paper))
    }
  })
})

describe("plan", () => {
  it("begins from the base where a task's preset has no warm-up", () => {
    const { bench } = gridIn("nowhere")
    const grid = { subjects: subjects({ data: Option.none() }), bench: { ...bench, preset: Presets.quick } }
    const warmed = (task: string) =>
      Grid.plan(grid, { seeds: [0], tables: ["1"] }).filter((cell) => cell.task === task && cell.method === "warmed")
    assert.strictEqual(warmed("emotion6").length, 3)
    assert.deepStrictEqual(warmed("lisa"), [])
  })
})

describe("estimate", () => {
  const sizes = { train: 1386, test: 594, perShot: 7 }
  const cells = Grid.plan(gridIn("nowhere"), { seeds: [0, 1], tables: ["4"] })
  const estimated = (timings: ReadonlyArray<Estimate.Timing>, some = cells) =>
    Estimate.estimate(some, {
      cores: 2,
      plan: cells,
      preset: Presets.quick,
      presetOf: () => Presets.quick,
      sizeOf: () => sizes,
      timings
    })

  it("counts to about what the quick preset was measured at", () => {
    // 3.5 minutes for base, warm-up, SFT, Visual-RFT and RISE on two cores: README.
    const study = cells.filter((cell) =>
      cell.seed === 0 && ["warmed", "Visual-RFT", "RISE-CoT", "SFT high", "RISE"].includes(cell.method)
    )
    const sft = Estimate.counted({ ...cells[0]!, method: "SFT" }, Presets.quick, Presets.quick, sizes)
    assert.closeTo(estimated([], study).seconds + sft, 212, 50)
  })

  it("counts a task of longer texts as longer, and one core as half of two", () => {
    const usual = Presets.quick
    const longer = {
      ...usual,
      generate: { ...usual.generate, maxTokens: 60 },
      reconstruct: { ...usual.reconstruct, maxTokens: 68 }
    }
    // 40 and 24 tokens in the preset.
    const sft = { ...cells[0]!, method: "SFT" as const }
    const twice = Estimate.counted(sft, longer, usual, sizes) / Estimate.counted(sft, usual, usual, sizes)
    assert.closeTo(twice, 2, 1e-9)
    const on = (cores: number, timings: ReadonlyArray<Estimate.Timing> = []) =>
      Estimate.estimate([sft], {
        cores,
        plan: cells,
        preset: usual,
        presetOf: () => usual,
        sizeOf: () => sizes,
        timings
      }).seconds
    assert.closeTo(on(1) / on(2), 2, 1e-9)
    assert.strictEqual(on(64), on(2))
    // What was timed here knows of the cores already.
    const rise = cells.find(({ method }) => method === "RISE")!
    const timings = [{ cell: Cell.id(rise), seconds: 100 }]
    assert.closeTo(on(1, timings), on(2, timings), 1e-9)
  })

  it("goes by what like cells took, and by this machine's pace for the others", () => {
    const rise = cells.filter(({ method }) => method === "RISE")
    assert.strictEqual(estimated([{ cell: Cell.id(rise[0]!), seconds: 100 }], rise).seconds, 200)
    const slow = cells.filter(({ method }) => method === "SFT high")
    const counted = estimated([], rise.slice(0, 1)).seconds
    assert.closeTo(
      estimated([{ cell: Cell.id(rise[0]!), seconds: 3 * counted }], slow).seconds,
      3 * estimated([], slow).seconds,
      1e-9
    )
  })
})
