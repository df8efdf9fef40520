/**
 * The loop that every training stage shares: batches, learning rates, metrics, progress and model selection.
 */
import { Effect, Stream } from "effect"
import * as NotFinite from "../../policy/NotFinite.ts"
import { Policy, type PolicyError, type Snapshot, type UpdateOptions, type UpdateStats } from "../../policy/Policy.ts"
import * as Progress from "../Progress.ts"
import { Run } from "../Run.ts"
import type { RunError } from "../RunError.ts"
import * as Settings from "./Settings.ts"
import { Diverged, type StageError } from "./StageError.ts"

/** What one step tells: figures for metrics.jsonl and the tokens it generated and trained. */
export interface StepReport {
  readonly figures: Readonly<Record<string, number>>
  readonly tokens: number
}

/**
 * Of an update with a format loss: what it comes to (nats per token), and the share of its texts that left their
 * format.
 */
export const formatFigures = ({ format }: UpdateStats): Readonly<Record<string, number>> =>
  format === undefined ? {} : { format: format.loss, left: format.left }

/** Of rollouts that another policy drew: how many were left out, and what had to be made good (`CorrectionStats`). */
export const correctionFigures = ({ correction }: UpdateStats): Readonly<Record<string, number>> =>
  correction === undefined ? {} : {
    dropped: correction.dropped,
    importance: correction.importance,
    "importance truncated": correction.truncated,
    "importance gap": correction.gap
  }

/** Tokens that an update learned from. */
export const trainedTokens = ({ format, tokens }: UpdateStats): number => tokens + (format?.tokens ?? 0)

/** How good the weights are on the validation split. */
export interface Score {
  readonly name: string
  readonly direction: "lower" | "higher"
  readonly value: number
}

export interface Plan<B, E, R, E2, R2, E3 = never, R3 = never> {
  /** Names the stage and keys its draws: "reinforce". */
  readonly stage: string
  readonly settings: Settings.TrainOptions
  /** One batch per step, without end. */
  readonly batches: Stream.Stream<B, E, R>
  readonly step: (
    batch: B,
    at: { readonly step: number; readonly key: string; readonly update: UpdateOptions }
  ) => Effect.Effect<StepReport, E2, R2>
  /** Says what a step's figures should make the user think about, if anything. */
  readonly watch?: (step: number, figures: StepReport["figures"]) => string | undefined
  /** Asked where `settings.select` is given; without it nothing is selected. */
  readonly score?: Effect.Effect<Score, E3, R3>
}

/** The figures that the progress line has room for. */
const shown = ["reward", "kl", "loss"]

/** The best weights so far. */
interface Selected {
  readonly step: number
  readonly value: number
  readonly snapshot: Snapshot
}

/** Trains for `settings.steps` steps; afterwards the policy holds the last or the selected weights. */
export const train = <B, E, R, E2, R2, E3 = never, R3 = never>(
  plan: Plan<B, E, R, E2, R2, E3, R3>
): Effect.Effect<void, E | E2 | E3 | StageError | PolicyError | RunError, R | R2 | R3 | Policy | Run> =>
  Effect.gen(function*() {
    const run = yield* Run
    const policy = yield* Policy
    const { clipNorm, select, steps, weightDecay } = Settings.filled(plan.settings)
    const rate = Settings.schedule(plan.settings)
    const stage = run.named(plan.stage)

    const diverged = (step: number, reason: string) => new Diverged({ stage, step, reason })
    /** A policy's word that its weights are ruined, as the stage's. */
    const ruined = (step: number) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.mapError(effect, (error) => {
        const reason = NotFinite.reasonOf(error)
        return reason === undefined ? error : diverged(step, reason)
      })

    let selected: Selected | undefined
    /** Looks since the best one. */
    let looks = 0
    const consider = Effect.fnUntraced(function*(step: number) {
      if (plan.score === undefined) return
      const { direction, name, value } = yield* plan.score.pipe(ruined(step))
      yield* run.metric({ stage: plan.stage, step, of: steps, [`validation ${name}`]: value })
      const better = selected === undefined || (direction === "lower" ? value < selected.value : value > selected.value)
      looks = better ? 0 : looks + 1
      const tie = select?.ties === "last" && selected?.value === value
      if (better || tie) selected = { step, value, snapshot: yield* policy.snapshot }
    })
    /** Nothing better has come for long. What is no better than the start may only not have begun to learn. */
    const exhausted = () => selected !== undefined && selected.step > 0 && looks >= (select?.patience ?? Infinity)

    yield* policy.beginStage
    yield* Progress.report(Progress.Event.Started({ stage, total: steps, unit: "steps" }))
    if (select !== undefined) yield* consider(0)
    let last = 0
    yield* plan.batches.pipe(
      Stream.take(steps),
      Stream.zipWithIndex,
      Stream.runForEachWhile(([batch, index]) =>
        Effect.gen(function*() {
          const step = index + 1
          last = step
          const learningRate = rate(index)
          const report = yield* plan.step(batch, {
            step,
            key: `${plan.stage}/step=${step}`,
            update: { learningRate, weightDecay, clipNorm }
          }).pipe(ruined(step))
          const { gradNorm = 0, loss = 0 } = report.figures
          if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
            return yield* diverged(step, `loss ${loss}, gradient norm ${gradNorm}`)
          }
          yield* run.metric({ stage: plan.stage, step, of: steps, ...report.figures, learningRate })
          const figures = Object.fromEntries(Object.entries(report.figures).filter(([name]) => shown.includes(name)))
          yield* Progress.report(Progress.Event.Step({ stage, step, tokens: report.tokens, figures }))
          const text = plan.watch?.(step, report.figures)
          if (text !== undefined) {
            yield* run.metric({ stage: plan.stage, step, of: steps, warning: text })
            yield* Progress.report(Progress.Event.Warned({ stage, text }))
          }
          if (select !== undefined && (step % select.every === 0 || step === steps)) yield* consider(step)
          return !exhausted()
        })
      )
    )
    if (selected !== undefined) {
      yield* policy.revert(selected.snapshot)
      yield* run.metric({ stage: plan.stage, step: last, of: steps, "selected step": selected.step })
    }
    yield* policy.endStage
    const early = last < steps ? `ended at step ${last} of ${steps}: validation got no better; ` : ""
    const note = selected === undefined
      ? ""
      : `${early}kept step ${selected.step} (validation ${selected.value.toFixed(3)})`
    yield* Progress.report(Progress.Event.Finished({ stage, note }))
  })
