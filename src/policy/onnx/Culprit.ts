/**
 * Which weight is no number, where what was computed is none: looked for only then, so that it costs nothing before.
 *
 * Weights that are mapped from a file are never read as a whole while all goes well.
 */
import { Effect, type FileSystem } from "effect"
import { Parameters } from "../../kernels/models/index.ts"
import { ParameterStore } from "../../kernels/train/index.ts"
import { NotFinite } from "../NotFinite.ts"
import { PolicyError } from "../Policy.ts"
import type { Model } from "./Model.ts"

/** The first weight that is no number, in the words of who found it; undefined where all are numbers. */
const find = (
  { config, mapped, store, trained }: Model
): Effect.Effect<string | undefined, never, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    yield* ParameterStore.checkFinite(trained, trained.data)
    yield* ParameterStore.checkFinite(store, store.data)
    if (mapped !== undefined) {
      yield* Effect.forEach(Parameters.specs(config), ({ name }) => mapped.read(name), { discard: true })
    }
  }).pipe(Effect.match({ onSuccess: () => undefined, onFailure: ({ message }) => message }))

/** Adds to an error that tells of no number the weight that is one's cause, if any is. */
export const named = (model: Model) =>
<A, R>(
  effect: Effect.Effect<A, PolicyError, R>
): Effect.Effect<A, PolicyError, R | FileSystem.FileSystem> =>
  Effect.catch(effect, (error) => {
    const { cause, operation } = error
    if (!(cause instanceof NotFinite)) return Effect.fail(error)
    return Effect.flatMap(find(model), (found) => {
      if (found === undefined) return Effect.fail(error)
      const whole = new NotFinite({ what: `${cause.what} (${found})` })
      return Effect.fail(new PolicyError({ operation, reason: whole.message, cause: whole }))
    })
  })
