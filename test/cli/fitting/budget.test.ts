import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option, Result } from "effect"
import { cut, CutShort, earlier, recorded } from "../../../src/cli/fitting/budget.ts"
import { embeddedPace, lines, type Method, methodNames, total } from "../../../src/pipelines/index.ts"
import { quick } from "../../../src/pipelines/Presets.ts"

const sizes = { train: 700, test: 300 }
const time = (seconds: number) => ({ text: `${seconds}s`, seconds })
const fits = (seconds: number) => cut(time(seconds), quick, methodNames, sizes, embeddedPace)

describe("a budget", () => {
  it("leaves all there is where it is enough, then a baseline, then what makes better, then what teaches", () => {
    const whole = total(lines(quick, methodNames, sizes, embeddedPace))
    const alone = total(lines(quick, ["RISE"], sizes, embeddedPace))
    assert.deepStrictEqual(Result.getOrThrow(fits(2 * whole)).preset, quick)
    assert.deepStrictEqual(Result.getOrThrow(fits(2 * whole)).methods, methodNames)
    const less = Result.getOrThrow(fits(0.95 * whole))
    assert.deepStrictEqual([less.methods, less.preset], [["SFT", "RISE"], quick])
    assert.match(less.note, /left out: Visual-RFT/)
    const little = Result.getOrThrow(fits(1.05 * alone))
    assert.deepStrictEqual(little.methods, ["RISE"])
    assert.deepStrictEqual(little.preset.sft, quick.sft)
    assert.deepStrictEqual(little.preset.warmUp, quick.warmUp)
    assert.isBelow(little.preset.rft.steps!, quick.rft.steps!)
    assert.match(
      little.note,
      /with all of the steps of warm-up and SFT, \d+% of those of closed loop and RFT; left out/
    )
    assert.isAtMost(total(little.plan), alone)
  })

  it("says of a step that is left out that not all are there", () => {
    const alone = total(lines(quick, ["RISE"], sizes, embeddedPace))
    const notes = Array.from({ length: 20 }, (_, i) => fits((1.1 + i / 1000) * alone))
      .flatMap((found) => Option.toArray(Result.getSuccess(found))).map(({ note }) => note)
    assert.isTrue(notes.some((note) => />99% of/.test(note)))
    assert.deepStrictEqual(notes.filter((note) => /\b(0|100)% of/.test(note)), [])
  })

  it("that is too small to learn in says how much is enough, which then is", () => {
    for (const seconds of [1, 20]) {
      const refused = fits(seconds)
      assert.isTrue(Result.isFailure(refused))
      if (!Result.isFailure(refused)) continue
      const [, enough = "", unit] =
        /: \d+s is too .* by an estimate from a few steps\. Give it --budget (\d+)(m|s), which has room for a pace a /
          .exec(refused.failure.message) ?? []
      const advised = time(Number(enough) * (unit === "m" ? 60 : 1))
      const found = Result.getOrThrow(cut(advised, quick, ["RISE"], sizes, embeddedPace))
      assert.isAtLeast(found.preset.sft.steps!, 0.65 * quick.sft.steps!)
      // The next command measures this machine anew, and may find it a third slower.
      const { drawnAlone, drawnInGroup, practised, trained } = embeddedPace
      const slower = {
        drawnAlone: drawnAlone * 1.5,
        drawnInGroup: drawnInGroup * 1.5,
        practised: practised * 1.5,
        trained: trained * 1.5
      }
      assert.isTrue(Result.isSuccess(cut(advised, quick, ["RISE"], sizes, slower)))
    }
  })

  it("of SFT alone says what the warm-up takes of it, and how to leave that out", () => {
    const of = (seconds: number, methods: ReadonlyArray<Method>, preset = quick) =>
      cut(time(seconds), preset, methods, sizes, embeddedPace)
    const { note, plan } = Result.getOrThrow(of(1e4, ["SFT"]))
    const warming = plan.find(({ stage }) => stage === "warm-up")?.seconds ?? 0
    assert.isAbove(warming, 0)
    assert.match(note, /; [\d.]+ (min|s) of it are the warm-up, which SFT can do without: --no-warm-up leaves it out$/)
    const { warmUp: _, ...without } = quick
    assert.notInclude(Result.getOrThrow(of(1e4, ["SFT"], without)).note, "warm-up")
    assert.notInclude(Result.getOrThrow(of(1e4, ["RISE"])).note, "--no-warm-up")
    const refused = of(1, ["SFT"])
    assert.isTrue(
      Result.isFailure(refused) &&
        refused.failure.message.endsWith("or leave out what SFT can do without: --no-warm-up")
    )
  })

  it("is named by an error that may come of it", () => {
    const { message } = new CutShort({ reason: "RISE/filter: no chain", budget: "5m", left: "70% of the steps" })
    assert.match(
      message,
      /^RISE\/filter: no chain\nThe budget may be the cause: of 5m there is time for 70% .* longer --b/
    )
  })

  it("of the last stage alone is for that stage", () => {
    const { preset } = Result.getOrThrow(
      cut(
        time(0.8 * total(lines(quick, ["Visual-RFT"], sizes, embeddedPace))),
        quick,
        ["Visual-RFT"],
        sizes,
        embeddedPace
      )
    )
    assert.isAtLeast(preset.rft.steps!, 0.65 * quick.rft.steps!)
  })

  it.effect("of a run is found again where it is resumed under the same, and not under another", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = yield* fs.makeTempDirectoryScoped()
      const budget = Option.some(time(90))
      const config = {
        ...recorded(time(90), { methods: ["RISE"], left: "some" }),
        settings: { name: "fitted", sft: { steps: 3 } }
      }
      yield* fs.writeFileString(`${out}/run.json`, JSON.stringify({ identity: { config } }))
      const flags = { out: Option.some(out), resume: true, budget }
      assert.deepStrictEqual(Option.getOrThrow(yield* earlier(flags)).methods, ["RISE"])
      assert.isTrue(Option.isNone(yield* earlier({ ...flags, resume: false })))
      assert.isTrue(Option.isNone(yield* earlier({ ...flags, budget: Option.some(time(91)) })))
      assert.isTrue(Option.isNone(yield* earlier({ ...flags, out: Option.some(`${out}/none`) })))
    })).pipe(Effect.provide(NodeServices.layer)))
})
