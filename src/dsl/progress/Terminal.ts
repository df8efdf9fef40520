/**
 * Progress for people: one line per stage.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { shown, shownInLine } from "../../kernels/runtime/Shown.ts"
import { Event, type Out, type View } from "./Event.ts"
import { doneLine, line } from "./Lines.ts"
import { liveLine, nameOf } from "./LiveLine.ts"
import * as Paint from "./Paint.ts"
import { wrapped } from "./Prose.ts"
import * as Screen from "./Screen.ts"
import * as Stage from "./Stage.ts"
import * as Whole from "./Whole.ts"
import { cells, cut } from "./Width.ts"
import { duration } from "./words.ts"

/** Nothing is left of stages that take less. */
const quietMillis = 2000

/** Time between two lines where there is no terminal to redraw; redraws of a terminal line are five a second. */
const plainMillis = 10_000
const redrawMillis = 200

/** How lines reach an output, and how often. */
interface Writing {
  /** From when on a stage is shown. */
  readonly after: number
  readonly every: number
  readonly draw: (stage: Stage.Stage, now: number, place: Whole.Place | undefined) => void
  readonly done: (stage: Stage.Stage, note: string, now: number, place: Whole.Place | undefined) => void
  /** Leaves nothing of a stage that was shown. */
  readonly forget: () => void
  /** Whole, in as many lines as it takes: the next step stands at its end. */
  readonly say: (text: string) => void
  readonly warn: (stage: string, text: string) => void
}

const plain = (out: Out): Writing => {
  const say = (text: string) => void out.write(`${shown(text)}\n`)
  return {
    after: quietMillis,
    every: plainMillis,
    draw: (stage, now, place) => say(shownInLine(line(stage, now, place))),
    done: (stage, note, now, place) => say(shownInLine(doneLine(stage, note, now, place))),
    forget: () => {},
    say,
    warn: (stage, text) => say(`warning: ${shownInLine(stage)}: ${text}`)
  }
}

const live = (out: Out): Writing => {
  const screen = Screen.make(out)
  const paint = Paint.of(out)
  return {
    after: 0,
    every: redrawMillis,
    draw: (stage, now, place) => {
      screen.draw(liveLine(stage, now, place, screen.width(), paint), false)
    },
    done: (stage, note, now, place) => {
      const took = duration((now - stage.started) / 1000)
      const name = nameOf(stage.name, place, screen.width())
      const rest = cut(`  done in ${took}  ${shownInLine(note)}`.trimEnd(), Math.max(0, screen.width() - cells(name)))
      screen.draw(`${paint("green", name)}${rest}`, true)
    },
    forget: screen.erase,
    say: (text) => screen.above(wrapped(shown(text), out.columns)),
    warn: (stage, text) => {
      const lines = wrapped(`warning: ${shownInLine(stage)}: ${shown(text)}`, out.columns)
      screen.above(Paint.warning(paint, lines))
    }
  }
}

/**
 * One line per stage: the stage's number among those of the run, its steps, the time left for it and for the whole run.
 * On a terminal it is redrawn, with a bar and where its figures went; elsewhere, and where TERM is "dumb", it is
 * repeated every ten seconds.
 */
export const terminal = (out: Out): View => {
  const states = new Map<string, Stage.Stage>()
  const whole = Whole.make()
  const { after, done, draw, every, forget, say, warn } = (out.isTTY === true && process.env["TERM"] !== "dumb"
    ? live
    : plain)(out)
  const show = (state: Stage.Stage, now: number) => {
    if (now - state.started < after || (state.last !== undefined && now - state.last < every)) return
    state.last = now
    draw(state, now, whole.place(state.name, Stage.shareOf(state), now))
  }
  return {
    report: (event) =>
      Effect.map(Clock.currentTimeMillis, (now) =>
        Event.$match(event, {
          Began: ({ text }) => say(text),
          Planned: ({ stages }) => whole.planned(stages, now),
          Started: (event) => {
            const state = Stage.begin(event, now)
            whole.started(state.name, Stage.shareOf(state))
            states.set(state.name, state)
            if (after === 0) show(state, now)
          },
          Step: (event) => {
            const state = states.get(event.stage)
            if (state === undefined) return
            Stage.advance(state, event)
            show(state, now)
          },
          Finished: ({ stage, note }) => {
            const state = states.get(stage)
            states.delete(stage)
            const place = whole.place(stage, 1, now)
            whole.finished(stage)
            if (state === undefined) return
            if (now - state.started < quietMillis) forget()
            else done(state, note, now, place)
          },
          Warned: ({ stage, text }) => warn(stage, text),
          Ended: ({ text }) => say(text)
        }))
  }
}
