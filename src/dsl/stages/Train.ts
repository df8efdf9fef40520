/**
 * The loop that every training stage shares: batches, learning rates, metrics, progress and model selection.
 */
import { Effect, Option, Schema, Stream } from "effect"
import { Policy, type PolicyError, type UpdateOptions, type UpdateStats } from "../../policy/Policy.ts"
import * as Progress from "../Progress.ts"
import { Run } from "../Run.ts"
import { type RunError, RunFileError } from "../RunError.ts"
import { stepSpan } from "../telemetry/Exporting.ts"
import * as Trainer from "../Trainer.ts"
import { isByHeart, nextByHeart } from "./ByHeart.ts"
import { nextSteps } from "./Guessing.ts"
import type * as Memory from "./Memory.ts"
import * as Pacing from "./Pacing.ts"
import * as Settings from "./Settings.ts"
import * as Skips from "./Skips.ts"
import type { StageError } from "./StageError.ts"

/** What one step tells: figures for metrics.jsonl and the tokens it generated and trained. */
export interface StepReport {
  readonly figures: Readonly<Record<string, number>>
  readonly tokens: number
}

/** How strongly an update pulled, where its engine tells it. */
export const gradientFigures = ({ gradNorm }: Pick<UpdateStats, "gradNorm">): Readonly<Record<string, number>> =>
  gradNorm === undefined ? {} : { gradNorm }

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
  /** What the user should think about, if anything, without what to do: that depends on the stage. */
  readonly warning?: string
}

export interface Plan<B, E, R, E2, R2, E3 = never, R3 = never> {
  /** Names the stage and keys its draws: "reinforce". */
  readonly stage: string
  readonly settings: Settings.TrainOptions
  /** One batch per step, without end. */
  readonly batches: Stream.Stream<B, E, R>
  /** Image ids of a batch's samples: they name it where its step is skipped. */
  readonly samples: (batch: B) => ReadonlyArray<string>
  readonly step: (
    batch: B,
    at: { readonly step: number; readonly key: string; readonly update: UpdateOptions }
  ) => Effect.Effect<StepReport, E2, R2>
  /** Says what a step's figures should make the user think about, if anything. */
  readonly watch?: (step: number, figures: StepReport["figures"]) => string | undefined
  /** Says what all steps together, so many as there were, should make the user think about, if anything. */
  readonly ended?: (steps: number) => string | undefined
  /** What `step` and `watch` remember from one step to the next. */
  readonly memories?: ReadonlyArray<Memory.Kept>
  /** Whether the loss is that of lessons, per token: then it tells when they are known by heart. */
  readonly lessons?: boolean
  /** Asked where `settings.select` is given; without it nothing is selected. */
  readonly score?: Effect.Effect<Score, E3, R3>
}

/** The figures that the progress line has room for. */
const shown = ["reward", "kl", "loss"]

/** The best weights so far. */
interface Selected extends Skips.Good {
  readonly value: number
}

/** What is kept of a stage on its way, beside the policy and the selected weights. */
const OnItsWay = Schema.Struct({
  /** Looks since the best one. */
  looks: Schema.Int,
  /** How good the selected weights are; null where none are. */
  best: Schema.NullOr(Schema.Finite),
  /** Steps that were skipped. */
  skipped: Skips.Skipped,
  /** Whether what validation warns of was told. */
  warned: Schema.Boolean,
  memories: Schema.Record(Schema.String, Schema.Json)
})

/**
 * Trains for `settings.steps` steps; afterwards the policy holds the last or the selected weights. Goes on where an
 * interrupted run has kept it: what a stage writes before it calls this has to be part of something that is done once.
 */
export const train = <B, E, R, E2, R2, E3 = never, R3 = never>(
  plan: Plan<B, E, R, E2, R2, E3, R3>
): Effect.Effect<void, E | E2 | E3 | StageError | PolicyError | RunError, R | R2 | R3 | Policy | Run> =>
  Effect.gen(function*() {
    const run = yield* Run
    const policy = yield* Policy
    const stage = run.named(plan.stage)
    const settings = yield* Pacing.paced(plan.stage, plan.settings)
    const { clipNorm, select, steps, weightDecay } = Settings.filled(settings)
    const rate = Settings.schedule(settings)
    const { memories = [] } = plan
    const midStage = yield* run.midStage(plan.stage)
    const kept = Option.isNone(midStage.kept) ? undefined : yield* Schema.decodeUnknownEffect(OnItsWay)(
      midStage.kept.value.state
    ).pipe(
      Effect.mapError((cause) =>
        new RunFileError({ path: stage, reason: "what was kept of it is not what this version writes", cause })
      )
    )
    const skips = yield* Skips.make(plan.stage, settings, kept?.skipped)
    let selected: Selected | undefined
    /** Looks since the best one. */
    let looks = 0
    /** Steps that an earlier attempt has done. */
    const done = Option.match(midStage.kept, { onNone: () => 0, onSome: ({ step }) => step })

    let warned = false
    const goOn = Effect.fnUntraced(
      function*({ best, looks: since, memories: states, warned: told }: typeof OnItsWay.Type) {
        for (const memory of memories) yield* memory.resume(states[memory.name])
        yield* Trainer.changes(policy)
        const snapshot = yield* midStage.bringBack
        const at = Option.match(midStage.kept, { onNone: () => null, onSome: ({ selected }) => selected })
        looks = since
        warned = told
        if (Option.isSome(snapshot) && at !== null && best !== null) {
          selected = { step: at, value: best, snapshot: snapshot.value }
        }
      }
    )
    const keep = (step: number) =>
      midStage.passed({
        step,
        policy,
        selected,
        state: () =>
          Schema.encodeSync(OnItsWay)({
            looks,
            best: selected?.value ?? null,
            skipped: skips.state(),
            warned,
            memories: Object.fromEntries(memories.map(({ name, state }) => [name, state()]))
          })
      })
    const warn = Effect.fnUntraced(function*(step: number, text: string) {
      yield* run.metric({ stage: plan.stage, step, of: steps, warning: text })
      yield* Progress.report(Progress.Event.Warned({ stage, text }))
    })
    const consider = Effect.fnUntraced(function*(step: number, loss = Infinity) {
      if (plan.score === undefined) return
      const { direction, name, value, warning } = yield* plan.score.pipe(skips.fatal(step, selected))
      // What has hardly begun to learn is no better than a guess.
      if (warning !== undefined && !warned && 2 * step >= steps && step > 0) {
        warned = true
        const next = plan.lessons === true && isByHeart(loss) ? nextByHeart : yield* nextSteps
        yield* warn(step, `at step ${step} of ${steps} ${warning}: ${next}`)
      }
      yield* run.metric({ stage: plan.stage, step, of: steps, [`validation ${name}`]: value })
      const better = selected === undefined || (direction === "lower" ? value < selected.value : value > selected.value)
      looks = better ? 0 : looks + 1
      const later = select?.ties === "last" || (select?.ties === "start" && selected?.step !== 0)
      const tie = later && selected?.value === value
      if (better || tie) selected = { step, value, snapshot: yield* policy.snapshot }
    })
    /** Nothing better has come for long. What is no better than the start may only not have begun to learn. */
    const exhausted = () => selected !== undefined && selected.step > 0 && looks >= (select?.patience ?? Infinity)

    const tell = Effect.fnUntraced(function*(step: number, learningRate: number, report: StepReport) {
      const { gradNorm = 0, loss = 0 } = report.figures
      // The update is done: an engine that does not fail before it has changed its weights already.
      if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
        return yield* skips.diverged(step, `loss ${loss}, gradient norm ${gradNorm}`, selected)
      }
      yield* run.metric({ stage: plan.stage, step, of: steps, ...report.figures, learningRate })
      const figures = Object.fromEntries(Object.entries(report.figures).filter(([name]) => shown.includes(name)))
      yield* Progress.report(Progress.Event.Step({ stage, step, tokens: report.tokens, figures }))
      const text = plan.watch?.(step, report.figures)
      if (text !== undefined) yield* warn(step, text)
    })

    if (kept !== undefined) yield* goOn(kept)
    else yield* policy.beginStage
    yield* Progress.report(Progress.Event.Started({ stage, total: steps, unit: "steps", ...(done > 0 && { done }) }))
    if (select !== undefined && done === 0) yield* consider(0)
    let last = done
    yield* plan.batches.pipe(
      Stream.take(steps),
      // Batches are samples by reference: no picture of those that were done is read.
      Stream.drop(done),
      Stream.zipWithIndex,
      Stream.runForEachWhile(([batch, past]) =>
        Effect.gen(function*() {
          const index = done + past
          const step = index + 1
          last = step
          yield* Trainer.changes(policy)
          const learningRate = rate(index)
          const outcome = yield* skips.attempt(
            { step, learningRate, samples: plan.samples(batch) },
            plan.step(batch, {
              step,
              key: `${plan.stage}/step=${step}`,
              update: { learningRate, weightDecay, clipNorm }
            }),
            selected
          )
          if (Option.isSome(outcome)) yield* tell(step, learningRate, outcome.value)
          else yield* Progress.report(Progress.Event.Step({ stage, step, tokens: 0, figures: {} }))
          if (select !== undefined && (step % select.every === 0 || step === steps)) {
            yield* consider(step, Option.isSome(outcome) ? outcome.value.figures["loss"] : undefined)
          }
          if (exhausted()) return false
          if (step < steps) yield* keep(step)
          return true
        }).pipe(stepSpan(stage, done + past + 1))
      )
    )
    const text = plan.ended?.(last)
    if (text !== undefined) yield* warn(last, text)
    if (selected !== undefined) {
      yield* policy.revert(selected.snapshot)
      yield* run.metric({ stage: plan.stage, step: last, of: steps, "selected step": selected.step })
    }
    yield* policy.endStage
    const early = last < steps ? `ended at step ${last} of ${steps}: validation got no better; ` : ""
    const note = selected === undefined
      ? skips.note()
      : `${skips.note()}${early}kept step ${selected.step} (validation ${selected.value.toFixed(3)})`
    yield* Progress.report(Progress.Event.Finished({ stage, note }))
  })
