/** A policy whose draws are seen, or changed, on their way. */
import { Effect, Layer } from "effect"
import { Policy, type Session } from "../../src/policy/Policy.ts"

/** @param sample what becomes of the policy's own */
type Draws = (sample: Session["sample"]) => Session["sample"]

export const drawing = (policy: Policy["Service"], draws: Draws): Policy["Service"] => ({
  ...policy,
  session: Effect.map(policy.session, (session) => ({ ...session, sample: draws(session.sample) }))
})

/** The same over the policy that is provided. */
export const layer = (draws: Draws) => Layer.effect(Policy, Effect.map(Policy, (policy) => drawing(policy, draws)))
