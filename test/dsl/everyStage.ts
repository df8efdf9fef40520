/** A pipeline through every stage, long enough to be cut off anywhere. */
import * as Rise from "../../src/dsl/Rise.ts"
import * as Stub from "./StubPolicy.ts"

export const everyStage = (task = Stub.Mood) =>
  Rise.make(task, Stub.data(40), { validation: 0.2 }).pipe(
    Rise.warmUp({ share: 0.9, steps: 8, batchSize: 4, learningRate: 2 }),
    Rise.generate({ candidates: 4 }),
    Rise.reconstruct(),
    Rise.validate(),
    Rise.reinforce({ steps: 12, promptsPerStep: 4, learningRate: 2, deadSteps: 50, select: { every: 3 } }),
    Rise.best(),
    Rise.filter({ tau: 0.75 }),
    Rise.sft({ steps: 12, batchSize: 4, learningRate: 2, select: { every: 2, patience: 40 } }),
    Rise.rft({ steps: 12, promptsPerStep: 4, learningRate: 2 })
  )
