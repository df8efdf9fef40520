/**
 * What a view knows of a stage under way.
 */
import { type History, history } from "./Chart.ts"
import type { Event } from "./Event.ts"
import type * as Whole from "./Whole.ts"

/** A stage that has begun. */
export interface Stage {
  readonly name: string
  /** Steps in all; 0 where nobody knows. */
  readonly total: number
  readonly unit: string
  readonly started: number
  /** Steps that an earlier run had done: they took none of this run's time. */
  readonly before: number
  step: number
  tokens: number
  /** As they were told last. */
  figures: Readonly<Record<string, number>>
  readonly histories: Map<string, History>
  /** When it was shown last; undefined until then. */
  last: number | undefined
}

/** A stage begins. */
export const begin = (
  { done = 0, stage, total, unit }: Extract<Event, { readonly _tag: "Started" }>,
  now: number
): Stage => ({
  name: stage,
  total,
  unit,
  started: now,
  before: done,
  step: done,
  tokens: 0,
  figures: {},
  histories: new Map(),
  last: undefined
})

/** A stage goes on. */
export const advance = (stage: Stage, { figures, step, tokens }: Extract<Event, { readonly _tag: "Step" }>): void => {
  stage.step = step
  stage.tokens += tokens
  // What is told again, because nothing else is, has none.
  if (Object.keys(figures).length > 0) stage.figures = figures
  for (const [name, value] of Object.entries(figures)) {
    const kept = stage.histories.get(name) ?? history()
    stage.histories.set(name, kept)
    kept.add(value)
  }
}

/** How much of it is done, in [0, 1]. */
export const shareOf = ({ step, total }: Pick<Stage, "step" | "total">): number =>
  total > 0 ? Math.min(1, step / total) : 0

/** What is counted of a stage. */
export interface Reckoning {
  readonly tokensPerSecond: number | undefined
  /** Seconds until the stage ends; undefined until something is done. */
  readonly left: number | undefined
  /** Seconds until the run ends; undefined where it has no other stages. */
  readonly wholeLeft: number | undefined
}

/** Its pace, and the time to go. */
export const reckon = (stage: Stage, now: number, place: Whole.Place | undefined): Reckoning => {
  const seconds = (now - stage.started) / 1000
  const done = stage.step - stage.before
  const left = stage.total > 0 && done > 0 ? seconds / done * (stage.total - stage.step) : undefined
  return {
    tokensPerSecond: stage.tokens > 0 ? stage.tokens / Math.max(seconds, 1e-3) : undefined,
    left,
    wholeLeft: place?.left === undefined || place.of === 1 ? undefined : Math.max(place.left, left ?? 0)
  }
}
