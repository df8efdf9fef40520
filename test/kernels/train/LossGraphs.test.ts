/** What training programs are fed with, and what cannot be built. Tests of adapters and engines hold the values. */
import { assert, describe, it } from "@effect/vitest"
import { type Form, Lora, LossGraphs } from "../../../src/kernels/train/index.ts"
import { scored, settings, shape } from "./adapters.ts"

const trainable = ["model.norm.weight"]
const lora = (dropout: number): Lora.Lora => ({
  rank: 2,
  alpha: 4,
  dropout,
  rankStabilized: false,
  modules: ["visual.blocks.0.attn.qkv", "model.layers.0.self_attn.q_proj"]
})
const adapted = Lora.specs(settings, lora(0)).map(({ name }) => name)
const features: LossGraphs.BatchShape = { ...shape, visual: { kind: "features", rows: 8 } }
const inputs = (
  shape: LossGraphs.BatchShape,
  options: LossGraphs.TrainingOptions = {},
  make = LossGraphs.supervised
) => make(settings, shape, options.lora === undefined ? trainable : adapted, options).inputs.map(({ name }) => name)

describe("training programs", () => {
  it("are fed with dropout masks where an adapter drops, and with those of patches where a tower is trained", () => {
    const fed = (names: ReadonlyArray<string>) => names.filter((name) => name.startsWith("dropout"))
    const masks = Object.keys(Lora.dropoutMasks(settings, lora(0.5), 0, 0))
    assert.deepStrictEqual(fed(inputs(shape)), [])
    assert.deepStrictEqual(fed(inputs(shape, { lora: lora(0) })), [])
    assert.sameMembers(fed(inputs(shape, { lora: lora(0.5) })), ["dropoutRows", "dropoutPatches", ...masks])
    // Features come from a tower that no adapter changes: its masks are not asked for.
    const decoder = { ...lora(0.5), modules: ["model.layers.0.self_attn.q_proj"] }
    const own = Lora.specs(settings, decoder).map(({ name }) => name)
    const program = LossGraphs.supervised(settings, features, own, { lora: decoder })
    assert.sameMembers(fed(program.inputs.map(({ name }) => name)), [
      "dropoutRows",
      ...Object.keys(Lora.dropoutMasks(settings, decoder, 0, 0))
    ])
  })

  it("are fed with what their objective and their visual tokens need", () => {
    const named = (names: ReadonlyArray<string>) =>
      ["weights", "targets", "advantages", "oldLogprobs", "reference", "clipLow", "clipHigh", "klCoefficient", "states"]
        .filter((name) => names.includes(name))
    assert.deepStrictEqual(named(inputs(features)), ["weights", "targets"])
    const grammar = { ...features, grammarStates: 3 }
    assert.deepStrictEqual(named(inputs(grammar)), ["weights", "targets", "states"])
    // A format loss has no targets: it asks what mass the grammar allows.
    assert.deepStrictEqual(named(inputs(grammar, {}, LossGraphs.format)), ["weights", "states"])
    assert.deepStrictEqual(named(inputs(features, {}, LossGraphs.groupRelative)), [
      "weights",
      "targets",
      "advantages",
      "oldLogprobs",
      "reference",
      "clipLow",
      "clipHigh",
      "klCoefficient"
    ])
    const visual = (shape: LossGraphs.BatchShape) =>
      inputs(shape).filter((name) => /^(visual$|patches|pixel)/.test(name))
    assert.deepStrictEqual(visual(features), ["visual"])
    assert.deepStrictEqual(visual({ ...shape, visual: { kind: "none" } }), [])
    assert.notInclude(visual(shape), "visual")
  })

  it("have an output for the loss, for each metric and for each gradient", () => {
    const outputs = (make: typeof LossGraphs.supervised) =>
      make(settings, features, trainable).outputs.map(({ name }) => name)
    const gradient = LossGraphs.gradientName("model.norm.weight")
    assert.strictEqual(gradient, "gradient:model.norm.weight")
    assert.deepStrictEqual(outputs(LossGraphs.supervised), ["loss", gradient])
    assert.deepStrictEqual(outputs(LossGraphs.groupRelative), ["loss", "kl", "clipped", gradient, "logprobs"])
  })

  it("of other group-relative losses are fed with no more than these need", () => {
    const program = (form: Form, shape: LossGraphs.BatchShape = features) =>
      LossGraphs.groupRelative(settings, shape, trainable, { form })
    const plain = program({})
    const beside = (form: Form, shape?: LossGraphs.BatchShape) => {
      const made = program(form, shape)
      return (["inputs", "outputs"] as const).map((ports) => {
        const known = new Set(plain[ports].map(({ name }) => name))
        return made[ports].map(({ name }) => name).filter((name) => !known.has(name))
      })
    }
    // Spelled out, the default is the same program.
    const whole: Form = { surrogate: "clipped", ratio: "token", divergence: "k3", entropy: false }
    assert.deepStrictEqual(program(whole).bytes, plain.bytes)
    assert.deepStrictEqual(beside({ surrogate: "gated" }), [["gatePositive", "gateNegative"], []])
    assert.deepStrictEqual(beside({ surrogate: "weighted" }), [[], []])
    assert.deepStrictEqual(beside({ entropy: true }), [["entropyCoefficient"], ["entropy"]])
    assert.deepStrictEqual(beside({ ratio: "sequence" }, { ...features, sequences: 8 }), [
      ["sequence", "sequenceShare"],
      []
    ])
    assert.throws(() => program({ ratio: "sequence" }), "a ratio of sequences needs their number")
  })

  it("are not built of layers, parameters and grammars that are not there", () => {
    const inner = (layer: number) => ({ ...features, inner: [{ layer, rows: scored }] })
    assert.include(inputs(inner(1)), "inner1Rows")
    for (const layer of [0, settings.layers, settings.layers + 1]) {
      assert.throws(() => inputs(inner(layer)), `layer ${layer} is no inner one of ${settings.layers}`)
    }
    assert.throws(
      () => LossGraphs.supervised(settings, features, ["model.norm.bias"]),
      "the model has no parameter \"model.norm.bias\""
    )
    assert.throws(() => LossGraphs.format(settings, features, trainable), "a format loss needs a grammar")
  })
})
