/**
 * What RISE-CoT's chains are worth: their reward, the share that τ keeps, and whether what they name is in the picture.
 *
 * A chain written with the annotation in view can smuggle it, by naming cues that are not there. The reward cannot see
 * that; groundedness can.
 */
import { Effect, Option, Stream } from "effect"
import { cotFile, named, Run } from "../dsl/Run.ts"
import { beside } from "../dsl/stages/Beside.ts"
import { cotRows } from "../dsl/stages/Curate.ts"
import { usedTau } from "../dsl/stages/Filter.ts"
import type { Sample } from "../dsl/Task.ts"
import * as Groundedness from "./Groundedness.ts"
import type { ResultRow } from "./Results.ts"

export interface ChainOptions {
  /** The method that wrote the chains. Default "RISE". */
  readonly method?: string
  /** Taken where the method has not filtered; its own may have sunk. */
  readonly tau: number
  readonly shots: string
  readonly cuesNamed?: ((text: string) => Iterable<string>) | undefined
}

/** Rows of the method "RISE-CoT", on the training half; none where the run wrote no D_RISE. */
export const chainRows = <A, E, R>(
  data: Stream.Stream<Sample<A>, E, R>,
  { cuesNamed, method = "RISE", shots, tau }: ChainOptions
) =>
  Effect.gen(function*() {
    const run = yield* Run
    if (!run.finished(named(method)("explain"))) return []
    const file = cotFile(method)
    const used = Option.getOrElse(yield* usedTau(method), () => tau)
    const sum = yield* Stream.runFold(
      beside(data, cotRows(file, run.rows(file)), file),
      () => ({ n: 0, reward: 0, kept: 0, grounded: Groundedness.none }),
      (sum, [{ cues }, { reasoning, reward }]) => {
        const counted = { ...sum, n: sum.n + 1, reward: sum.reward + reward, kept: sum.kept + (reward >= used ? 1 : 0) }
        if (cuesNamed === undefined || cues === undefined) return counted
        const grounded = Groundedness.add(sum.grounded, Groundedness.count(cuesNamed(reasoning), cues))
        return { ...counted, grounded }
      }
    )
    const row = (metric: string, value: number, n: number): ResultRow => ({
      method: "RISE-CoT",
      part: "train",
      shots,
      metric,
      value,
      n,
      seed: run.seed
    })
    return [
      row("reward", sum.reward / sum.n, sum.n),
      row("kept share", sum.kept / sum.n, sum.n),
      ...Groundedness.figures(sum.grounded).map(({ metric, n, value }) => row(metric, value, n))
    ]
  })
