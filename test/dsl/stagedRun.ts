/** A run of every kind of stage on a policy that is a stub, in a folder: what tests of run folders damage. */
import { Effect, Layer } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { PolicyError } from "../../src/policy/Policy.ts"
import { logs } from "./logs.ts"
import * as Stub from "./StubPolicy.ts"

const pipeline = Rise.make({ ...Stub.Mood, described: { kind: "mood" } }, Stub.data(12), { validation: 0.2 }).pipe(
  Rise.warmUp({ share: 0.9, steps: 2, batchSize: 2, learningRate: 2 }),
  Rise.generate({ candidates: 2 }),
  Rise.reconstruct(),
  Rise.validate(),
  Rise.reinforce({ steps: 2, promptsPerStep: 2, learningRate: 2 }),
  Rise.best(),
  Rise.filter({ tau: 0 }),
  Rise.sft({ steps: 4, batchSize: 2, learningRate: 2, select: { every: 1 } })
)

/** Updates are 2 of the warm-up, 2 of reinforce, 4 of sft; the power is cut before update `most`. */
export const stagedRun = (out: string, most = Infinity) => {
  const stub = Stub.layer({
    seed: 1,
    beforeUpdate: (updates) =>
      updates >= most ? Effect.fail(new PolicyError({ operation: "update", reason: "power cut" })) : Effect.void
  })
  return pipeline.pipe(
    Rise.run({ out, seed: 3, resume: true, checkpoint: { every: { steps: 1 }, share: 1 } }),
    Effect.provide(Layer.fresh(Layer.provideMerge(stub, Stub.Trace.layer))),
    Effect.provideService(Progress, silent),
    logs
  )
}
