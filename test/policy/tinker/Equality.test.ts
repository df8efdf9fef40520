/**
 * The policy at an engine against the local one: the same objectives on the same rollouts, with the embedded checkpoint
 * on both sides, give the same figures and the same gradients.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, FileSystem, Layer, Path } from "effect"
import { Safetensors } from "../../../src/kernels/weights/index.ts"
import type { Policy } from "../../../src/policy/index.ts"
import { learnsAlike, objectives } from "./alike.ts"
import { engines, Local, local, recorded, remote, update } from "./engines.ts"

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
    it.effect("learns as the local policy does: some updates of every objective", () => learnsAlike(3), 600_000)

    it.effect("sends the gradient of every objective, whatever the engine divides by", () =>
      Effect.gen(function*() {
        const policy = yield* Local
        const rollouts = yield* recorded(policy)
        const begun = yield* policy.snapshot
        for (const served of [{}, { mean: "sequence" as const, limit: { data: 3, bytes: 1e6 } }]) {
          for (const [name, objective] of Object.entries(objectives(rollouts))) {
            const { connection, engine, policy: far } = yield* remote({ reference: "stage" }, served)
            yield* policy.revert(begun)
            yield* policy.beginStage
            yield* far.beginStage
            const once = objective._tag === "Supervised" ? objective : { ...objective, innerUpdates: 1 }
            yield* policy.update(once, update)
            yield* far.update(once, update)
            const moments = [...engine.models.values()].at(0)?.held.moments.firstMoment

            const found = cosine(yield* momentOf(policy), moments ?? new Float32Array(0))
            assert.isAtLeast(found, 0.9999, `${name}, ${JSON.stringify(served)}, ${connection.normaliser}`)
            yield* policy.endStage
          }
        }
        yield* policy.revert(begun)
      }).pipe(Effect.scoped), 600_000)
  })
})
