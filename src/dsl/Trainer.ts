/**
 * Which run of this program has trained a policy last: the policy no longer holds the weights that it was opened with.
 */
import { Context, Effect } from "effect"
import type { Policy } from "../policy/Policy.ts"

const trainers = new WeakMap<Policy["Service"], string>()

/** The folder of the run that is under way, where `Rise.run` has opened one. */
export const Folder = Context.Reference<string | undefined>("rise/TrainerFolder", { defaultValue: () => undefined })

/** The folder of the run that has changed the policy's weights last. */
export const of = (policy: Policy["Service"]): string | undefined => trainers.get(policy)

/** Takes note that the policy's weights change from now on, for whoever runs the next pipeline under it. */
export const changes = (policy: Policy["Service"]): Effect.Effect<void> =>
  Effect.map(Folder, (folder) => {
    if (folder !== undefined) trainers.set(policy, folder)
  })
