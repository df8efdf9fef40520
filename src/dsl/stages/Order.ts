/**
 * Which step may stand behind which, looked at when a pipeline is run: the types say the same, and a script that Node
 * runs without a compiler never asks them.
 */
import { Effect, Predicate } from "effect"
import type { Described } from "./described.ts"
import * as Settings from "./Settings.ts"
import { Misplaced } from "./StageError.ts"

/** What may come right before a step, and the stage that a pipeline is at then. */
const order = {
  warmUp: { make: "Sampled" },
  generate: { make: "Sampled", warmUp: "Warmed" },
  reconstruct: { generate: "Reasoned" },
  validate: { reconstruct: "Reconstructed" },
  reinforce: { validate: "Validated" },
  best: { validate: "Validated", reinforce: "Reinforced" },
  recall: { make: "Sampled", warmUp: "Warmed" },
  filter: { best: "Explained", recall: "Explained" },
  answers: { make: "Sampled", warmUp: "Warmed" },
  sft: { best: "Explained", recall: "Explained", filter: "Curated", answers: "Answered" },
  rft: { make: "Sampled", warmUp: "Warmed", sft: "Tuned" },
  run: {
    warmUp: "Warmed",
    reinforce: "Reinforced",
    best: "Explained",
    recall: "Explained",
    filter: "Curated",
    sft: "Tuned",
    rft: "Strengthened"
  }
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>

/** A step of the language. */
export type Step = keyof typeof order

type Places = typeof order
/** The stages that a step may stand behind. */
export type Before<S extends Step> = Places[S][keyof Places[S]]

/** What a pipeline brings along to its next step. */
interface Brought<out P, out E> {
  readonly described: ReadonlyArray<Described>
  readonly plan: ReadonlyArray<P>
  readonly sound: Effect.Effect<void, E>
}

/** Whether something is a pipeline at all: a step that was named and not called leaves a function in its place. */
const isPipeline = (self: unknown): self is { readonly stage: string; readonly described: ReadonlyArray<Described> } =>
  Predicate.hasProperty(self, "described") && Array.isArray(self.described)

/** What `self` is, by the last word that it was made with. */
const found = (self: unknown): string =>
  isPipeline(self)
    ? `Rise.${self.described.at(-1)?.[0] ?? "make"}()`
    : typeof self === "function"
    ? "a function: a step that was named and not called, as Rise.best for Rise.best()"
    : "what is no pipeline: it begins with Rise.make(task, data)"

/** Refuses a step that does not stand where it can do its work. Looks at nothing else. */
export const check = (step: Step, self: unknown): Effect.Effect<void, Misplaced> =>
  Effect.suspend(() => {
    const places: Readonly<Record<string, string>> = order[step]
    if (isPipeline(self) && Object.values(places).includes(self.stage)) return Effect.void
    return Effect.flatMap(Settings.stageName(step), (stage) =>
      Effect.fail(new Misplaced({ stage, after: found(self), expected: Object.keys(places) })))
  })

/** The same of a pipeline at its next step, behind what it has to say of itself; what is none brings nothing along. */
export const behind = <P, E>(step: Step, self: Brought<P, E>): Brought<P, E | Misplaced> => {
  const placed = check(step, self)
  return isPipeline(self)
    ? { described: self.described, plan: self.plan, sound: Effect.andThen(self.sound, placed) }
    : { described: [], plan: [], sound: placed }
}
