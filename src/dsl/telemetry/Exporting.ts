/**
 * Whether what happens is exported, and what is told of it where it is.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import type { Event } from "../progress/Event.ts"

/** The loggers that export, and no others; undefined where nothing is exported. */
export const Exporting = Context.Reference<ReadonlySet<Logger.Logger<unknown, unknown>> | undefined>("rise/Exporting", {
  defaultValue: () => undefined
})

const exporting = (effect: (loggers: ReadonlySet<Logger.Logger<unknown, unknown>>) => Effect.Effect<void>) =>
  Effect.flatMap(Exporting, (loggers) => loggers === undefined ? Effect.void : effect(loggers))

/** A log record that is exported and shown nowhere: a view has shown it. */
const log = (text: string, stage: string | undefined, write: (text: string) => Effect.Effect<void>) =>
  exporting((loggers) =>
    Effect.annotateLogs(write(text), stage === undefined ? {} : { "rise.stage": stage }).pipe(
      Effect.provideService(Logger.CurrentLoggers, loggers)
    )
  )

const tokens = Metric.counter("rise.tokens", { description: "Tokens generated or trained on", incremental: true })
const steps = Metric.gauge("rise.step", { description: "Steps, or samples of a pass, that a stage has done" })

/** Exports what a view is told: tokens and steps as metrics, what is said as log records. */
export const told = (event: Event): Effect.Effect<void> => {
  switch (event._tag) {
    case "Step":
      return exporting(() => {
        const attributes = { "rise.stage": event.stage }
        return Effect.andThen(
          Metric.update(Metric.withAttributes(steps, attributes), event.step),
          event.tokens > 0 ? Metric.update(Metric.withAttributes(tokens, attributes), event.tokens) : Effect.void
        )
      })
    case "Began":
    case "Ended":
      return log(event.text, undefined, Effect.logInfo)
    case "Started":
      return log(`begins: ${event.total > 0 ? `${event.total} ` : ""}${event.unit}`, event.stage, Effect.logInfo)
    case "Finished":
      return log(`done${event.note === "" ? "" : `: ${event.note}`}`, event.stage, Effect.logInfo)
    case "Warned":
      return log(event.text, event.stage, Effect.logWarning)
    case "Planned":
      return Effect.void
  }
}

/** OpenTelemetry's names hold letters, digits and `_`, `.`, `-`, `/`. */
const nameOf = (figure: string): string => `rise.${figure.replace(/[^A-Za-z0-9_.\-/]+/g, "_")}`

/** Exports the figures of a line of `metrics.jsonl`: gauges by stage, and attributes of the span under way. */
export const figures = (
  stage: string,
  { of: _, stage: __, step: ___, ...figures }: Readonly<Record<string, unknown>>
): Effect.Effect<void> =>
  exporting(() =>
    Effect.forEach(
      Object.entries(figures),
      ([name, value]) => {
        const id = nameOf(name)
        if (typeof value !== "number") return Effect.annotateCurrentSpan(id, value)
        const gauge = Metric.withAttributes(Metric.gauge(id), { "rise.stage": stage })
        return Effect.andThen(Metric.update(gauge, value), Effect.annotateCurrentSpan(id, value))
      },
      { discard: true }
    )
  )

/** The span of a stage. */
export const stageSpan = (stage: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(Effect.withSpan(stage, { attributes: { "rise.stage": stage } }, { captureStackTrace: false }))

/** The span of one step of a stage, or of one batch of a pass. */
export const stepSpan = (stage: string, step: number) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(
    Effect.withSpan(`${stage} step`, { attributes: { "rise.stage": stage, "rise.step": step } }, {
      captureStackTrace: false
    })
  )
