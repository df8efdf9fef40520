/**
 * From scores to suspects: the samples in order of suspicion, and, where the wrong labels are known, how well that
 * order finds them.
 */
import { Effect, Option, Schema, Stream } from "effect"
import { sampleKey } from "../../dsl/sampleKeys.ts"
import type { ResultRow } from "../../evaluation/Results.ts"
import { auroc } from "../../kernels/math/index.ts"
import { agrees, answered, type Ranking, rankings, reason, Scored } from "./Scored.ts"

/** A line of `suspects.jsonl`, the most suspect first. */
export const Suspect = Schema.Struct({
  /** From 1. */
  rank: Schema.Int,
  ...Scored.fields,
  reason: Schema.String,
  /** Whether every reconstruction that can be read agrees with the label: ranked, and no suspect. */
  agrees: Schema.Boolean,
  /** Whether the label is wrong, where that is known. */
  wrong: Schema.optionalKey(Schema.Boolean)
})
export type Suspect = typeof Suspect.Type

/**
 * The samples that a ranking puts first, of those that the judge has answered. Holds two numbers per sample and the
 * suspects themselves.
 */
export const suspects = <E, R>(
  all: Stream.Stream<Scored, E, R>,
  { by, count, wrong }: {
    readonly by: Ranking
    readonly count: number
    readonly wrong: Option.Option<ReadonlySet<string>>
  }
): Effect.Effect<ReadonlyArray<Suspect>, E, R> =>
  Effect.gen(function*() {
    const scores = Stream.filter(all, answered)
    const values = yield* Stream.runFold(scores, (): Array<number> => [], (all, scored) => {
      all.push(scored[by])
      return all
    })
    const order = values.map((_, i) => i).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0) || a - b).slice(0, count)
    const places = new Map(order.map((index, place) => [index, place]))
    const found = yield* scores.pipe(
      Stream.zipWithIndex,
      Stream.filter(([, index]) => places.has(index)),
      Stream.map(([scored, index]): Suspect => ({
        rank: (places.get(index) ?? 0) + 1,
        ...scored,
        reason: reason(scored),
        agrees: agrees(scored),
        ...Option.match(wrong, { onNone: () => ({}), onSome: (ids) => ({ wrong: ids.has(sampleKey(scored)) }) })
      })),
      Stream.runCollect
    )
    return found.toSorted((a, b) => a.rank - b.rank)
  })

/**
 * Figures of an audit as rows of results.json: the share of labels that the judge has not answered; of the others the
 * average of each score and, where the wrong labels are known, the AUROC of each ranking and the share of wrong labels
 * among as many first suspects as there are wrong labels.
 */
export const figures = <E, R>(
  scores: Stream.Stream<Scored, E, R>,
  { seed, wrong }: { readonly seed: number; readonly wrong: Option.Option<ReadonlySet<string>> }
): Effect.Effect<ReadonlyArray<ResultRow>, E, R> =>
  Effect.map(
    Stream.runFold(
      scores,
      () => ({ all: new Array<Pick<Scored, Ranking> & { readonly key: string }>(), unanswered: 0 }),
      (found, scored) => {
        const { best, mean, metric, similarity } = scored
        if (answered(scored)) found.all.push({ best, mean, similarity, metric, key: sampleKey(scored) })
        else found.unanswered++
        return found
      }
    ),
    ({ all, unanswered }) => {
      const row = (metric: string, value: number): ResultRow => ({
        method: "audit",
        part: "train",
        shots: "full",
        metric,
        value,
        n: all.length,
        seed
      })
      const asked = all.length + unanswered
      const silent = asked === 0 ? [] : [{ ...row("unanswered", unanswered / asked), n: asked }]
      const averages = all.length === 0
        ? []
        : rankings.map((name) =>
          row(`average ${name}`, all.reduce((sum, scored) => sum + scored[name], 0) / all.length)
        )
      if (Option.isNone(wrong)) return [...averages, ...silent]
      const ids = wrong.value
      const [bad, good] = [all.filter(({ key }) => ids.has(key)), all.filter(({ key }) => !ids.has(key))]
      if (bad.length === 0 || good.length === 0) return [...averages, ...silent]
      return rankings.flatMap((name) => {
        const first = all.toSorted((a, b) => a[name] - b[name]).slice(0, bad.length)
        return [
          row(`AUROC ${name}`, auroc(bad.map((scored) => -scored[name]), good.map((scored) => -scored[name]))),
          row(`precision ${name}`, first.filter(({ key }) => ids.has(key)).length / bad.length)
        ]
      }).concat(averages, silent)
    }
  )
