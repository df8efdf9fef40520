/**
 * What a KL penalty holds on to: the weights that a stage began with, in a second model at the engine (drawing or
 * scoring from old weights may overwrite new ones there), or another policy that scores given tokens.
 */
import { Context, Effect, Layer } from "effect"
import { type Objective, Policy, PolicyError } from "../Policy.ts"
import * as TokenWeights from "../TokenWeights.ts"
import type * as Batch from "./Batch.ts"
import type { Engine } from "./Engine.ts"
import type { Options } from "./Options.ts"
import type { Prompts } from "./Prompts.ts"
import { refuse } from "./refuse.ts"
import * as Scores from "./Scores.ts"

export interface Making {
  readonly reference: Options["reference"]
  /** A model of its own; it is made when there is something to hold. */
  readonly engine: Engine
  readonly engineName: string
  readonly prompts: Prompts
}

export const make = Effect.fnUntraced(function*({ engine, engineName, prompts, reference }: Making) {
  const other = reference === undefined || reference === "stage"
    ? undefined
    : Context.get(yield* Layer.build(reference), Policy)
  const { scored } = Scores.make({ engine, engineName, prompts, of: "reference" })
  /** The state that is held. */
  let held: string | undefined

  return {
    /** Where the state lies that a stage's penalty holds on to, if there is one. */
    path: () => held,
    /** Holds on to a state that was saved at the engine, where that is what was asked for. */
    hold: Effect.fnUntraced(function*(path: string | null) {
      if (path !== null && reference === "stage") {
        yield* Effect.mapError(engine.load(path, false), ({ message }) =>
          new PolicyError({
            operation: "update",
            reason: `reference: "stage" needs room for a second model at ${engineName}: ${message}. Set kl to 0, or ` +
              "give Policy.openai({ … }) of a vLLM with the base model as reference"
          }))
      }
      held = path ?? undefined
    }),
    letGo: Effect.suspend(() => {
      held = undefined
      return engine.release
    }),
    /** Log-probabilities under it; none where there is no penalty. Fails where nothing is there to hold on to. */
    scores: Effect.fnUntraced(function*(objective: Objective, sequences: ReadonlyArray<Batch.Sequence>) {
      if (objective._tag === "Supervised" || objective.kl === 0) return undefined
      if (other !== undefined) {
        const items = TokenWeights.learned(objective).map(({ rollout: { completion: { tokens }, prompt } }) => (
          { prompt, tokens }
        ))
        return yield* Effect.scoped(Effect.flatMap(other.session, (session) => session.logprobs(items)))
      }
      if (reference === "stage" && held !== undefined) return yield* scored(sequences)
      return yield* refuse(
        "update",
        `kl is ${objective.kl}, and there is no reference to hold on to: set kl to 0, or give the policy reference: ` +
          "\"stage\" (weights kept at the engine), or Policy.openai({ … }) of a vLLM with the base model"
      )
    })
  }
})
