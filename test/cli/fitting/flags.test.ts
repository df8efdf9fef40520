import { assert, describe, it } from "@effect/vitest"
import { Option, Result } from "effect"
import { settings } from "../../../src/cli/fitting/flags.ts"
import { paper, quick } from "../../../src/pipelines/Presets.ts"

const none = Option.none()
const nothing = {
  ...{ config: none, printConfig: false, budget: none, candidates: none, groupSize: none, maxTokens: none },
  ...{ stepsWarmUp: none, stepsReinforce: none, stepsSft: none, stepsRft: none },
  ...{ lrWarmUp: none, lrReinforce: none, lrSft: none, lrRft: none }
}

describe("single settings", () => {
  it("are settings as a file would hold them", () => {
    const given = { ...nothing, stepsSft: Option.some(7), maxTokens: Option.some(33), candidates: Option.some(4) }
    assert.deepStrictEqual(Result.getOrThrow(settings(given, quick)), {
      sft: { steps: 7, maxTokens: 33 },
      generate: { candidates: 4 },
      warmUp: { maxTokens: 33 },
      rft: { maxTokens: 33 },
      evaluate: { maxTokens: 33 }
    })
    assert.deepStrictEqual(Result.getOrThrow(settings(nothing, quick)), {})
  })

  it("of a stage that the settings have not are refused, by the name of the flag", () => {
    const refused = settings({ ...nothing, lrWarmUp: Option.some(1e-3) }, paper)
    assert.isTrue(Result.isFailure(refused) && /^--lr-warm-up: is for a warm-up/.test(refused.failure.message))
    // No steps of it are what there is.
    assert.deepStrictEqual(Result.getOrThrow(settings({ ...nothing, stepsWarmUp: Option.some(0) }, paper)), {})
    // What warm-up and others share goes to the others.
    assert.isFalse("warmUp" in Result.getOrThrow(settings({ ...nothing, maxTokens: Option.some(9) }, paper)))
  })
})
