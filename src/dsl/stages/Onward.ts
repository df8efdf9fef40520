/**
 * Whose weights a policy holds: those that it was opened with, or those that an earlier run of the same program has
 * left in it. A comparison whose second pipeline trains on from the first one's weights compares nothing, and its
 * run.json would say that it began from the base.
 */
import { Effect, FileSystem, Option, Path } from "effect"
import { show } from "../../kernels/text/show.ts"
import { Policy } from "../../policy/Policy.ts"
import * as Able from "./Able.ts"
import type { Described } from "./described.ts"
import * as Settings from "./Settings.ts"

/** A run as `run` is told of it. */
interface Asked {
  readonly out: string
  readonly resume?: boolean
  readonly after?: string
}

/** The folder of the run that trained a policy last. */
const trainers = new WeakMap<Policy["Service"], string>()

/** Whether the run's folder holds weights to go on from, whatever the policy holds. */
const holdsWeights = Effect.fnUntraced(function*(out: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = path.join(out, "checkpoints")
  const names = yield* Effect.orElseSucceed(fs.readDirectory(folder), () => [])
  const kinds = yield* Effect.forEach(names, (name) => Effect.option(fs.stat(path.join(folder, name))))
  return kinds.some((kind) => Option.isSome(kind) && kind.value.type === "Directory")
})

/** Fails where a run would train on from weights that it was not told of. */
export const check = Effect.fnUntraced(function*(stages: ReadonlyArray<Described>, { after, out, resume }: Asked) {
  if (!Able.trains(stages)) return
  const policy = yield* Policy
  const { resolve } = yield* Path.Path
  const trainer = trainers.get(policy)
  if (trainer === (after === undefined ? undefined : resolve(after))) return
  if (resume === true && (yield* holdsWeights(out))) return
  const own = "pipe each pipeline through an Effect.provide(Policy.onnx(…)) of its own"
  if (after !== undefined) {
    return yield* Settings.refuse("run", {
      setting: "after",
      value: show(after),
      expected: trainer === undefined
        ? "to be left out: no run of this program has trained this policy"
        : `the run that trained this policy last, ${show(trainer)}`
    })
  }
  if (trainer === undefined) return
  return yield* Settings.refuse("run", {
    setting: "the policy",
    value: resolve(out) === trainer
      ? "trained by an attempt at this very run that kept no weights"
      : `trained by the run in ${trainer}`,
    expected: `one that holds the weights to begin from: ${own}` +
      (resolve(out) === trainer ? "" : `; to train on from that run's weights on purpose, say after: ${show(trainer)}`)
  })
})

/** Takes note that the run's stages train the policy. */
export const mark = Effect.fnUntraced(function*(stages: ReadonlyArray<Described>, { out }: Asked) {
  if (!Able.trains(stages)) return
  const { resolve } = yield* Path.Path
  trainers.set(yield* Policy, resolve(out))
})
