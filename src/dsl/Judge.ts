/**
 * Judges: the part of a reward that takes more than two annotations. A model behind a server, a database, another
 * checkpoint is asked what an answer is worth, and its number in [0, 1] multiplies S of eq. 1 and 9.
 *
 * A judgment that fails costs its candidate, not the run; many in a row end the stage with the first reason.
 *
 * @module
 */
import { Context, Effect, Layer, type Scope } from "effect"
import type { Judging } from "./JudgeError.ts"
import type { Task, Turn } from "./Task.ts"

export { JudgeError, type Judging } from "./JudgeError.ts"
export { type Candidate, pay } from "./Judgments.ts"

/** A judge that needs services, and what provides them. */
export interface Options<in out A, E, R, L = never, E2 = never, R2 = never> extends Judging {
  /** What an answer is worth, in [0, 1], beside its similarity. */
  readonly judge: (truth: A, predicted: A, turn: Turn<A>) => Effect.Effect<number, E, R>
  /** What the judge needs: built once, and kept as long as the surrounding scope. Default: the program's own. */
  readonly layer?: Layer.Layer<L, E2, R2>
}

/**
 * The task with a judge that needs services: those of `layer`, which may be another `Policy` than the one that is
 * trained, or of the program. A judge that needs none is simply the task's `judge`.
 *
 * ```ts
 * Judge.add(task, { judge, layer: Policy.openai({ baseUrl: "http://localhost:8000/v1", model: "qwen" }) })
 * ```
 */
export const add = <A, E, R, L = never, E2 = never, R2 = never>(
  task: Task<A>,
  { judge, layer, ...judging }: Options<A, E, R, L, E2, R2>
): Effect.Effect<Task<A>, E2, Exclude<R, L> | R2 | Scope.Scope> =>
  Effect.gen(function*() {
    const own = layer === undefined ? Context.empty() as Context.Context<L> : yield* Layer.build(layer)
    const context = Context.merge(yield* Effect.context<Exclude<R, L>>(), own) as Context.Context<R>
    return {
      ...task,
      judge: (truth: A, predicted: A, turn: Turn<A>) => Effect.provideContext(judge(truth, predicted, turn), context),
      judging
    }
  })
