/** Weights that are kept in memory, for a stage to go back to. */
import { Effect } from "effect"
import { ParameterStore } from "../../kernels/train/index.ts"
import { PolicyError, type Snapshot } from "../Policy.ts"

/** A snapshot of this engine. */
export interface Kept extends Snapshot {
  /** Those that training changes. */
  readonly weights: Float32Array
}

const isKept = (snapshot: Snapshot): snapshot is Kept =>
  "weights" in snapshot && snapshot.weights instanceof Float32Array

/** A copy of what is trained. */
export const copy = ({ data, trainableLength }: ParameterStore.ParameterStore, version: number): Kept => (
  { version, weights: data.slice(0, trainableLength) }
)

/** The weights of a snapshot; fails where another engine made it. */
export const weightsOf = (
  operation: "checkpoint" | "restore",
  snapshot: Snapshot
): Effect.Effect<Float32Array, PolicyError> =>
  isKept(snapshot)
    ? Effect.succeed(snapshot.weights)
    : Effect.fail(new PolicyError({ operation, reason: "the snapshot is of another engine" }))

/** Puts a snapshot's weights in the place of what is trained; nothing of one that does not fit, or is no numbers. */
export const takeBack = Effect.fnUntraced(function*(trained: ParameterStore.ParameterStore, snapshot: Snapshot) {
  const weights = yield* weightsOf("restore", snapshot)
  if (weights.length !== trained.trainableLength) {
    const [found, wanted] = [weights.length, trained.trainableLength]
    return yield* new PolicyError({
      operation: "restore",
      reason: `the snapshot is of another model: it has ${found} values, this one trains ${wanted}`
    })
  }
  yield* ParameterStore.checkFinite(trained, weights)
  trained.data.set(weights)
})
