/**
 * The policy at an engine against the local one: the same objectives on the same rollouts, with the embedded checkpoint
 * on both sides, give the same figures and the same gradients.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, FileSystem, Layer, Path } from "effect"
import { Safetensors } from "../../../src/kernels/weights/index.ts"
import type { Policy } from "../../../src/policy/index.ts"
import { learnsAlike, type Name, opened, steps } from "./alike.ts"
import { engines, local, update } from "./engines.ts"

/** Names of `objectives`. */
const names = Object.keys(steps) as ReadonlyArray<Name>

const cosine = (a: Float32Array, b: Float32Array): number => {
  let [ab, aa, bb] = [0, 0, 0]
  a.forEach((value, i) => {
    ab += value * b[i]!
    aa += value * value
    bb += b[i]! * b[i]!
  })
  return ab / Math.sqrt(aa * bb)
}

/** The first moment after one step from fresh ones is the clipped gradient times 1 − β₁. */
const momentOf = (policy: Policy["Service"]) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    yield* policy.checkpoint(directory)
    const header = yield* Safetensors.readHeader((yield* Path.Path).join(directory, "state.safetensors"))
    const length = header.tensors.get("firstMoment")?.shape[0] ?? 0
    return yield* Safetensors.readFloat32(header, "firstMoment", new Float32Array(length))
  }).pipe(Effect.provide(NodeServices.layer))

describe("Policy.tinker", () => {
  layer(Layer.merge(engines, local), { timeout: 300_000, excludeTestServices: true })((it) => {
    for (const name of names) {
      // All of the updates: test/long/equality.test.ts.
      it.effect(`learns as the local policy does: ${name}`, () => learnsAlike(name, Math.min(4, steps[name])), 300_000)

      it.effect(
        `sends the gradient of the objective, whatever the engine divides by: ${name}`,
        () =>
          Effect.gen(function*() {
            for (const served of [{}, { mean: "sequence" as const, limit: { data: 3, bytes: 1e6 } }]) {
              yield* Effect.scoped(Effect.gen(function*() {
                const { far: { connection, engine, policy: far }, objective, policy } = yield* opened(name, served)
                const once = objective._tag === "Supervised" ? objective : { ...objective, innerUpdates: 1 }
                yield* policy.update(once, update)
                yield* far.update(once, update)
                const moments = [...engine.models.values()].at(0)?.held.moments.firstMoment
                const found = cosine(yield* momentOf(policy), moments ?? new Float32Array(0))
                assert.isAtLeast(found, 0.9999, `${JSON.stringify(served)}, ${connection.normaliser}`)
                yield* policy.endStage
              }))
            }
          }).pipe(Effect.scoped),
        300_000
      )
    }
  })
})
