/** The embedded checkpoint with weights that are finite and make numbers that are none. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert } from "@effect/vitest"
import { Effect, type FileSystem, Layer } from "effect"
import { readFileSync } from "node:fs"
import { Config, Parameters } from "../../../src/kernels/models/index.ts"
import type { Runtime } from "../../../src/kernels/runtime/index.ts"
import { ParameterStore } from "../../../src/kernels/train/index.ts"
import { OnnxPolicy, Policy, type PolicyError, type SampleOptions } from "../../../src/policy/index.ts"
import { prompts } from "./pictures.ts"
import { fingerprint, setWeights, state, weights } from "./weights.ts"

type Services = Policy | FileSystem.FileSystem
/** Gives work a policy of its own, on workers that are there. */
export const runOn =
  (runtime: Layer.Layer<Runtime.Runtime>) =>
  <A, E>(effect: Effect.Effect<A, E, Services>, options: Partial<OnnxPolicy.Options> = {}) =>
    Effect.provide(
      effect,
      OnnxPolicy.layer({ model: "assets/scene-vl", seed: 5, ...options }).pipe(
        Layer.provide(runtime),
        Layer.provideMerge(NodeServices.layer)
      )
    ) as Effect.Effect<A, unknown>

const requests = prompts.map((prompt, i) => ({ prompt, key: `test/${i}` }))
export const update = { learningRate: 1e-3 }
export const examples = [{ prompt: prompts[1]!, target: [{ text: "a red face", weight: 1 }] }]

/** Where the trained parameters lie. */
export const slices = Effect.gen(function*() {
  const config = yield* Config.fromJson(JSON.parse(readFileSync("assets/scene-vl/config.json", "utf8")))
  const specs = Parameters.specs(config).map(({ decay, name, part, shape }) => ({
    name,
    shape,
    decay,
    trainable: part === "decoder"
  }))
  return (yield* ParameterStore.make(specs)).slices
})

/** Finite weights that float32 does not multiply: the whole of a parameter, or some rows of it, set to a value. */
export const poison = Effect.fnUntraced(function*(name: string, value: number, rows?: ReadonlyArray<number>) {
  const { length, offset, shape } = (yield* slices).get(name)!
  const poisoned = yield* weights
  const width = shape.at(-1)!
  if (rows === undefined) poisoned.fill(value, offset, offset + length)
  else for (const row of rows) poisoned.fill(value, offset + row * width, offset + (row + 1) * width)
  yield* setWeights(poisoned)
})

export const NORM = "model.norm.weight"
export const EMBEDDING = "model.embed_tokens.weight"

/** How logits go wrong: all at once, or in one token's column alone. */
export const poisons = {
  "every logit": poison(NORM, 3e38),
  "the logit of one token": poison(EMBEDDING, 3e38, [700])
}

export const draw = (options: SampleOptions) =>
  Effect.scoped(
    Effect.flatMap(
      Effect.flatMap(Policy, ({ session }) => session),
      (session) => session.sample(requests, options)
    )
  )

/** What an update that fails must leave as it was. */
export const untouched = Effect.fnUntraced(function*(failing: Effect.Effect<unknown, PolicyError, Policy>) {
  const before = fingerprint(yield* state)
  const error = yield* Effect.flip(failing)
  assert.deepStrictEqual(fingerprint(yield* state), before, error.message)
  return error
})
