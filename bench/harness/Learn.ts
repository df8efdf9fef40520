/** The update of a GRPO step, as all benches of it ask for it. */
import { Objective, type Rollout } from "../../src/policy/index.ts"

/** One pass over the rollouts, clipped at 0.2. */
export const learn = (rollouts: ReadonlyArray<Rollout>, maxTokens: number, kl = 0) =>
  Objective.GroupRelative({ rollouts, loss: "grpo", clip: { low: 0.2, high: 0.2 }, kl, innerUpdates: 1, maxTokens })
