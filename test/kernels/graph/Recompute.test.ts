/** Recomputation: the same gradients to the last bit, from a graph that keeps less. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as G from "../../../src/kernels/graph/index.ts"
import { Parameters } from "../../../src/kernels/models/index.ts"
import { Lora, LossGraphs, Objectives } from "../../../src/kernels/train/index.ts"
import { feeds, load, open, scored, settings, shape } from "../train/adapters.ts"
import * as Onnx from "./onnx.ts"
import { evaluate } from "./reference.ts"

describe("recomputation", () => {
  for (
    const [what, adapted] of [["every parameter, the tower's included", false], ["an adapter's factors", true]] as const
  ) {
    it(`${what}: gradients are the same, bit for bit`, async () => {
      const adapter = await open("adapter")
      const lora = adapted ? adapter.lora : undefined
      const names = lora === undefined
        ? Parameters.specs(settings).map(({ name }) => name)
        : Lora.specs(settings, lora).map(({ name }) => name)
      const p = LossGraphs.parameterInputs(settings, lora)
      const { loss } = Objectives.supervised(LossGraphs.logprobs(settings, p, shape), G.input("weights", [scored]))
      const [kept, again] = [false, true].map((recompute) => G.Autodiff.gradients(loss, names.map(p), { recompute }))
      const [first, second] = [await Onnx.evaluate(kept!, feeds(adapter)), await Onnx.evaluate(again!, feeds(adapter))]
      names.forEach((name, i) => assert.deepStrictEqual(second[i]!.data, first[i]!.data, name))
      assert.deepStrictEqual(
        evaluate(again!.slice(0, 4), feeds(adapter)),
        evaluate(kept!.slice(0, 4), feeds(adapter)),
        "in float64"
      )
    })
  }

  it.effect("every layer but none after the last mark is computed twice", () =>
    Effect.gen(function*() {
      const { lora } = yield* load("adapter")
      const p = LossGraphs.parameterInputs(settings, lora)
      const { loss } = Objectives.supervised(LossGraphs.logprobs(settings, p, shape), G.input("weights", [scored]))
      const names = Lora.specs(settings, lora).map(({ name }) => name)
      const products = (recompute: boolean) => {
        const nodes = G.Autodiff.ancestors(G.Autodiff.gradients(loss, names.map(p), { recompute }))
        const count = (op: string) => nodes.filter((node) => node.op.name === op).length
        return { softmaxes: count("softmax"), rotations: count("rotary") }
      }
      const [kept, again] = [products(false), products(true)]
      // One softmax each; the loss has one of its own, which is none of them.
      const layers = settings.layers + settings.vision.depth
      assert.strictEqual(again.softmaxes - kept.softmaxes, layers)
      assert.strictEqual(again.rotations - kept.rotations, 2 * layers)
    }))
})
