/** The model against transformers' Qwen2-VL, and its gradient against differences and against PyTorch. */
import { assert, describe, it } from "@effect/vitest"
import { sequenceInputs } from "../../../src/kernels/generate/index.ts"
import * as G from "../../../src/kernels/graph/index.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"
import {
  type Config,
  head,
  Parameters,
  Rope,
  sequence,
  vision,
  visionInputs
} from "../../../src/kernels/models/index.ts"
import { LossGraphs, Objectives } from "../../../src/kernels/train/index.ts"
import * as Onnx from "../graph/onnx.ts"
import * as Reference from "../graph/reference.ts"
import { arrays, batch, config, given, json, reference, sequenceFeeds, towerOf, weights } from "./fixture.ts"

const { evaluate, relativeError, value } = Reference
const length = batch[0]!.tokens.length
const scored = batch.length * (length - 1)

/** Every position but the last predicts its successor. */
const rows = batch.flatMap((_, b) => Array.from({ length: length - 1 }, (_, t) => b * length + t))
const targets = batch.flatMap(({ tokens }) => tokens.slice(1))

const feedsOf = (settings: Config.Config, kind: "tied" | "untied") => ({
  ...weights(kind),
  ...sequenceFeeds(settings, batch),
  ...towerOf(settings).feeds,
  lossRows: value(rows),
  targets: value(targets)
})

const shape: LossGraphs.BatchShape = {
  batch: batch.length,
  length,
  rows: scored,
  visual: { kind: "pixels", ...towerOf(config("tied")).shape },
  temperature: 1,
  grammarStates: undefined
}

/** Losses are Σ w·(…); the fixture's are means, so their divisors go into the weights. */
const total = reference["weights"]!.data.reduce((sum, w) => sum + w, 0)
const supervisedFeeds = { weights: value(reference["weights"]!.data.map((w) => w / total)) }
const mask = reference["token_mask"]!
const perSequence = batch.map((_, b) =>
  mask.data.subarray(b * (length - 1), (b + 1) * (length - 1)).reduce((sum, m) => sum + m, 0)
)
const sequenceOf = (row: number) => Math.floor(row / (length - 1))
const groupFeeds = {
  weights: value(mask.data.map((m, row) => m / perSequence[sequenceOf(row)]! / batch.length)),
  advantages: value(mask.data.map((_, row) => reference["advantages"]!.data[sequenceOf(row)]!)),
  oldLogprobs: value(reference["old_logprobs"]!.data),
  reference: value(reference["ref_logprobs"]!.data),
  clipLow: value([1 - given.clip.low], []),
  clipHigh: value([1 + given.clip.high], []),
  klCoefficient: value([given.beta], [])
}

const supervised = (logprobs: G.Tensor) => Objectives.supervised(logprobs, G.input("weights", [scored]))
const groupRelative = (logprobs: G.Tensor) => {
  const row = (name: string) => G.input(name, [scored])
  const knob = (name: string) => G.input(name, [])
  return Objectives.groupRelative({
    logprobs,
    weights: row("weights"),
    advantages: row("advantages"),
    oldLogprobs: row("oldLogprobs"),
    reference: row("reference"),
    clipLow: knob("clipLow"),
    clipHigh: knob("clipHigh"),
    kl: knob("klCoefficient")
  })
}

describe("forward", () => {
  for (const kind of ["tied", "untied"] as const) {
    it(`logits of the ${kind} checkpoint`, async () => {
      const settings = config(kind)
      const p = LossGraphs.parameterInputs(settings)
      const inputs = sequenceInputs(
        settings,
        batch.length,
        length,
        vision(settings, p, visionInputs(settings, towerOf(settings).shape))
      )
      const logits = G.matmul(sequence(settings, p, inputs).hidden, head(settings, p), { transB: true })
      const expected = reference[kind === "tied" ? "logits" : "untied_logits"]!
      const feeds = feedsOf(settings, kind)
      // Padding is seen by nobody and predicts nothing: only real rows are compared.
      const real = batch.flatMap((s) =>
        s.mask.flatMap((m) => Array.from({ length: settings.vocabulary }, () => m === 1))
      )
      const kept = (v: Reference.Value) => v.data.filter((_, i) => real[i])
      assert.isAtMost(relativeError(kept(evaluate([logits], feeds)[0]!), kept(expected)), 1e-6, "in float64")
      assert.isAtMost(
        relativeError(kept((await Onnx.evaluate([logits], feeds))[0]!), kept(expected)),
        1e-5,
        "in float32"
      )
    })
  }

  it("visual tokens", async () => {
    const settings = config("tied")
    const features = vision(
      settings,
      LossGraphs.parameterInputs(settings),
      visionInputs(settings, towerOf(settings).shape)
    )
    const feeds = feedsOf(settings, "tied")
    assert.isAtMost(relativeError(evaluate([features], feeds)[0]!.data, reference["visual_embeddings"]!.data), 1e-6)
    assert.isAtMost(
      relativeError((await Onnx.evaluate([features], feeds))[0]!.data, reference["visual_embeddings"]!.data),
      1e-5
    )
  })

  it("log-probabilities of tokens", async () => {
    const settings = config("tied")
    const logprobs = LossGraphs.logprobs(settings, LossGraphs.parameterInputs(settings), shape)
    const [found] = await Onnx.evaluate([logprobs], feedsOf(settings, "tied"))
    const kept = (data: ArrayLike<number>) => Array.from(data).filter((_, i) => mask.data[i] === 1)
    assert.isAtMost(relativeError(kept(found!.data), kept(reference["logprobs"]!.data)), 1e-5)
  })

  it(
    "log-probabilities are the same whether rows are chosen before the last layer or, repeated, after " +
      "it",
    async () => {
      const settings = config("tied")
      const score = (rows: number) =>
        LossGraphs.logprobs(settings, LossGraphs.parameterInputs(settings), { ...shape, rows })
      const feeds = feedsOf(settings, "tied")
      const twice = (v: Reference.Value) => value([...v.data, ...v.data])
      const [early] = Reference.evaluate([score(scored)], feeds)
      const [late] = Reference.evaluate([score(2 * scored)], {
        ...feeds,
        lossRows: twice(feeds.lossRows),
        targets: twice(feeds.targets)
      })
      assert.isAtMost(relativeError(late!.data, twice(early!).data), 1e-12)
    }
  )

  it("what is behind padding or in another candidate changes nothing", async () => {
    const settings = config("tied")
    const logprobs = LossGraphs.logprobs(settings, LossGraphs.parameterInputs(settings), {
      ...shape,
      visual: { kind: "none" }
    })
    const words = batch.map((s) => ({
      ...s,
      tokens: s.tokens.map((t) => t === settings.imageToken ? 1 : t),
      grids: []
    }))
    const feeds = {
      ...feedsOf(settings, "tied"),
      ...sequenceFeeds(settings, words),
      targets: value(words.flatMap((s) => s.tokens.slice(1)))
    }
    // Prompt 0…9, candidate one 10…14, candidate two from 15: the second must not see the first.
    const candidates = Array.from(
      { length: batch.length * length },
      (_, i) => i % length < 10 ? 0 : i % length < 15 ? 1 : 2
    )
    const run = (change: (tokens: Array<number>) => void) => {
      const tokens = [...feeds.tokens!.data]
      change(tokens)
      return Onnx.evaluate([logprobs], { ...feeds, segments: value(candidates), tokens: value(tokens) })
    }
    const [[before], [other], [own]] = await Promise.all([
      run(() => {}),
      run((tokens) => tokens.fill(3, 10, 14)),
      run((tokens) => tokens.fill(3, 15, 16))
    ])
    assert.deepStrictEqual(before!.data.slice(15, length - 1), other!.data.slice(15, length - 1))
    assert.notDeepEqual(before!.data.slice(10, 14), other!.data.slice(10, 14))
    assert.notDeepEqual(before!.data.slice(15, length - 1), own!.data.slice(15, length - 1))
  })
})

describe("gradient", () => {
  const settings = config("tied")
  const names = Parameters.specs(settings).map((spec) => spec.name)

  it("loss on an inner layer: what a model that ends there would lose, and its gradient likewise", () => {
    const feeds: Reference.Feeds = { ...feedsOf(settings, "tied"), ...supervisedFeeds }
    const inner = { inner1Rows: feeds["lossRows"]!, inner1Targets: feeds["targets"]!, inner1Weights: feeds["weights"]! }
    const kept = names.filter((name) => !name.startsWith("model.layers.1."))
    const compute = (model: Config.Config, of: LossGraphs.BatchShape) => {
      const outputs = LossGraphs.objectives.supervised(model, of, kept)
      return evaluate(["loss", ...kept.map(LossGraphs.gradientName)].map((name) => outputs[name]!), {
        ...feeds,
        ...inner
      })
    }
    const both = compute(settings, { ...shape, inner: [{ layer: 1, rows: scored }] })
    const whole = compute(settings, shape)
    const short = compute({ ...settings, layers: 1 }, shape)
    both.forEach((found, i) =>
      assert.isAtMost(
        relativeError(found.data, whole[i]!.data.map((x, j) => x + short[i]!.data[j]!)),
        1e-12,
        `${["loss", ...kept][i]}`
      )
    )
    assert.isAbove(short[0]!.data[0]!, 1)
    assert.throws(() => compute(settings, { ...shape, inner: [{ layer: 2, rows: scored }] }), /no inner one of 2/)
  })
  const objectives = [
    ["weighted likelihood", supervised, supervisedFeeds, "loss_nll", "grad_nll.safetensors", LossGraphs.supervised],
    [
      "clipped surrogate with k3 penalty",
      groupRelative,
      groupFeeds,
      "loss_grpo",
      "grad_grpo.safetensors",
      LossGraphs.groupRelative
    ]
  ] as const

  for (const [name, objective, extra, lossName, file, program] of objectives) {
    const p = LossGraphs.parameterInputs(settings)
    const { loss, metrics } = objective(LossGraphs.logprobs(settings, p, shape))
    const feeds: Reference.Feeds = { ...feedsOf(settings, "tied"), ...extra }
    const exact = () => evaluate([loss, ...G.Autodiff.gradients(loss, names.map(p))], feeds)

    it(`${name}: every parameter against PyTorch, in float64 and through onnxruntime`, async () => {
      const expected = arrays(file)
      const written = await Onnx.open({
        loss,
        ...Object.fromEntries(G.Autodiff.gradients(loss, names.map(p)).map((g, i) => [`d${i}`, g]))
      })
      const single = await written.run(feeds)
      await written.close()
      const [value64, ...gradients] = exact()
      assert.isAtMost(relativeError(value64!.data, [given[lossName]]), 1e-6)
      assert.isAtMost(relativeError(single["loss"]!.data, [given[lossName]]), 1e-5)
      assert.deepStrictEqual(Object.keys(expected).sort(), [...names].sort())
      names.forEach((parameter, i) => {
        assert.isAtMost(relativeError(gradients[i]!.data, expected[parameter]!.data), 1e-6, `${parameter} in float64`)
        assert.isAtMost(
          relativeError(single[`d${i}`]!.data, expected[parameter]!.data),
          1e-5,
          `${parameter} in float32`
        )
      })
    })

    // Each parameter by itself is held against PyTorch above, to the same digits.
    it(`${name}: all parameters together against central differences in float64`, () => {
      const [, ...gradients] = exact()
      const step = 1e-3
      const directions = names.map((parameter) => {
        const random = Keyed.stream(1, `${name}/${parameter}`)
        const normal = feeds[parameter]!.data.map(() => random.normal())
        const norm = Math.hypot(...normal) * Math.sqrt(names.length)
        return normal.map((d) => d / norm)
      })
      const at = (delta: number) => {
        const moved = names.map((parameter, i) => {
          const { data, shape } = feeds[parameter]!
          return [parameter, value(data.map((v, j) => v + delta * directions[i]![j]!), shape)] as const
        })
        return evaluate([loss], { ...feeds, ...Object.fromEntries(moved) })[0]!.data[0]!
      }
      const expected = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)
      const found = gradients.reduce(
        (sum, gradient, i) => sum + directions[i]!.reduce((own, d, j) => own + d * gradient.data[j]!, 0),
        0
      )
      assert.isAtMost(Math.abs(found - expected) / Math.abs(expected), 1e-6)
    }, 60_000)

    it(`${name}: the program of training gives the same numbers`, async () => {
      const made = program(settings, shape, names)
      assert.deepStrictEqual(
        made.outputs.map((port) => port.name).sort(),
        [
          "loss",
          ...Object.keys(metrics),
          ...names.map(LossGraphs.gradientName),
          ...(program === LossGraphs.groupRelative ? ["logprobs"] : [])
        ].sort()
      )
    })
  }

  it("reports divergence and clipping", () => {
    const { metrics } = groupRelative(LossGraphs.logprobs(settings, LossGraphs.parameterInputs(settings), shape))
    const [kl, clipped] = evaluate([metrics["kl"]!, metrics["clipped"]!], {
      ...feedsOf(settings, "tied"),
      ...groupFeeds
    })
    assert.closeTo(kl!.data[0]! / given.loss_tokens, given.mean_kl, 1e-6)
    assert.strictEqual(clipped!.data[0], given.clipped_tokens)
  })

  it("of a model with its own output matrix", async () => {
    const untied = config("untied")
    const p = LossGraphs.parameterInputs(untied)
    const { loss } = supervised(LossGraphs.logprobs(untied, p, shape))
    const parameters = Parameters.specs(untied).map((spec) => spec.name)
    const found = await Onnx.evaluate([loss, ...G.Autodiff.gradients(loss, parameters.map(p))], {
      ...feedsOf(untied, "untied"),
      ...supervisedFeeds
    })
    const expected = arrays("untied_grad_nll.safetensors")
    assert.include(parameters, "lm_head.weight")
    assert.isAtMost(relativeError(found[0]!.data, [given.untied_loss_nll]), 1e-5)
    parameters.forEach((parameter, i) =>
      assert.isAtMost(relativeError(found[i + 1]!.data, expected[parameter]!.data), 1e-5, parameter)
    )
  })
})

describe("M-RoPE positions equal transformers'", () => {
  interface Layout {
    readonly input_ids: ReadonlyArray<number>
    readonly attention_mask: ReadonlyArray<number>
    readonly grids: ReadonlyArray<readonly [number, number, number]>
    readonly position_ids: ReadonlyArray<ReadonlyArray<number>>
    readonly delta: number
  }
  const settings = config("tied")
  for (const layout of json<ReadonlyArray<Layout>>("positions.json")) {
    it(`${layout.input_ids.length} tokens, grids ${JSON.stringify(layout.grids)}`, () => {
      const real = (xs: ReadonlyArray<number>) => xs.filter((_, i) => layout.attention_mask[i] === 1)
      const tokens = real(layout.input_ids)
      const found = Rope.mropePositions(tokens, settings.imageToken, settings.vision.merge, layout.grids)
      assert.deepStrictEqual(
        [found.temporal, found.height, found.width].map((xs) => [...xs]),
        layout.position_ids.map(real)
      )
      // transformers keeps the offset of the next position from the number of tokens.
      assert.strictEqual(found.next - tokens.length, layout.delta)
    })
  }
  it("of the batch", () => {
    batch.forEach((s, b) => {
      const found = Rope.mropePositions(s.tokens, settings.imageToken, settings.vision.merge, s.grids)
      const real = (xs: ArrayLike<number>) => Array.from(xs).filter((_, i) => s.mask[i] === 1)
      assert.deepStrictEqual(
        [found.temporal, found.height, found.width].map(real),
        given.position_ids.map((axis) => real(axis[b]!))
      )
    })
  })
})

describe("parameters", () => {
  for (const kind of ["tied", "untied"] as const) {
    it(`of the ${kind} checkpoint have the names and shapes of its files`, () => {
      const stored = Object.entries(weights(kind)).map(([name, v]) => `${name} ${v.shape}`)
      assert.deepStrictEqual(
        Parameters.specs(config(kind)).map(({ name, shape }) => `${name} ${shape}`).sort(),
        stored.sort()
      )
    })
  }
  it("that are vectors are spared from weight decay", () => {
    for (const spec of Parameters.specs(config("tied"))) {
      assert.strictEqual(spec.decay, spec.shape.length > 1, spec.name)
    }
  })
  it("of newer transformers versions get their published names", () => {
    assert.deepStrictEqual(
      [
        "model.visual.merger.ln_q.bias",
        "model.language_model.layers.0.mlp.up_proj.weight",
        "lm_head.weight",
        "model.norm.weight"
      ]
        .map(Parameters.canonicalName),
      ["visual.merger.ln_q.bias", "model.layers.0.mlp.up_proj.weight", "lm_head.weight", "model.norm.weight"]
    )
  })
})
