/**
 * Progress for people: one line per stage.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { shown, shownInLine } from "../../kernels/runtime/Shown.ts"
import { Event, type Out, type View } from "./Event.ts"
import * as Whole from "./Whole.ts"

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

const shareOf = ({ step, total }: Pick<State, "step" | "total">): number => total > 0 ? Math.min(1, step / total) : 0

/** "[3/12] RISE/sft"; of a run of one stage the stage alone. */
const named = (stage: string, place: Whole.Place | undefined): string =>
  place === undefined || place.of === 1 ? stage.padEnd(22) : `[${place.at}/${place.of}] ${stage}`.padEnd(30)

const line = (
  stage: string,
  state: State,
  figures: Readonly<Record<string, number>>,
  now: number,
  place: Whole.Place | undefined
): string => {
  const seconds = (now - state.started) / 1000
  const done = state.step - state.before
  const eta = state.total > 0 && done > 0 ? seconds / done * (state.total - state.step) : undefined
  const whole = place?.left === undefined || place.of === 1
    ? ""
    : `, whole run ${duration(Math.max(place.left, eta ?? 0))}`
  return [
    named(stage, place),
    state.total > 0
      ? `${String(state.step).padStart(String(state.total).length)}/${state.total} ${state.unit}`
      : `${state.step} ${state.unit}`,
    ...Object.entries(figures).map(([name, value]) => `${name} ${figure(value)}`),
    ...(state.tokens > 0 ? [`${count(state.tokens / Math.max(seconds, 1e-3))} tok/s`] : []),
    ...(eta === undefined ? [] : [`ETA ${duration(eta)}${whole}`])
  ].join("  ")
}

/**
 * One line per stage, redrawn on a terminal and repeated every ten seconds elsewhere: the stage's number among those of
 * the run, its steps, the time left for it and for the whole run.
 */
export const terminal = (out: Out): View => {
  const states = new Map<string, State>()
  const whole = Whole.make()
  const live = out.isTTY === true
  const draw = (raw: string, done: boolean) => {
    const text = shownInLine(raw)
    if (!live) return out.write(`${text}\n`)
    const width = (out.columns ?? 100) - 1
    return out.write(`\r\u001b[2K${text.length > width ? `${text.slice(0, width - 1)}…` : text}${done ? "\n" : ""}`)
  }
  const handlers = Event.$match
  return {
    report: (event) =>
      Effect.map(Clock.currentTimeMillis, (now) =>
        handlers(event, {
          Planned: ({ stages }) => whole.planned(stages, now),
          Started: ({ done = 0, stage, total, unit }) => {
            whole.started(stage, shareOf({ step: done, total }))
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
            draw(line(stage, state, figures, now, whole.place(stage, shareOf(state), now)), false)
          },
          Finished: ({ stage, note }) => {
            const state = states.get(stage)
            states.delete(stage)
            const place = whole.place(stage, 1, now)
            whole.finished(stage)
            if (state === undefined || now - state.started < quietMillis) return
            draw(`${named(stage, place)}  done in ${duration((now - state.started) / 1000)}  ${note}`.trimEnd(), true)
          },
          // Whole, whatever the width: the next step stands at its end.
          Warned: ({ stage, text }) =>
            void out.write(`${live ? "\r\u001b[2K" : ""}warning: ${shownInLine(stage)}: ${shown(text)}\n`),
          Ended: ({ text }) => void out.write(`${live ? "\r\u001b[2K" : ""}${shown(text)}\n`)
        }))
  }
}
