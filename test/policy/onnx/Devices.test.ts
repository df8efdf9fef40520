/** Every device that this machine has computes, draws and learns what the CPU does; the CPU also step by step. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Autodiff, OnnxWriter } from "../../../src/kernels/graph/index.ts"
import { Device, HostTensor, Runtime } from "../../../src/kernels/runtime/index.ts"
import { Objective, OnnxPolicy, Policy, type Prompt } from "../../../src/policy/index.ts"
import { cases, feedsOf, inputsOf, isFloat, scalarOf, seedOf } from "../../kernels/graph/cases.ts"
import * as Reference from "../../kernels/graph/reference.ts"
import { picture } from "./pictures.ts"

const prompts: ReadonlyArray<Prompt> = [{ images: [picture("p", 250)], text: "What is in the picture?" }, {
  images: [],
  text: "What is a party?"
}]

/** Two groups, their scores, and two training steps. */
const work = Effect.gen(function*() {
  const policy = yield* Policy
  const { groups, scores } = yield* Effect.scoped(Effect.gen(function*() {
    const session = yield* policy.session
    const groups = yield* session.sample(prompts.map((prompt, i) => ({ prompt, key: `devices/${i}` })), {
      count: 2,
      maxTokens: 8,
      temperature: 0.8
    })
    const items = groups.flatMap((group, i) =>
      group.map(({ tokens }) => ({ prompt: prompts[i]!, tokens, temperature: 0.8 }))
    )
    return { groups: groups.flat(), scores: yield* session.logprobs(items) }
  }))
  yield* policy.beginStage
  const learn = policy.update(
    Objective.Supervised({
      examples: prompts.map((prompt) => ({ prompt, target: [{ text: "a red face", weight: 1 }] }))
    }),
    { learningRate: 1e-3 }
  )
  return { groups, scores, steps: [yield* learn, yield* learn] }
})

const on = (device: Device.Device, decode: "loop" | "step") =>
  Effect.provide(
    work,
    OnnxPolicy.layer({ model: "assets/scene-vl", seed: 5, decode }).pipe(
      Layer.provide(Layer.merge(Runtime.layer({ device, workers: 1 }), NodeServices.layer))
    )
  )

const types = { f32: "float32", i64: "int64", i32: "int32", bool: "bool", u8: "uint8" } as const
const hostData = (dtype: keyof typeof types, data: Float64Array): HostTensor.HostData =>
  dtype === "f32"
    ? Float32Array.from(data)
    : dtype === "i64"
    ? BigInt64Array.from(data, BigInt)
    : dtype === "i32"
    ? Int32Array.from(data)
    : Uint8Array.from(data)

/** Values and gradients of every operator on the first worker, against the float64 reference. */
const operators = Effect.gen(function*() {
  const runtime = yield* Runtime.Runtime
  for (const given of cases) {
    const inputs = inputsOf(given)
    const y = given.build(...inputs)
    const feeds: Reference.Feeds = { ...feedsOf(given), seed: seedOf(given, y) }
    const floats = inputs.filter((_, i) => isFloat(given.arguments[i]!))
    const outputs = given.flat === undefined ? [y, ...Autodiff.gradients(scalarOf(y), floats)] : [y]
    const program = OnnxWriter.write(Object.fromEntries(outputs.map((tensor, i) => [`out${i}`, tensor])))
    const fed = Object.fromEntries(
      program.inputs.map((
        { dtype, name, shape }
      ) => [name, { dtype: types[dtype], dims: shape, data: hostData(dtype, Float64Array.from(feeds[name]!.data)) }])
    )
    const found = yield* Effect.scoped(Effect.flatMap(
      runtime.open(0, program.bytes, { onHost: program.onHost }),
      (session) => session.run(fed, program.outputs.map(({ name }) => name))
    ))
    Reference.evaluate(outputs, feeds).forEach(({ data }, i) => {
      const got = Float64Array.from(found[`out${i}`]!.data as ArrayLike<number | bigint>, Number)
      assert.isAtMost(
        Reference.relativeError(got, data),
        1e-4,
        `${given.name}, ${i === 0 ? "value" : `gradient ${i - 1}`}`
      )
    })
  }
})

const worst = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.max(0, ...Array.from(a, (x, i) => Math.abs(x - b[i]!)))

describe("devices", () => {
  it.effect("draw, score and learn alike", () =>
    Effect.gen(function*() {
      const expected = yield* on("cpu", "loop")
      for (const device of yield* Device.available) {
        const found = yield* on(device, "step")
        expected.groups.forEach(({ logprobs, tokens }, i) => {
          assert.deepStrictEqual([...found.groups[i]!.tokens], [...tokens], device)
          assert.isAtMost(worst(found.groups[i]!.logprobs, logprobs), 1e-3)
          assert.isAtMost(worst(found.scores[i]!, expected.scores[i]!), 1e-3)
        })
        expected.steps.forEach(({ gradNorm, loss }, i) => {
          assert.closeTo(found.steps[i]!.loss / loss, 1, 1e-4, `${device}, loss of step ${i}`)
          assert.closeTo(found.steps[i]!.gradNorm! / gradNorm!, 1, 1e-4, `${device}, gradient of step ${i}`)
        })
      }
    }), 300_000)

  it.effect("compute every operator and its derivative", () =>
    Effect.gen(function*() {
      for (const device of yield* Device.available) {
        yield* Effect.provide(operators, Layer.fresh(Runtime.layer({ device, workers: 1 })))
      }
    }), 300_000)
})
