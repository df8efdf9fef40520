/** Adapters against PEFT: logits, gradients, one optimiser step; and what dropout and target patterns must hold. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { sequenceInputs } from "../../../src/kernels/generate/index.ts"
import * as G from "../../../src/kernels/graph/index.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { head, Parameters, sequence, vision, visionInputs } from "../../../src/kernels/models/index.ts"
import { HostTensor, Runtime } from "../../../src/kernels/runtime/index.ts"
import { AdamW, Lora, LossGraphs, Objectives, ParameterStore } from "../../../src/kernels/train/index.ts"
import * as Onnx from "../graph/onnx.ts"
import { evaluate, relativeError, value } from "../graph/reference.ts"
import { batch, reference, towerOf } from "../models/fixture.ts"
import { expected, feeds, grid, length, load, numbers, open, scored, settings, shape, stored } from "./adapters.ts"

describe("an adapter made by PEFT", () => {
  for (const name of ["adapter", "stabilized"] as const) {
    it(`${name}: logits`, async () => {
      const adapter = await open(name)
      const p = LossGraphs.parameterInputs(settings, adapter.lora)
      const inputs = sequenceInputs(
        settings,
        batch.length,
        length,
        vision(settings, p, visionInputs(settings, towerOf(settings).shape))
      )
      const logits = G.matmul(sequence(settings, p, inputs).hidden, head(settings, p), { transB: true })
      const real = batch.flatMap((s) =>
        s.mask.flatMap((m) => Array.from({ length: settings.vocabulary }, () => m === 1))
      )
      const kept = (data: ArrayLike<number>) => Array.from(data).filter((_, i) => real[i])
      const wanted = kept(expected[name === "adapter" ? "logits" : "stabilized_logits"]!.data)
      assert.isAtMost(relativeError(kept(evaluate([logits], feeds(adapter))[0]!.data), wanted), 1e-6, "in float64")
      assert.isAtMost(
        relativeError(kept((await Onnx.evaluate([logits], feeds(adapter)))[0]!.data), wanted),
        1e-5,
        "in float32"
      )
      assert.isAbove(relativeError(kept(reference["logits"]!.data), wanted), 1e-2, "it changes something")
    })
  }

  it("gradients of every factor", async () => {
    const adapter = await open("adapter")
    const names = Lora.specs(settings, adapter.lora).map((spec) => spec.name)
    assert.deepStrictEqual(
      names.map((name) => `gradient/${stored(name)}`).sort(),
      Object.keys(expected).filter((key) => key.startsWith("gradient/")).sort()
    )
    const p = LossGraphs.parameterInputs(settings, adapter.lora)
    const { loss } = Objectives.supervised(LossGraphs.logprobs(settings, p, shape), G.input("weights", [scored]))
    const wanted = [loss, ...G.Autodiff.gradients(loss, names.map(p))]
    const [exact, single] = [evaluate(wanted, feeds(adapter)), await Onnx.evaluate(wanted, feeds(adapter))]
    assert.isAtMost(relativeError(exact[0]!.data, [numbers.loss]), 1e-6)
    names.forEach((name, i) => {
      const gradient = expected[`gradient/${stored(name)}`]!.data
      assert.isAtMost(relativeError(exact[i + 1]!.data, gradient), 1e-6, `${name} in float64`)
      assert.isAtMost(relativeError(single[i + 1]!.data, gradient), 1e-5, `${name} in float32`)
    })
  })

  it.effect("one step of AdamW", () =>
    Effect.scoped(Effect.gen(function*() {
      const { lora, store } = yield* load("adapter")
      const names = [...store.slices.keys()]
      const program = LossGraphs.supervised(settings, shape, names, { lora })
      const runtime = yield* Runtime.Runtime
      const buffer = ParameterStore.trainableBuffer(store)
      const outputs = Object.fromEntries(
        Object.entries(ParameterStore.tensors(store, buffer)).map((
          [name, tensor]
        ) => [LossGraphs.gradientName(name), tensor])
      )
      const session = yield* runtime.open(0, program.bytes, { outputs })
      const fed = feeds({ lora, store, reference: "stage" })
      yield* session.run(
        Object.fromEntries(program.inputs.map(({ dtype, name, shape }): [string, HostTensor.HostTensor] => {
          const { data } = fed[name]!
          return [
            name,
            dtype === "f32"
              ? { dtype: "float32", dims: shape, data: Float32Array.from(data) }
              : { dtype: "int32", dims: shape, data: Int32Array.from(data) }
          ]
        })),
        ["loss"]
      )
      const optimizer = yield* AdamW.make(store)
      yield* optimizer.step([buffer], { learningRate: numbers.rate, weightDecay: numbers.decay, clipNorm: Infinity })
      for (const name of names) {
        assert.isAtMost(
          relativeError(yield* ParameterStore.view(store, name), expected[`stepped/${stored(name)}`]!.data),
          1e-5,
          name
        )
      }
    })).pipe(Effect.provide(Runtime.layer({ workers: 1 }))))
})

describe("dropout", () => {
  const lora: Lora.Lora = {
    rank: 2,
    alpha: 4,
    dropout: 0.25,
    rankStabilized: false,
    modules: [
      "visual.blocks.0.attn.qkv",
      "visual.merger.mlp.2",
      "model.layers.0.self_attn.q_proj",
      "model.layers.1.mlp.down_proj"
    ]
  }
  const patches = batch.length * grid[0] * grid[1] * grid[2]
  const numbersOf = (key: string, rows: number) => {
    const out = new BigInt64Array(rows)
    Lora.dropoutNumbers(3, key, out)
    return value(out)
  }
  const masks = Object.fromEntries(
    Object.entries(Lora.dropoutMasks(settings, lora, 3, 7)).map((
      [name, { data, dims }]
    ) => [name, value(data as Float32Array, dims)])
  )
  const random = Keyed.stream(1, "adapter")
  const parameters = Object.fromEntries(
    Lora.specs(settings, lora).map((
      { name, shape: [a, b] }
    ) => [name, value(Float32Array.from({ length: a! * b! }, () => 0.3 * random.normal()), [a!, b!])])
  )
  const names = Object.keys(parameters)

  it("gradients against central differences in float64", async () => {
    const adapter = await open("adapter")
    // Few rows: the last layer then works on the wanted ones alone.
    const few = { ...shape, rows: 6 }
    const rows = [9, 12, 14, length + 8, length + 9, length + 11]
    const lossRows = G.input("lossRows", [6], "i32")
    const p = LossGraphs.parameterInputs(settings, lora, {
      cells: G.input("dropoutRows", [batch.length * length], "i64"),
      wanted: lossRows,
      patches: G.input("dropoutPatches", [patches], "i64")
    })
    const { loss } = Objectives.supervised(LossGraphs.logprobs(settings, p, few, lossRows), G.input("weights", [6]))
    const tokens = batch.flatMap((s) => s.tokens)
    const fed = {
      ...feeds(adapter),
      ...parameters,
      ...masks,
      dropoutRows: numbersOf("cells", batch.length * length),
      dropoutPatches: numbersOf("patches", patches),
      lossRows: value(rows),
      targets: value(rows.map((row) => tokens[row + 1]!)),
      weights: value([0.1, 0.3, 0.1, 0.2, 0.2, 0.1])
    }
    const [, ...gradients] = evaluate([loss, ...G.Autodiff.gradients(loss, names.map(p))], fed)
    const single = await Onnx.evaluate(G.Autodiff.gradients(loss, names.map(p)), fed)
    const step = 1e-3
    names.forEach((name, i) => {
      const held = fed[name as keyof typeof fed]
      const normal = held.data.map(() => random.normal())
      const norm = Math.hypot(...normal)
      const at = (delta: number) =>
        evaluate([loss], {
          ...fed,
          [name]: value(held.data.map((v, j) => v + delta * normal[j]! / norm), held.shape)
        })[0]!.data[0]!
      const slope = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)
      const found = normal.reduce((sum, d, j) => sum + d / norm * gradients[i]!.data[j]!, 0)
      assert.isAtMost(Math.abs(found - slope) / Math.abs(slope), 1e-6, name)
      assert.isAtMost(relativeError(single[i]!.data, gradients[i]!.data), 5e-5, `${name} in float32`)
    })
  })

  it("drops the asked share, keeps the mean, and differs by module, row and step", () => {
    const adapt = (module: string, step: number) => {
      const rows = 2000
      const cells = G.input("dropoutRows", [rows], "i64")
      const width = 32
      const p = (name: string) => G.input(name, name.endsWith("A.weight") ? [width, width] : [width, width])
      const rule = Lora.adapt(settings, { ...lora, rank: width, alpha: width, modules: [module] }, p, {
        cells,
        wanted: cells,
        patches: undefined
      })
      const x = G.input("x", [rows, width])
      const unit = value(Array.from({ length: width * width }, (_, i) => Number(i % (width + 1) === 0)), [width, width])
      const { a, b } = Lora.factors(module)
      const made = Lora.dropoutMasks(settings, { ...lora, modules: [module] }, 3, step)
      const [out] = evaluate([rule(module, x, G.zeros([rows, width]))], {
        [a]: unit,
        [b]: unit,
        x: value(new Float64Array(rows * width).fill(1), [rows, width]),
        dropoutRows: numbersOf(`step=${step}`, rows),
        ...Object.fromEntries(
          Object.entries(made).map(([name, { data, dims }]) => [name, value(data as Float32Array, dims)])
        )
      })
      return out!.data
    }
    const first = adapt("model.layers.0.self_attn.q_proj", 0)
    assert.deepStrictEqual(new Set(first), new Set([0, Math.fround(1 / 0.75)]))
    const share = (xs: ArrayLike<number>) => Array.from(xs).filter((x) => x === 0).length / xs.length
    assert.closeTo(share(first), lora.dropout, 0.02)
    // Independent masks agree in (1 − p)² + p² of the places.
    const agreement = (other: ArrayLike<number>) =>
      Array.from(first).filter((x, i) => x === other[i]).length / first.length
    const alone = 0.75 ** 2 + 0.25 ** 2
    assert.closeTo(agreement(adapt("model.layers.1.self_attn.q_proj", 0)), alone, 0.02)
    assert.closeTo(agreement(adapt("model.layers.0.self_attn.q_proj", 1)), alone, 0.02)
    assert.closeTo(agreement([...first.slice(32), ...first.slice(0, 32)]), alone, 0.02)
    assert.strictEqual(agreement(adapt("model.layers.0.self_attn.q_proj", 0)), 1)
  })
})

describe("a fresh adapter", () => {
  it("draws A evenly from ±1/√in, as PEFT does, and starts B at 0", () => {
    const inner = 400
    const a = new Float32Array(64 * inner)
    Lora.initialize(5, { name: "m.lora_A.weight", shape: [64, inner] }, a)
    const bound = 1 / Math.sqrt(inner)
    assert.isTrue(a.every((x) => Math.abs(x) <= bound))
    // A uniform draw reaches both ends, has mean 0 and variance bound² / 3.
    assert.closeTo(Math.min(...a), -bound, bound * 1e-2)
    assert.closeTo(Math.max(...a), bound, bound * 1e-2)
    assert.closeTo(a.reduce((sum, x) => sum + x, 0) / a.length, 0, bound * 0.02)
    assert.closeTo(a.reduce((sum, x) => sum + x * x, 0) / a.length, bound ** 2 / 3, bound ** 2 * 0.01)
    const again = (seed: number, name: string) => {
      const out = new Float32Array(a.length)
      Lora.initialize(seed, { name, shape: [64, inner] }, out)
      return out
    }
    assert.deepStrictEqual(again(5, "m.lora_A.weight"), a)
    for (const other of [again(6, "m.lora_A.weight"), again(5, "n.lora_A.weight")]) assert.notDeepEqual(other, a)
    const b = new Float32Array(8).fill(1)
    Lora.initialize(5, { name: "m.lora_B.weight", shape: [4, 2] }, b)
    assert.deepStrictEqual(b, new Float32Array(8))
  })
})

describe("targets", () => {
  const linear = Parameters.specs(settings).filter(({ name, shape }) =>
    shape.length === 2 && name !== "model.embed_tokens.weight"
  ).map(({ name }) => name.replace(/\.weight$/, ""))
  const of = (targets: ReadonlyArray<string> | string) => Effect.runSync(Lora.modulesOf(settings, targets))
  it("are endings, whole names, a regular expression, or all linear layers", () => {
    assert.deepStrictEqual(of(["q_proj", "visual.blocks.1.mlp.fc1"]), [
      "visual.blocks.1.mlp.fc1",
      "model.layers.0.self_attn.q_proj",
      "model.layers.1.self_attn.q_proj"
    ])
    assert.deepStrictEqual(of(".*layers\\.1.*(q|v)_proj"), [
      "model.layers.1.self_attn.q_proj",
      "model.layers.1.self_attn.v_proj"
    ])
    assert.deepStrictEqual(of("all-linear"), linear)
    assert.strictEqual(Effect.runSync(Lora.make(settings, {})).modules.length, 7 * settings.layers)
  })
  for (
    const [what, options, message] of [
      [
        "an ending of nothing",
        { targets: ["q_proj", "proj_q"] },
        /lora\.targets is "proj_q", expected names or endings/
      ],
      ["no ending", { targets: [] }, /lora\.targets is \[\]/],
      ["a part of an ending", { targets: ["_proj"] }, /lora\.targets is "_proj"/],
      [
        "a convolution",
        { targets: ["proj"] },
        /a pattern of visual\.patch_embed\.proj, expected patterns of linear layers/
      ],
      ["the embedding", { targets: ".*embed_tokens" }, /a pattern of model\.embed_tokens/],
      ["a broken expression", { targets: "(" }, /regular expression/],
      ["rank 0", { rank: 0 }, /lora\.rank is 0, expected a whole number from 1/],
      ["dropout 1", { dropout: 1 }, /lora\.dropout is 1, expected a share in \[0, 1\)/],
      ["alpha below 0", { alpha: -1 }, /lora\.alpha is -1/]
    ] as const
  ) {
    it(`${what} is refused`, () =>
      assert.match(Effect.runSync(Effect.flip(Lora.make(settings, options))).message, message))
  }
})
