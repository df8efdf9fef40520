/**
 * `filter`: D_RISE^high, the chains that earned enough; or all of them, weighted by what they earned.
 */
import { Effect, Option, Schema, Stream } from "effect"
import { inPercent } from "../../kernels/text/inPercent.ts"
import type * as Group from "../Group.ts"
import * as Progress from "../Progress.ts"
import { chainsFile, named, Run } from "../Run.ts"
import type { RunError } from "../RunError.ts"
import { ChainsRow, explained } from "./Curate.ts"
import * as Futile from "./Futile.ts"
import * as futileIn from "./futileIn.ts"
import type * as Order from "./Order.ts"
import { advance, type Fault, type Pipeline } from "./Pipeline.ts"
import * as Settings from "./Settings.ts"
import { NothingKept, type StageError } from "./StageError.ts"
import * as Weighing from "./Weighing.ts"

const decodeChains = Schema.decodeUnknownOption(ChainsRow)

const rewardBins = 1000

/** A filter that keeps a smaller share is worth a word: the paper's keeps 0.41 and 0.66. */
const few = 0.1

/** The highest of `rewardBins` thresholds that keeps at least `share` of the rewards. */
const thresholdKeeping = (bins: ReadonlyArray<number>, share: number): number => {
  const needed = bins.reduce((sum, count) => sum + count, 0) * share
  let kept = 0
  for (let bin = bins.length - 1; bin > 0; bin--) {
    kept += bins[bin] ?? 0
    if (kept >= needed) return bin / rewardBins
  }
  return 0
}

const tenths = (bins: ReadonlyArray<number>): ReadonlyArray<number> =>
  Array.from(
    { length: 10 },
    (_, i) => bins.slice(i * rewardBins / 10, (i + 1) * rewardBins / 10 + (i === 9 ? 1 : 0)).reduce((a, b) => a + b, 0)
  )

/** How the chains of a method were judged, by name: those of its file. */
const verdictsOf = (run: Run["Service"], by: string | undefined) =>
  Stream.runFold(
    run.rows(chainsFile(by ?? run.method)),
    (): Record<string, number> => ({}),
    (counts, row) => {
      const chains = Option.match(decodeChains(row), { onNone: () => [], onSome: ({ chains }) => chains })
      for (const { verdict } of chains) counts[verdict] = (counts[verdict] ?? 0) + 1
      return counts
    }
  )

/** Options of `filter`: which chains of D_RISE are kept. */
export interface FilterOptions {
  /** τ in [0, 1]. Default 0.75, the paper's. */
  readonly tau?: number
  /**
   * Share of D_RISE that is kept at the least, in [0, 1]: where fewer reach τ, it sinks to what keeps so many. Chains
   * that earned nothing are never kept for its sake. Default 0: a τ that keeps nothing stops the run.
   */
  readonly least?: number
  /**
   * α of r^α: every chain is a lesson and weighs what it earned to this power, nothing is dropped. Ours, not the
   * paper's: a mediocre chain of a difficult picture may teach more than none. Above 0, at most 100; in the place of
   * `tau` and `least`. A chain that earned nothing weighs nothing, and is counted. Default: none, τ decides.
   */
  readonly soft?: number
  /**
   * The method whose rewards decide what is kept, or weigh. Default: the chains' own. With another method's, two
   * sources of chains teach the same samples.
   */
  readonly by?: string
}

const Kept = Schema.Struct({ tau: Schema.Finite, kept: Schema.Int, of: Schema.Int })

/** The τ that a method's filter has used, which may have sunk; none where it has not filtered. */
export const usedTau = (method: string): Effect.Effect<Option.Option<number>, RunError, Run> =>
  Effect.flatMap(Run, (run) =>
    run.finished(named(method)("filter"))
      ? Effect.map(run.within(method).once("filter", Kept, Effect.never), ({ tau }) => Option.some(tau))
      : Effect.succeed(Option.none()))

/**
 * D_RISE^high = {(I, R*, A) | r ≥ τ}. A τ that keeps nothing stops the run and says which would keep 40%, unless it may
 * sink. With `soft` all of D_RISE, weighted by r^α.
 */
export const filter = (options: FilterOptions = {}) =>
<A, E, R>(
  self: Pipeline<Order.Before<"filter">, A, E, R>
): Pipeline<"Curated", A, E | Fault | StageError, R | Run> => {
  const { by, least, soft, tau: wanted } = Settings.filledStage(options)
  const judged: Stream.Stream<readonly [Group.Explained<A>, number], E | Fault, R | Run> = by === undefined
    ? Stream.map(self.items, (row) => [row, row.reward] as const)
    : Stream.zipWith(self.items, explained(self, by), (row, { reward }) => [row, reward] as const)
  const check = Effect.gen(function*() {
    const run = yield* Run
    const keptAt = (tau: number) =>
      Effect.map(Stream.runCount(Stream.filter(judged, ([, reward]) => reward >= tau)), (kept) => ({ tau, kept }))
    const { bins, reached } = yield* Stream.runFold(
      judged,
      () => ({ reached: 0, bins: Array.from({ length: rewardBins + 1 }, () => 0) }),
      (sum, [, reward]) => {
        const bin = Math.floor(reward * rewardBins)
        sum.bins[bin] = (sum.bins[bin] ?? 0) + 1
        return { bins: sum.bins, reached: sum.reached + (reward >= wanted ? 1 : 0) }
      }
    )
    const of = bins.reduce((sum, count) => sum + count, 0)
    // The lowest bin holds what earned nothing.
    const sunk = Math.max(1 / rewardBins, thresholdKeeping(bins, least))
    const { kept, tau } = reached >= of * least || sunk >= wanted ? { kept: reached, tau: wanted } : yield* keptAt(sunk)
    if (kept === 0) {
      return yield* new NothingKept({
        stage: run.named("filter"),
        tau: wanted,
        histogram: tenths(bins),
        wouldKeep40: thresholdKeeping(bins, 0.4),
        verdicts: yield* verdictsOf(run, by)
      })
    }
    yield* run.metric({ stage: "filter", step: of, of, tau, kept, share: kept / of })
    // A τ that may sink a little does so in silence; far below what was asked for, chains are of another kind.
    if (tau < wanted && (reached < few * of || tau < wanted / 2)) {
      const text = `tau has sunk from ${wanted} to ${tau}: ${of - reached} of ${of} chains have not reached it, and ` +
        `${kept} are learned from all the same. Train RISE-CoT longer or warm up first (warmUp)`
      yield* run.metric({ stage: "filter", step: of, of, warning: text })
      yield* Progress.report(Progress.Event.Warned({ stage: run.named("filter"), text }))
    }
    if (kept < few * of) {
      const text =
        `tau ${tau} keeps ${kept} of ${of} chains (${
          inPercent(kept / of, 1)
        }%): supervised training will learn from few, ` +
        `and the easiest of them. Train RISE-CoT longer or warm up first (warmUp); tau ${
          thresholdKeeping(bins, 0.4).toFixed(3)
        } would keep 40%`
      yield* run.metric({ stage: "filter", step: of, of, warning: text })
      yield* Progress.report(Progress.Event.Warned({ stage: run.named("filter"), text }))
    }
    return { tau, kept, of }
  })
  const weigh = (soft: number) =>
    Effect.gen(function*() {
      const counted = yield* Weighing.count(Stream.map(judged, ([, reward]) => reward), soft)
      if (counted.kept > 0) return counted
      const run = yield* Run
      return yield* new NothingKept({
        stage: run.named("filter"),
        tau: 0,
        soft,
        histogram: tenths([counted.of]),
        wouldKeep40: 0,
        verdicts: yield* verdictsOf(run, by)
      })
    })
  const filtered = Effect.flatMap(
    Run,
    (run) => run.once("filter", Kept, soft === undefined ? check : weigh(soft))
  )
  return advance(self, {
    stage: "Curated",
    described: ["filter", options],
    sound: Effect.andThen(
      Settings.check("filter", Settings.filtering, options, ["by"]),
      Futile.check("filter", futileIn.filtering, options)
    ),
    ready: Effect.andThen(self.ready, Effect.asVoid(filtered)),
    items: Stream.unwrap(
      Effect.map(filtered, ({ tau }) =>
        judged.pipe(
          Stream.filter(([, reward]) => reward >= tau),
          Stream.map(([row, reward]) => soft === undefined ? row : { ...row, weight: Weighing.weight(reward, soft) })
        ))
    )
  })
}
