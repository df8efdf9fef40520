/**
 * `metrics.jsonl` as curves: as many points as can be seen, however long the run was.
 */
import { Effect, Option, Schema, Stream } from "effect"
import { RunFileError } from "../../dsl/RunError.ts"
import { lines } from "../artefacts.ts"
import type * as Chart from "./Chart.ts"

/** Figures of one stage of one method, by step. */
export interface Curve {
  readonly stage: string
  readonly figures: ReadonlyMap<string, Chart.Series["points"]>
  /** The last value of each figure. */
  readonly last: ReadonlyMap<string, number>
  readonly selected: Option.Option<number>
}

/** Points of a figure that are held. Beyond them, two neighbours become their mean. */
const most = 4096

/** Figures of all stages: a run has a few dozen. */
const mostFigures = 10_000

type Point = readonly [number, number]

const halved = (points: ReadonlyArray<Point>): Array<Point> =>
  points.flatMap(([x, y], i) => {
    const next = points[i + 1]
    return i % 2 === 1 ? [] : [next === undefined ? [x, y] as const : [(x + next[0]) / 2, (y + next[1]) / 2] as const]
  })

/** One figure as it comes: each held point is the mean of `each` rows. */
class Figure {
  points: Array<Point> = []
  last = 0
  private each = 1
  private waiting: Array<Point> = []

  add(step: number, value: number): void {
    this.last = value
    this.waiting.push([step, value])
    if (this.waiting.length < this.each) return
    const mean = (at: 0 | 1) => this.waiting.reduce((sum, point) => sum + point[at], 0) / this.waiting.length
    this.points.push(this.each === 1 ? [step, value] : [mean(0), mean(1)])
    this.waiting = []
    if (this.points.length < most) return
    this.points = halved(this.points)
    this.each *= 2
  }
}

const Row = Schema.Record(Schema.String, Schema.Json)

/** Reads the curves. What is no number is no figure. */
export const read = Effect.fnUntraced(function*(file: string) {
  const stages = new Map<string, Map<string, Figure>>()
  let count = 0
  yield* Stream.runForEach(lines(file, Row), (row) => {
    const name = row["method"] === undefined
      ? String(row["stage"])
      : `${String(row["method"])} / ${String(row["stage"])}`
    const step = Number(row["step"])
    const figures = stages.get(name) ?? new Map<string, Figure>()
    stages.set(name, figures)
    for (const [key, value] of Object.entries(row)) {
      if (typeof value !== "number" || !Number.isFinite(step) || key === "step" || key === "of") continue
      const figure = figures.get(key) ?? new Figure()
      if (!figures.has(key)) count++
      figures.set(key, figure)
      figure.add(step, value)
    }
    return count + stages.size > mostFigures
      ? Effect.fail(
        new RunFileError({ path: file, reason: `holds more than ${mostFigures} figures: no run has so many` })
      )
      : Effect.void
  })
  return [...stages].map(([stage, figures]): Curve => {
    const last = new Map([...figures].map(([name, figure]) => [name, figure.last]))
    return {
      stage,
      figures: new Map([...figures].map(([name, figure]) => [name, figure.points])),
      last,
      selected: Option.fromUndefinedOr(last.get("selected step"))
    }
  })
})
