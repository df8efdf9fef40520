import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Plain from "../../src/dsl/Plain.ts"
import { stageRules } from "../../src/dsl/stages/stageRules.ts"
import * as Rules from "../../src/kernels/math/Rules.ts"
import * as Config from "../../src/pipelines/Config.ts"
import { fit } from "../../src/pipelines/fit.ts"
import { paper, type Preset, quick, smoke } from "../../src/pipelines/Presets.ts"

const faultOf = (value: unknown): string => {
  const found = Config.decode("rise.config.json", value)
  return Result.isFailure(found) ? found.failure.message : "none"
}

describe("settings from a file", () => {
  it("name what is wrong, and what may stand there", () => {
    const starts = (value: unknown, text: string) => assert.include(faultOf(value), `rise.config.json: ${text}`)
    starts([], "expected an object of settings")
    starts(null, "expected an object of settings")
    starts("sft", "expected an object of settings")
    starts(Promise.resolve({}), "what it exports is of the class Promise, expected a plain object of settings, such as")
    starts(new Map([["sft", { steps: 4 }]]), "what it exports is of the class Map, expected a plain object of settings")
    starts({ sft: { select: new Map() } }, "sft.select is of the class Map, expected an object with every, samples")
    starts({ sfts: {} }, "sfts is not a setting; a configuration has validation, trainable, limit")
    starts({ sft: { stepz: 3 } }, "sft.stepz is not a setting; sft has steps, learningRate")
    starts(
      { sft: { select: { evry: 3 } } },
      "sft.select.evry is not a setting; sft.select has every, samples, patience"
    )
    starts({ sft: 5 }, "sft is 5, expected an object with steps, learningRate")
    starts({ sft: { select: 5 } }, "sft.select is 5, expected an object with every, samples, patience")
    starts({ sft: { steps: -1 } }, "sft.steps is -1, expected a whole number from 0")
    starts({ sft: { steps: "10" } }, `sft.steps is "10", expected a whole number from 0`)
    starts({ sft: { replay: { share: 0.2 } } }, "sft.replay is not a setting")
    starts({ name: 5 }, "name is not a setting")
    starts({ filter: { tau: 75 } }, "filter.tau is 75, expected a number in [0, 1]")
    starts({ trainable: "head" }, `trainable is "head", expected "decoder" or "all"`)
    starts({ validate: { leak: "no" } }, `validate.leak is "no", expected true or false`)
    // A part that no preset is without cannot be taken away.
    starts({ sft: null }, "sft is null, and no preset is without it: expected an object with steps, learningRate")
    starts({ validation: null }, "validation is null, and no preset is without it: expected a number in [0, 1)")
    for (const part of ["trainable", "limit", "warmUp", "validate"]) {
      assert.strictEqual(faultOf({ [part]: null }), "none")
    }
    starts({ warmUp: true }, "warmUp is true, expected an object with")
    starts(JSON.parse(`{"__proto__": {"a": 1}}`), "__proto__")
  })

  it("have a word for a limit that is switched off, which is read as it was printed", () => {
    const off = Object.entries(stageRules).flatMap(([stage, rules]) =>
      Object.entries(rules).flatMap(([setting, rule]) =>
        rule.holds(Infinity) && !rule.holds("x") ? [[stage, setting]] : []
      )
    )
    assert.includeDeepMembers(off, [["sft", "clipNorm"], ["rft", "deadSteps"], ["reinforce", "deadSteps"]])
    for (const [stage = "", setting = ""] of off) {
      const preset = Config.merged(quick, { [stage]: { [setting]: Infinity } })
      const text = JSON.stringify(Plain.settings(Config.whole(preset)))
      assert.include(text, `"${setting}":"Infinity"`)
      const read = Config.merged(paper, Result.getOrThrow(Config.decode("rise.config.json", JSON.parse(text))))
      assert.strictEqual(Rules.at(read, [stage, setting]), Infinity, `${stage}.${setting}`)
    }
    const starts = (value: unknown, text: string) => assert.include(faultOf(value), `rise.config.json: ${text}`)
    starts({ sft: { steps: "Infinity" } }, `sft.steps is "Infinity", expected a whole number from 0`)
    starts({ sft: { steps: Infinity } }, "sft.steps is Infinity, expected a whole number from 0")
    starts({ rft: { deadSteps: NaN } }, "rft.deadSteps is NaN, expected a whole number from 1, or Infinity")
    starts({ rft: { deadSteps: -Infinity } }, "rft.deadSteps is -Infinity, expected")
    starts({ rft: { deadSteps: 5n } }, "rft.deadSteps is 5n, expected")
  })

  it("go over a preset's own, part by part", () => {
    const given = Result.getOrThrow(Config.decode("", {
      validation: 0.2,
      sft: { steps: 7, select: { every: 3 } },
      rft: { format: 0 },
      generate: { maxTokens: 9 }
    }))
    const merged = Config.merged(quick, given)
    assert.deepStrictEqual(merged, {
      ...quick,
      validation: 0.2,
      sft: { ...quick.sft, steps: 7, select: { every: 3 } },
      rft: { ...quick.rft, format: 0 },
      generate: { ...quick.generate, maxTokens: 9 }
    })
  })

  it("leave the other parts of a record as they were chosen, and name those that nobody chose", () => {
    const over = (preset: Preset, value: unknown) =>
      Config.complete("rise.config.json", Config.merged(preset, Result.getOrThrow(Config.decode("", value))))
    const fitted = fit({ parameters: 2.1e6, adapter: false, samples: 500, answer: 12 })
    for (const preset of [fitted, quick]) {
      const { practice, select } = preset.sft
      const found = Result.getOrThrow(over(preset, {
        sft: { practice: { of: "lessons", weight: 2 }, select: { patience: 4 }, augment: { flip: true } }
      }))
      assert.deepStrictEqual(found.sft.practice, practice && { ...practice, of: "lessons", weight: 2 })
      assert.deepStrictEqual(found.sft.select, select && { ...select, patience: 4 })
      assert.deepStrictEqual(found.sft.augment, { flip: true })
    }
    const refused = (value: unknown, says: string) => {
      const found = over(paper, value)
      assert.strictEqual(Result.isFailure(found) ? found.failure.message : "none", `rise.config.json: ${says}`)
    }
    refused(
      { sft: { practice: { weight: 2 } } },
      "sft.practice is {\"weight\":2}, and nothing was chosen that has the rest of it: it also needs texts (a whole " +
        "number from 1 to 65536), maxTokens (a whole number from 1 to 1048576)"
    )
    refused(
      { rft: { select: { patience: 4 } } },
      "rft.select is {\"patience\":4}, and nothing was chosen that has the rest of it: it also needs every (a whole " +
        "number from 1)"
    )
  })

  it("are a preset's own too, whose name sets nothing", () => {
    const { name: _, ...parts } = quick
    assert.deepStrictEqual(Result.getOrThrow(Config.decode("", { ...quick })), parts)
  })

  it("take a warm-up or an optional part away", () => {
    const { warmUp: _, sft, ...rest } = quick
    const { select: __, ...bare } = sft
    assert.deepStrictEqual(Config.merged(quick, { warmUp: false, sft: { select: null } }), { ...rest, sft: bare })
    assert.strictEqual(faultOf({ warmUp: false, sft: { select: null } }), "none")
  })

  it("ask for weights in the place of a preset's own threshold, not of one that is given beside them", () => {
    assert.deepStrictEqual(Config.merged(smoke, { filter: { soft: 1 } }).filter, { soft: 1 })
    assert.deepStrictEqual(Config.merged(quick, { filter: { soft: 1, tau: 0.5 } }).filter, { soft: 1, tau: 0.5 })
    assert.deepStrictEqual(Config.merged(quick, { filter: { soft: null } }).filter, quick.filter)
    // What does nothing already was given by somebody, and is for the stage to refuse.
    const both = { ...quick, filter: { soft: 1, tau: 0.5 } }
    assert.deepStrictEqual(Config.merged(both, {}).filter, both.filter)
    const soft = Config.merged(quick, { filter: { soft: 1 } })
    assert.deepStrictEqual(Config.merged(soft, { filter: { tau: 0.75 } }).filter, { soft: 1, tau: 0.75 })
  })

  it("are printed whole, and read back as they are printed", () => {
    for (const preset of [paper, quick, smoke]) {
      const whole = JSON.parse(JSON.stringify(Config.whole(preset)))
      assert.strictEqual(faultOf(whole), "none")
      assert.deepStrictEqual(Config.whole(Config.merged(preset, whole)), Config.whole(preset))
      assert.include(whole.sft, { decay: "cosine", weightDecay: 0.1 })
      assert.notProperty(whole.sft, "promptsPerStep")
    }
  })
})
