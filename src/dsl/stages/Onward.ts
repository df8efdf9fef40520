/**
 * Whose weights a policy holds: those that it was opened with, or those that an earlier run of the same program has
 * left in it. A comparison whose second pipeline trains on from the first one's weights compares nothing, and its
 * run.json would say that it began from the base.
 */
import { Effect, Option, Path } from "effect"
import { show } from "../../kernels/text/show.ts"
import { Policy } from "../../policy/Policy.ts"
import * as Ledger from "../Ledger.ts"
import * as TextFile from "../TextFile.ts"
import * as Trainer from "../Trainer.ts"
import * as Able from "./Able.ts"
import type { Described } from "./described.ts"
import * as Settings from "./Settings.ts"

/** A run as `run` is told of it. */
interface Asked {
  readonly out: string
  readonly resume?: boolean
  readonly after?: string
}

/**
 * Whether the run in a folder goes on from weights of its own, whatever the policy holds. Its ledger says so: a folder
 * of weights that it does not speak of is removed. A ledger that cannot be read is told by whoever opens the run.
 */
const holdsWeights = Effect.fnUntraced(function*(out: string) {
  const { join } = yield* Path.Path
  const file = join(out, Ledger.fileName)
  return yield* TextFile.readIfThere(file).pipe(
    Effect.flatMap(Option.match({
      onNone: () => Effect.succeed(false),
      onSome: (text) =>
        Effect.map(
          Ledger.decode(file, text),
          ({ midStage, stages }) =>
            stages.some(({ trained }) => trained) || midStage.some(({ folders }) => Object.keys(folders).length > 0)
        )
    })),
    Effect.orElseSucceed(() => true)
  )
})

/** Fails where a run would train on from weights that it was not told of. */
export const check = Effect.fnUntraced(function*(stages: ReadonlyArray<Described>, { after, out, resume }: Asked) {
  if (!Able.trains(stages)) return
  const policy = yield* Policy
  const { resolve } = yield* Path.Path
  const trainer = Trainer.of(policy)
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

/** What changes the weights of a policy within `effect` does so for the run in this folder. */
export const within = (out: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Path.Path, ({ resolve }) => Effect.provideService(effect, Trainer.Folder, resolve(out)))
