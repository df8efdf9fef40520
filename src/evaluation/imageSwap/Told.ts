/**
 * What a method wrote of the samples that were drawn.
 */
import { Effect, Option, Stream } from "effect"
import { RunFileError } from "../../dsl/RunError.ts"
import * as Results from "../Results.ts"
import type { Drawn } from "./Draw.ts"

/** A sample that was drawn, and the reasoning that was written of it, where one can be read. */
export interface Told<out A> extends Drawn<A> {
  readonly reasoning: Option.Option<string>
}

/** The method's reasonings, in the order of the draw; without the samples whose pictures could not be answered. */
export const told = Effect.fnUntraced(function*<A>(method: string, drawn: ReadonlyArray<Drawn<A>>) {
  const samples = new Map(drawn.map(({ at, sample }) => [at, sample]))
  const found = new Map<number, Results.Prediction>()
  const answers = yield* Stream.runFoldEffect(
    Results.predictions(method),
    () => 0,
    (at, row) => {
      const sample = samples.get(at)
      if (sample === undefined) return Effect.succeed(at + 1)
      if (sample.image.id !== row.image) {
        const reason = `${method}: has ${row.image} where the data set has ${sample.image.id}: the data set changed`
        return Effect.fail(new RunFileError({ path: Results.predictionsFile, reason }))
      }
      found.set(at, row)
      return Effect.succeed(at + 1)
    }
  )
  const first = drawn.find(({ at }) => !found.has(at))
  if (first !== undefined) {
    const others = answers === 0 ? yield* Results.otherMethods(method) : ""
    const reason =
      `has ${answers} answers of "${method}" and none of ${first.sample.image.id}: evaluate it first${others}`
    return yield* new RunFileError({ path: Results.predictionsFile, reason })
  }
  return drawn.flatMap((one): ReadonlyArray<Told<A>> => {
    const row = found.get(one.at)
    return row === undefined || row.fault !== undefined
      ? []
      : [{ ...one, reasoning: Option.fromNullishOr(row.reasoning) }]
  })
})
