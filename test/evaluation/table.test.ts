import { assert, describe, it } from "@effect/vitest"
import { cells } from "../../src/dsl/progress/Width.ts"
import type { ResultRow } from "../../src/evaluation/Results.ts"
import { table } from "../../src/evaluation/table.ts"

const row = (method: string, metric: string, value: number): ResultRow => ({
  method,
  part: "all",
  shots: "full",
  metric,
  value,
  n: 300,
  seed: 0
})

describe("table", () => {
  it("says a heading of two words in two lines, and a dash where a method has no figure", () => {
    const rows = [row("SFT", "JSD", 0.1771), row("RISE", "JSD", 0.1924), row("RISE", "cue precision", 0.957)]
    assert.strictEqual(
      table(rows, ["JSD", "cue precision"]),
      [
        "                        cue",
        "all (300)    JSD  precision",
        "---------------------------",
        "SFT        0.177          –",
        "RISE       0.192      0.957"
      ].join("\n")
    )
  })

  it("says which of the metrics no row has, with those there are and what was probably meant", () => {
    const rows = [row("SFT", "accuracy", 0.5), row("SFT", "valid", 1)]
    assert.strictEqual(
      table(rows, ["acuracy"]),
      "(no figure \"acuracy\" in these results, which have accuracy, valid: did you mean accuracy?)"
    )
    const both = table(rows, ["accuracy", "JSD"]).split("\n")
    assert.deepStrictEqual([both[0], both[2], both[4]], [
      "all (300)  accuracy",
      "SFT           0.500",
      "(no figure \"JSD\" in these results, which have accuracy, valid)"
    ])
    assert.strictEqual(table([], ["accuracy"]), "(no results)")
  })

  it("fits a terminal of 80 columns: further figures stand in a block below, and none is left out", () => {
    const metrics = [
      "JSD",
      "JSD masked",
      "mAP@0.5",
      "mAP@0.5 masked",
      "mAP@[.5:.95]",
      "IoU",
      "recall@0.5",
      "win rate",
      "accuracy",
      "valid",
      "reward",
      "cue precision",
      "cue recall"
    ]
    const rows = ["base", "Visual-RFT"].flatMap((method) => metrics.map((metric, i) => row(method, metric, i / 100)))
    const lines = table(rows, metrics).split("\n")
    assert.isAtMost(Math.max(...lines.map((line) => line.length)), 80)
    for (const width of [30, 60, 79, 120, 200]) {
      const fitted = table(rows, metrics, width).split("\n")
      assert.isAtMost(Math.max(...fitted.map((line) => line.length)), width)
      assert.lengthOf(fitted.join("\n").match(/\d\.\d{3}/g) ?? [], 2 * metrics.length, "none is left out")
    }
    // A part may be called anything: its cells are counted, and what a terminal would obey is shown.
    const named = table(rows.map((row) => ({ ...row, part: "表情分类很长的名字\u001b[31m".repeat(9) })), metrics, 60)
    assert.isAtMost(Math.max(...named.split("\n").map(cells)), 60)
    assert.notInclude(named, "\u001b")
    const figures = lines.filter((line) => line.startsWith("Visual-RFT")).flatMap((line) => line.split(/\s+/).slice(1))
    assert.deepStrictEqual(figures, metrics.map((_, i) => (i / 100).toFixed(3)))
  })
})
