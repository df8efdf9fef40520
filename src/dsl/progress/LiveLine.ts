/**
 * A stage under way as the one line of a terminal that is redrawn, in the width there is.
 */
import { shownInLine } from "../../kernels/runtime/Shown.ts"
import { bar } from "./Chart.ts"
import { fit, joined, type Part } from "./Fit.ts"
import type { Paint } from "./Paint.ts"
import { reckon, shareOf, type Stage } from "./Stage.ts"
import type * as Whole from "./Whole.ts"
import { squeezed } from "./Width.ts"
import { count, duration, figure } from "./words.ts"

/** Cells of a bar, and of a sparkline. */
const bars = { least: 6, most: 24 } as const
const sparks = 6

/** Those that people look at first. */
const first = ["reward", "kl", "loss"]

const importance = (name: string): number => {
  const at = first.indexOf(name)
  return at < 0 ? first.length : at
}

const place = (at: Whole.Place | undefined): string => at === undefined || at.of === 1 ? "" : `[${at.at}/${at.of}] `

/** "[3/12] RISE/sft" in at most two fifths of the width. */
export const nameOf = (name: string, at: Whole.Place | undefined, width: number): string => {
  const number = place(at)
  return `${number}${squeezed(shownInLine(name), Math.max(8, Math.floor(width * 0.4) - number.length))}`
}

/** The line: name, bar, count, figures with where they went, pace, time left for stage and run. */
export const liveLine = (
  stage: Stage,
  now: number,
  at: Whole.Place | undefined,
  width: number,
  paint: Paint
): string => {
  const { left, tokensPerSecond, wholeLeft } = reckon(stage, now, at)
  const steps = `${stage.step}/${stage.total}`
  const unit = shownInLine(stage.unit)
  const barAt = 1
  const parts: ReadonlyArray<Part> = [
    { rank: 0, forms: [nameOf(stage.name, at, width), squeezed(shownInLine(stage.name), width)] },
    { rank: 2, forms: stage.total > 0 ? [bar(shareOf(stage), bars.least)] : [] },
    {
      rank: 1,
      modest: 1,
      forms: stage.total > 0
        ? [`${steps} ${unit}`, steps]
        : stage.step > 0
        ? [`${stage.step} ${unit}`, String(stage.step)]
        : []
    },
    ...Object.entries(stage.figures).map(([name, value], i): Part => {
      const words = `${shownInLine(name)} ${figure(value)}`
      const spark = stage.histories.get(name)?.spark(sparks) ?? ""
      const rank = 4 + importance(name) + i / 100
      if (spark.length < 2) return { rank, forms: [words] }
      // The first one has its value; where it went is all that others need.
      return {
        rank,
        modest: importance(name) === 0 ? 0 : 1,
        forms: [`${words} ${spark}`, `${shownInLine(name)} ${spark}`, words]
      }
    }),
    { rank: 6.5, forms: tokensPerSecond === undefined ? [] : [`${count(tokensPerSecond)} tok/s`] },
    {
      rank: 3,
      modest: 1,
      forms: left === undefined
        ? []
        : wholeLeft === undefined
        ? [`${duration(left)} left`, duration(left)]
        : [
          `${duration(left)} left, run ${duration(wholeLeft)}`,
          `${duration(left)}/${duration(wholeLeft)} left`,
          duration(left)
        ]
    }
  ]
  const { chosen, free } = fit(parts, width)
  return joined(chosen.map((form, i) =>
    form === undefined || i !== barAt
      ? form
      : paint("cyan", bar(shareOf(stage), Math.min(bars.most, bars.least + free)))
  ))
}
