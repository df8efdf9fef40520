/**
 * Progress for programs: one JSON object a line.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { shown } from "../../kernels/runtime/Shown.ts"
import { Event, type Out, type View } from "./Event.ts"
import * as Whole from "./Whole.ts"

/** JSON has no NaN and no number without an end, and would write null: their names, as in `metrics.jsonl`. */
const named = (_: string, value: unknown) =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value

/**
 * One object a line for every event: `{"event":"step","stage":"RISE/sft","at":9,"of":12,"step":5,"total":200,…}`. `at`
 * and `of` number the stage among those of the run; `secondsLeft` is for the whole run, and is left out until it is
 * known.
 */
export const jsonLines = (out: Out): View => {
  const totals = new Map<string, number>()
  const whole = Whole.make()
  const write = (event: string, fields: object) =>
    void out.write(`${shown(JSON.stringify({ event, ...fields }, named))}\n`)
  return {
    report: (event) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const placed = (stage: string, step: number) => {
          const total = totals.get(stage) ?? 0
          const place = whole.place(stage, total > 0 ? Math.min(1, step / total) : 0, now)
          return {
            stage,
            ...(place && { at: place.at, of: place.of }),
            ...(place?.left !== undefined && { secondsLeft: Math.round(place.left) })
          }
        }
        return Event.$match(event, {
          Began: ({ text }) => write("began", { text }),
          Planned: ({ stages }) => {
            whole.planned(stages, now)
            write("planned", { stages: stages.map(({ stage }) => stage) })
          },
          Started: ({ done = 0, stage, total, unit }) => {
            totals.set(stage, total)
            whole.started(stage, total > 0 ? Math.min(1, done / total) : 0)
            write("started", { ...placed(stage, done), total, unit, done })
          },
          Step: ({ stage, step, tokens, figures }) =>
            write("step", { ...placed(stage, step), step, total: totals.get(stage) ?? 0, tokens, figures }),
          Finished: ({ stage, note }) => {
            write("finished", { ...placed(stage, totals.get(stage) ?? 0), note })
            whole.finished(stage)
          },
          Warned: ({ stage, text }) => write("warned", { stage, text }),
          Ended: ({ text }) => write("ended", { text })
        })
      })
  }
}
