import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as Chart from "../../src/studies/report/Chart.ts"
import { report } from "../../src/studies/report/report.ts"

const jsonl = (rows: ReadonlyArray<unknown>) => rows.map((row) => `${JSON.stringify(row)}\n`).join("")

const result = (method: string, part: string, metric: string, value: number) => ({
  method,
  part,
  shots: "full",
  metric,
  value,
  n: 4,
  seed: 0
})

const hostile = "<script>alert(1)</script>\"><img src=x>"

const files = {
  "results.json": JSON.stringify([
    result("prior", "all", "JSD", 0.3),
    result("base", "all", "JSD", 0.4),
    result("SFT", "all", "JSD", 0.2),
    result("RISE", "all", "JSD", 0.1),
    result("SFT", "all", "win rate", 0.25)
  ]),
  "run.json": JSON.stringify({
    identity: {
      task: "emotion6",
      seed: 7,
      config: { preset: "quick", settings: { filter: { tau: 0.5 } }, source: hostile }
    },
    about: { lowerIsBetter: ["JSD"], caution: `Reasons may be a code. ${hostile}` }
  }),
  "metrics.jsonl": jsonl(
    Array.from(
      { length: 30 },
      (_, i) => ({ method: "RISE", stage: "reinforce", step: i + 1, of: 30, reward: i / 30, loss: 0.1, kl: 0.001 * i })
    ).concat([
      { method: "RISE", stage: "reinforce", step: 30, of: 30, "selected step": 20 } as never
    ])
  ),
  "cot.jsonl": jsonl(
    [0.1, 0.49, 0.5, 1].map((reward, i) => ({ image: `i${i}`, reasoning: "r", annotation: [1, 0], reward }))
  ),
  "quarantine.jsonl": jsonl([{ source: "a", row: 1, reason: "sum", detail: "d" }, {
    source: "a",
    row: 2,
    reason: "sum",
    detail: "d"
  }]),
  "examples.json": JSON.stringify([{
    image: hostile,
    part: "seen",
    png: "data:image/png;base64,AA==",
    truth: hostile,
    bars: [{ label: hostile, value: 1 }],
    said: [{ method: "RISE", text: hostile, reasoning: hostile, annotation: null, bars: [] }]
  }])
}

const folder = Effect.fnUntraced(function*(content: Readonly<Record<string, string>>) {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  for (const [name, text] of Object.entries(content)) yield* fs.writeFileString(`${directory}/${name}`, text)
  return directory
})

const page = Effect.fnUntraced(function*(content: Readonly<Record<string, string>>) {
  const file = yield* report(yield* folder(content))
  return yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(file))
})

describe("report", () => {
  it.effect("is one page that loads nothing and shows figures, curves, histogram and quarantine", () =>
    Effect.gen(function*() {
      const html = yield* page(files)
      assert.notMatch(html, /(src|href)="(?!data:)/)
      assert.notInclude(html, "http")
      assert.include(html, "RISE on emotion6")
      assert.include(html, "<td class=\"best\">0.100</td>")
      assert.include(html, "kept the weights of step 20")
      assert.include(html, "τ keeps 2 of 4 chains (50%)")
      assert.include(html, "2 (sum 2)")
      assert.strictEqual(html.match(/<svg class="chart"/g)?.length, 4)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("counts by the τ that the filter used where it has sunk", () =>
    Effect.gen(function*() {
      const row = JSON.stringify({ method: "RISE", stage: "filter", step: 4, of: 4, tau: 0.2, kept: 3, share: 0.75 })
      const html = yield* page({ ...files, "metrics.jsonl": `${files["metrics.jsonl"]}\n${row}\n` })
      assert.include(html, "τ keeps 3 of 4 chains (75%)")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("says how many samples were used where a preset takes only the first", () =>
    Effect.gen(function*() {
      const data = { train: { samples: 1386 }, test: { samples: 300 } }
      const made = (config: unknown) =>
        page({ ...files, "run.json": JSON.stringify({ identity: { data, config }, about: {} }) })
      for (const config of [{ settings: { limit: { train: 700, test: 300 } } }, { limit: { train: 700 } }]) {
        const html = yield* made(config)
        assert.match(html, /training samples<\/dt><dd>700 of 1386</)
        assert.match(html, /test samples<\/dt><dd>300</)
      }
      assert.match(yield* made({}), /training samples<\/dt><dd>1386</)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("escapes whatever a model, a file name or a label says", () =>
    Effect.gen(function*() {
      const html = yield* page(files)
      assert.notInclude(html, "<script")
      assert.notInclude(html, "<img src=x>")
      assert.include(html, "&lt;script&gt;alert(1)&lt;/script&gt;")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("needs no more than the results", () =>
    Effect.gen(function*() {
      const html = yield* page({ "results.json": files["results.json"] })
      assert.notInclude(html, "NaN")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("says which file is missing or damaged", () =>
    Effect.gen(function*() {
      assert.include((yield* Effect.flip(page({}))).message, "no results.json")
      assert.include((yield* Effect.flip(page({ ...files, "metrics.jsonl": "{\"stage\"" }))).message, "metrics.jsonl")
      assert.include((yield* Effect.flip(page({ ...files, "results.json": "[1]" }))).message, "results.json")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})

describe("Chart", () => {
  it("puts few, round ticks inside any range", () => {
    for (const [min, max] of [[0, 1], [0.113, 0.162], [1, 200], [-3, 5e6], [1e-7, 2e-6]] as const) {
      const found = Chart.ticks(min, max)
      assert.isTrue(found.length >= 2 && found.length <= 6, `${min}–${max}: ${found}`)
      assert.isTrue(found.every((tick) => tick >= min - 1e-12 && tick <= max + 1e-12))
    }
    assert.deepStrictEqual(Chart.ticks(0, 1), [0, 0.25, 0.5, 0.75, 1])
    assert.deepStrictEqual(Chart.ticks(2, 2), [2])
  })

  it("keeps every coordinate a number, also for one point and for a flat line", () => {
    for (const points of [[[1, 0.5]], [[1, 2], [2, 2]], [[0, -1e9], [1, 1e9]]] as const) {
      const svg = Chart.line({ title: "t", series: [{ name: "a", colour: "red", points }] })
      assert.notMatch(svg, /NaN|Infinity|undefined/)
    }
    assert.strictEqual(Chart.line({ title: "t", series: [] }), "")
    assert.notMatch(Chart.histogram([0, 0, 0], 0.75), /NaN/)
  })

  it("thins a long curve without moving its mean or its ends far", () => {
    const points = Array.from({ length: 5000 }, (_, i) => [i, Math.sin(i / 300)] as const)
    const thinned = Chart.thin(points, 100)
    assert.strictEqual(thinned.length, 100)
    const mean = (of: ReadonlyArray<readonly [number, number]>) => of.reduce((sum, [, y]) => sum + y, 0) / of.length
    assert.closeTo(mean(thinned), mean(points), 1e-9)
    assert.isBelow(thinned[0]![0], 50)
  })
})
