/**
 * What a script does, in the order it does it: the paper's pipeline from `make` to `run`, then `evaluate` what it
 * reached, and `annotate` what nobody has labelled.
 *
 * ```ts
 * Effect.gen(function*() {
 *   yield* Rise.make(task, train, { validation: 0.1 }).pipe(Rise.rft({ steps: 100 }), Rise.run({ out: "runs/mine" }))
 *   const rows = yield* Rise.evaluate({ task, data: test })
 *   yield* pictures.pipe(Rise.annotate(task), Stream.runForEach(({ image, text }) => Effect.log(image.id, text)))
 * })
 * ```
 *
 * @module
 */
import { Effect, type FileSystem, Option, type Path } from "effect"
import type { BadSetting, Fault, NothingToTrainOn } from "./dsl/Rise.ts"
import { Run } from "./dsl/Run.ts"
import { evaluate as measure, type EvaluateOptions as Measured } from "./evaluation/index.ts"
import type * as Results from "./evaluation/Results.ts"
import type { Policy } from "./policy/Policy.ts"

export * from "./dsl/Rise.ts"
export { annotate, type Annotated, type AnnotateOptions, type Pictured, type Questioned } from "./pipelines/annotate.ts"

/** Options of `evaluate`. */
export type EvaluateOptions<A, E, R> = Omit<Measured<A, E, R>, "method"> & Partial<Pick<Measured<A, E, R>, "method">>

/**
 * Measures the policy as it is on samples: one row a figure, `table` makes them readable. Within a run of one's own it
 * also writes `predictions.jsonl`.
 */
export const evaluate = <A, E, R>(
  options: EvaluateOptions<A, E, R>
): Effect.Effect<
  ReadonlyArray<Results.ResultRow>,
  BadSetting | E | Fault | NothingToTrainOn,
  Exclude<R, Run> | Policy | FileSystem.FileSystem | Path.Path
> =>
  Effect.flatMap(Effect.serviceOption(Run), (run) => {
    const measured = measure({ method: "model", ...options })
    return Option.match(run, {
      onNone: () => Effect.provide(measured, Run.layerMemory({ seed: 0 })),
      onSome: (run) => Effect.provideService(measured, Run, run)
    })
  })

export { table } from "./evaluation/table.ts"
