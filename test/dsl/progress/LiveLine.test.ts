/** The line of a terminal: what it holds in which width, and what it leaves alone. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Progress from "../../../src/dsl/Progress.ts"
import { bar, history } from "../../../src/dsl/progress/Chart.ts"
import { eraseAll } from "../../../src/dsl/progress/Screen.ts"
import { cells, cut, squeezed } from "../../../src/dsl/progress/Width.ts"

const { Event } = Progress
const clear = "\r\u001b[2K"

/**
 * What a terminal of so many columns is sent at step 120 of 200 of the third of five stages: 60 of 100 counted seconds
 * took 120 s, and 240 are ahead.
 */
const sent = Effect.fnUntraced(function*(columns: number, stage = "RISE/rft", colours = false, first = 1) {
  const lines: Array<string> = []
  const view = Progress.terminal({
    isTTY: true,
    columns,
    hasColors: () => colours,
    write: (text) => lines.push(text)
  })
  yield* view.report(Event.Planned({
    stages: ["a", "b", stage, "c", "d"].map((stage) => ({ stage, counted: 100 }))
  }))
  yield* view.report(Event.Started({ stage, total: 200, unit: "steps" }))
  for (let step = first; step <= 120; step++) {
    yield* TestClock.adjust("1 second")
    const figures = { loss: 2 / step, "format": 0.25, reward: step / 120, kl: 0.0001 * step }
    yield* view.report(Event.Step({ stage, step, tokens: 4100, figures }))
  }
  return { lines, view, line: (lines.at(-1) ?? "").replace(clear, "") }
})

describe("the live line", () => {
  it.effect("holds all there is where the terminal is wide", () =>
    Effect.gen(function*() {
      const { line } = yield* sent(160)
      assert.strictEqual(
        line,
        "[3/5] RISE/rft  ███████▊░░░░░  120/200 steps  loss 0.017 █▂▁▁▁▁  format 0.250 ▁▁▁▁▁▁  " +
          "reward 1.000 ▁▂▄▅▇█  kl 0.012 ▁▂▄▅▇█  4.1k tok/s  1m20s left, run 8m00s"
      )
    }))

  it.effect("leaves out what matters least where it is narrow, and never goes over its edge", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        (yield* sent(80)).line,
        "[3/5] RISE/rft  ████▎░░  120/200 steps  reward 1.000 ▁▂▄▅▇█  1m20s/8m00s left"
      )
      assert.strictEqual((yield* sent(60)).line, "[3/5] RISE/rft  ████▊░░░  120/200 steps  1m20s/8m00s left")
      const names = [
        "RISE/rft",
        "RISE/一二三四五六七八九十表情分类很长的名字",
        "Visual-RFT/evaluate-masked",
        "x".repeat(300),
        "👩‍👩‍👧‍👦".repeat(40)
      ]
      for (const name of names) {
        for (const columns of [1, 2, 5, 10, 20, 33, 40, 60, 80, 81, 100, 120, 200]) {
          const { line } = yield* sent(columns, name, false, 118)
          assert.isAtMost(cells(line), Math.max(1, columns - 3), `${name} in ${columns} columns: ${line}`)
        }
      }
    }))

  it.effect("shows control characters, and obeys none", () =>
    Effect.gen(function*() {
      const { line } = yield* sent(120, "bad\u001b[31mname\n\u202e")
      assert.match(line, /^\[3\/5\] bad\\u001b\[31mname\\u000a\\u202e {2}/)
      assert.notMatch(line, /\p{Cc}/u)
    }))

  it.effect("is painted where the terminal has colours, and in its cells the same", () =>
    Effect.gen(function*() {
      const [plain, painted] = [yield* sent(80), yield* sent(80, "RISE/rft", true)]
      assert.include(painted.line, "\u001b[36m███")
      assert.strictEqual(painted.line.replace(/\u001b\[\d+m/g, ""), plain.line)
    }))

  it.effect("is taken away in all its rows where the terminal has become narrower", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const out = { isTTY: true, columns: 100, write: (text: string) => lines.push(text) }
      const view = Progress.terminal(out)
      yield* view.report(Event.Started({ stage: "sft", total: 200, unit: "steps" }))
      yield* TestClock.adjust("10 seconds")
      yield* view.report(Event.Step({ stage: "sft", step: 20, tokens: 100, figures: { loss: 1, reward: 1 } }))
      const width = cells((lines.at(-1) ?? "").replace(clear, ""))
      assert.isAbove(width, 60)
      out.columns = 30
      yield* TestClock.adjust("1 second")
      yield* view.report(Event.Step({ stage: "sft", step: 21, tokens: 100, figures: {} }))
      assert.isTrue(
        lines.at(-1)?.startsWith(`\r\u001b[${Math.ceil(width / 30) - 1}A\u001b[J`),
        JSON.stringify(lines.at(-1))
      )
    }))

  it.effect("makes room for what is said beside, and is drawn again", () =>
    Effect.gen(function*() {
      const { lines, view } = yield* sent(80)
      eraseAll()
      assert.strictEqual(lines.at(-1), clear)
      const { length } = lines
      eraseAll()
      assert.strictEqual(lines.length, length, "what is not there is not taken away")
      yield* view.report(Event.Warned({ stage: "RISE/rft", text: "x".repeat(200) }))
      assert.strictEqual(lines.at(-1), `${clear}warning: RISE/rft: ${"x".repeat(200)}\n`)
      yield* TestClock.adjust("1 second")
      yield* view.report(Event.Step({ stage: "RISE/rft", step: 121, tokens: 1, figures: {} }))
      assert.match(lines.at(-1) ?? "", /^\r\u001b\[2K\[3\/5\] RISE\/rft .*121\/200 .*reward 1.000/)
    }))

  it.effect("is no line where the terminal cannot redraw: TERM=dumb", () =>
    Effect.gen(function*() {
      const before = process.env["TERM"]
      process.env["TERM"] = "dumb"
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          if (before === undefined) delete process.env["TERM"]
          else process.env["TERM"] = before
        })
      )
      const { lines } = yield* sent(80)
      assert.isAbove(lines.length, 3)
      for (const line of lines) assert.match(line, /^\[3\/5\] RISE\/rft .*\n$/)
    }).pipe(Effect.scoped))
})

describe("a chart of one line", () => {
  it("a bar has its width, and grows by eighths", () => {
    assert.deepStrictEqual([0, 1 / 32, 0.5, 1, 7, -1].map((share) => bar(share, 4)), [
      "░░░░",
      "▏░░░",
      "██░░",
      "████",
      "████",
      "░░░░"
    ])
  })

  it("a sparkline goes from the lowest to the highest, over the whole stage", () => {
    const rising = history()
    for (let i = 0; i < 5000; i++) rising.add(i)
    assert.strictEqual(rising.spark(8), "▁▂▃▄▅▆▇█")
    const few = history()
    for (const value of [3, NaN, 1, Infinity, 2]) few.add(value)
    assert.strictEqual(few.spark(8), "█▁▅")
    assert.strictEqual(history().spark(8), "")
  })

  it("texts are cut by cells, between characters that are seen as one", () => {
    assert.strictEqual(cells("表情e\u0301👩‍👩‍👧‍👦"), 4 + 1 + 2)
    assert.strictEqual(cut("表情分类", 6), "表情…")
    assert.strictEqual(cut("e\u0301e\u0301e\u0301", 2), "e\u0301…")
    assert.strictEqual(squeezed("Visual-RFT/evaluate-masked", 15), "Visual-…-masked")
    assert.deepStrictEqual([0, 1, 2].map((room) => squeezed("表情分类", room)), ["", "…", "…"])
  })
})
