import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option, Result } from "effect"
import { cut, earlier, recorded } from "../../../src/cli/fitting/budget.ts"
import { embeddedPace, lines, methodNames, total } from "../../../src/pipelines/index.ts"
import { quick } from "../../../src/pipelines/Presets.ts"

const sizes = { train: 700, test: 300 }
const time = (seconds: number) => ({ text: `${seconds}s`, seconds })
const fits = (seconds: number) => cut(time(seconds), quick, methodNames, sizes, embeddedPace)

describe("a budget", () => {
  it("leaves all there is where it is enough, then a baseline, then steps", () => {
    const whole = total(lines(quick, methodNames, sizes, embeddedPace))
    assert.deepStrictEqual(Result.getOrThrow(fits(2 * whole)).preset, quick)
    assert.deepStrictEqual(Result.getOrThrow(fits(2 * whole)).methods, methodNames)
    const less = Result.getOrThrow(fits(0.95 * whole))
    assert.deepStrictEqual([less.methods, less.preset], [["SFT", "RISE"], quick])
    assert.match(less.note, /left out: Visual-RFT/)
    const little = Result.getOrThrow(fits(0.3 * whole))
    assert.deepStrictEqual(little.methods, ["RISE"])
    assert.isBelow(little.preset.sft.steps!, quick.sft.steps!)
    assert.isAtMost(total(little.plan), 0.3 * whole)
  })

  it("that is too small says how much is the least", () => {
    const refused = fits(1)
    assert.isTrue(Result.isFailure(refused))
    if (Result.isFailure(refused)) assert.match(refused.failure.message, /--budget: is 1s, but .* takes \d+ s at the/)
  })

  it.effect("of a run is found again where it is resumed under the same, and not under another", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = yield* fs.makeTempDirectoryScoped()
      const budget = Option.some(time(90))
      const config = { ...recorded(budget, ["RISE"]), settings: { name: "fitted", sft: { steps: 3 } } }
      yield* fs.writeFileString(`${out}/run.json`, JSON.stringify({ identity: { config } }))
      const flags = { out: Option.some(out), resume: true, budget }
      assert.deepStrictEqual(Option.getOrThrow(yield* earlier(flags)).methods, ["RISE"])
      assert.isTrue(Option.isNone(yield* earlier({ ...flags, resume: false })))
      assert.isTrue(Option.isNone(yield* earlier({ ...flags, budget: Option.some(time(91)) })))
      assert.isTrue(Option.isNone(yield* earlier({ ...flags, out: Option.some(`${out}/none`) })))
    })).pipe(Effect.provide(NodeServices.layer)))
})
