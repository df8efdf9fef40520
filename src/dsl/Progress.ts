/**
 * Live progress: stages report what they do, a view shows it. Replace the view with `Effect.provideService(Progress,
 * …)`.
 *
 * @module
 */
import { Clock, Context, Data, Effect } from "effect"

/** What a stage tells about itself. */
export type Event = Data.TaggedEnum<{
  /** `done` were done by an earlier run. */
  readonly Started: { readonly stage: string; readonly total: number; readonly unit: string; readonly done?: number }
  /** One optimiser step, or one batch of a pass. `tokens` were generated or trained since the last event. */
  readonly Step: {
    readonly stage: string
    readonly step: number
    readonly tokens: number
    readonly figures: Readonly<Record<string, number>>
  }
  readonly Finished: { readonly stage: string; readonly note: string }
  /** Something that the user should know while it can still be changed: why, and the next step. */
  readonly Warned: { readonly stage: string; readonly text: string }
}>
/** Makes events, and matches them (`Event.$match`). */
export const Event = Data.taggedEnum<Event>()

/** Shows what stages report. */
export interface View {
  /** Called for every event, in order. */
  readonly report: (event: Event) => Effect.Effect<void>
}

/** Where lines go: standard error by default, so that standard output stays the result. */
export interface Out {
  /** Whether lines can be redrawn. */
  readonly isTTY?: boolean
  /** Width of the terminal, in characters. Default 100. */
  readonly columns?: number
  /** Writes a text, its line ends included. */
  readonly write: (text: string) => unknown
}

/** Nothing is shown for stages that take less. */
const quietMillis = 2000

/** Time between two lines where there is no terminal to redraw; redraws of a terminal line are five a second. */
const plainMillis = 10_000
const redrawMillis = 200

/** "1h02m", "3m07s", "12s". */
export const duration = (seconds: number): string => {
  const s = Math.max(0, Math.round(seconds))
  const two = (n: number) => String(n).padStart(2, "0")
  if (s >= 3600) return `${Math.floor(s / 3600)}h${two(Math.floor(s % 3600 / 60))}m`
  return s >= 60 ? `${Math.floor(s / 60)}m${two(s % 60)}s` : `${s}s`
}

const count = (n: number): string =>
  n >= 10_000 ? `${(n / 1000).toFixed(0)}k` : n >= 1000 ? `${(n / 1000).toFixed(1)}k` : n.toFixed(0)

const figure = (value: number): string =>
  value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : value.toFixed(3)

interface State {
  readonly total: number
  readonly unit: string
  readonly started: number
  /** Steps that an earlier run had done: they took none of this run's time. */
  readonly before: number
  step: number
  tokens: number
  shown: boolean
  last: number
}

const line = (stage: string, state: State, figures: Readonly<Record<string, number>>, now: number): string => {
  const seconds = (now - state.started) / 1000
  const done = state.step - state.before
  const eta = state.total > 0 && done > 0 ? seconds / done * (state.total - state.step) : undefined
  return [
    stage.padEnd(22),
    state.total > 0
      ? `${String(state.step).padStart(String(state.total).length)}/${state.total} ${state.unit}`
      : `${state.step} ${state.unit}`,
    ...Object.entries(figures).map(([name, value]) => `${name} ${figure(value)}`),
    ...(state.tokens > 0 ? [`${count(state.tokens / Math.max(seconds, 1e-3))} tok/s`] : []),
    ...(eta === undefined ? [] : [`ETA ${duration(eta)}`])
  ].join("  ")
}

/** One line per stage, redrawn on a terminal and repeated every ten seconds elsewhere. */
export const terminal = (out: Out): View => {
  const states = new Map<string, State>()
  const live = out.isTTY === true
  const draw = (text: string, done: boolean) => {
    if (!live) return out.write(`${text}\n`)
    const width = (out.columns ?? 100) - 1
    return out.write(`\r\u001b[2K${text.length > width ? `${text.slice(0, width - 1)}…` : text}${done ? "\n" : ""}`)
  }
  const handlers = Event.$match
  return {
    report: (event) =>
      Effect.map(Clock.currentTimeMillis, (now) =>
        handlers(event, {
          Started: ({ done = 0, stage, total, unit }) => {
            states.set(stage, {
              total,
              unit,
              started: now,
              before: done,
              step: done,
              tokens: 0,
              shown: false,
              last: now
            })
          },
          Step: ({ stage, step, tokens, figures }) => {
            const state = states.get(stage)
            if (state === undefined) return
            state.step = step
            state.tokens += tokens
            if (now - state.started < quietMillis) return
            if (state.shown && now - state.last < (live ? redrawMillis : plainMillis)) return
            state.shown = true
            state.last = now
            draw(line(stage, state, figures, now), false)
          },
          Finished: ({ stage, note }) => {
            const state = states.get(stage)
            states.delete(stage)
            if (state === undefined || now - state.started < quietMillis) return
            draw(`${stage.padEnd(22)}  done in ${duration((now - state.started) / 1000)}  ${note}`.trimEnd(), true)
          },
          // Whole, whatever the width: the next step stands at its end.
          Warned: ({ stage, text }) => void out.write(`${live ? "\r\u001b[2K" : ""}warning: ${stage}: ${text}\n`)
        }))
  }
}

/** Shows nothing. */
export const silent: View = { report: () => Effect.void }

/** The view that stages report to. */
export const Progress = Context.Reference<View>("rise/Progress", { defaultValue: () => terminal(process.stderr) })

/** Reports to the current view. */
export const report = (event: Event): Effect.Effect<void> => Effect.flatMap(Progress, (view) => view.report(event))
