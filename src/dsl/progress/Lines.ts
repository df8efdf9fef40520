/**
 * Progress as plain lines, where nothing can be redrawn.
 */
import { reckon, type Stage } from "./Stage.ts"
import type * as Whole from "./Whole.ts"
import { count, duration, figure } from "./words.ts"

/** "[3/12] RISE/sft"; of a run of one stage the stage alone. */
export const named = (stage: string, place: Whole.Place | undefined): string =>
  place === undefined || place.of === 1 ? stage.padEnd(22) : `[${place.at}/${place.of}] ${stage}`.padEnd(30)

/** A stage under way. */
export const line = (stage: Stage, now: number, place: Whole.Place | undefined): string => {
  const { left, tokensPerSecond, wholeLeft } = reckon(stage, now, place)
  return [
    named(stage.name, place),
    stage.total > 0
      ? `${String(stage.step).padStart(String(stage.total).length)}/${stage.total} ${stage.unit}`
      : `${stage.step} ${stage.unit}`,
    ...Object.entries(stage.figures).map(([name, value]) => `${name} ${figure(value)}`),
    ...(tokensPerSecond === undefined ? [] : [`${count(tokensPerSecond)} tok/s`]),
    ...(left === undefined ? [] : [
      `ETA ${duration(left)}${wholeLeft === undefined ? "" : `, whole run ${duration(wholeLeft)}`}`
    ])
  ].join("  ")
}

/** A stage that is done. */
export const doneLine = (stage: Stage, note: string, now: number, place: Whole.Place | undefined): string =>
  `${named(stage.name, place)}  done in ${duration((now - stage.started) / 1000)}  ${note}`.trimEnd()
