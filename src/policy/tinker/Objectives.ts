/** What an engine can be asked to learn: refused before the first step, with the setting to change. */
import { Effect } from "effect"
import type { Objective } from "../Policy.ts"
import * as Requests from "../Requests.ts"
import * as TokenWeights from "../TokenWeights.ts"
import { noGrammar, refuse } from "./refuse.ts"

/** Fails on what no engine does. */
export const check = Effect.fnUntraced(function*(objective: Objective) {
  if (objective.format !== undefined && objective.format.weight > 0 && objective.format.texts.length > 0) {
    return yield* refuse(
      "update",
      "a format loss needs the probabilities of all tokens, which no engine tells: set format to 0, and leave " +
        "practice out"
    )
  }
  if (objective._tag === "Supervised") {
    const { examples } = objective
    if (examples.some(({ auxiliary = [] }) => auxiliary.length > 0)) {
      return yield* refuse("update", "auxiliary losses at inner layers do not exist at an engine: leave auxiliary out")
    }
    if (examples.some(({ grammar }) => grammar !== undefined)) return yield* noGrammar("update")
    if (examples.every(({ target }) => target.every(({ weight }) => weight === 0))) {
      return yield* refuse("update", "there is nothing to learn from: every target weighs 0")
    }
    return yield* Requests.checkObjective(objective, 2 ** 31)
  }
  if (objective.entropy !== undefined && objective.entropy > 0) {
    return yield* refuse(
      "update",
      "an entropy bonus needs the probabilities of all tokens, which no engine tells: set entropy to 0"
    )
  }
  if (objective.rollouts.every((rollout) => TokenWeights.isMasked(objective, rollout))) {
    return yield* refuse(
      "update",
      "there is nothing to learn from: every rollout was cut off, and maskTruncated leaves those out"
    )
  }
  for (const [i, { grammar, temperature = 1 }] of objective.rollouts.entries()) {
    if (grammar !== undefined) return yield* noGrammar("update")
    if (temperature !== 1) {
      return yield* refuse(
        "update",
        `rollout ${i} was drawn at temperature ${temperature}; engines score at 1: set the stage's temperature to 1`
      )
    }
  }
  yield* Requests.checkObjective(objective, 2 ** 31)
})
