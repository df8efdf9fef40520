/**
 * Where a stage stands in its run, and how long the whole run still takes: what was counted for the stages ahead, at
 * the pace of those behind.
 */
import type { Ahead } from "./Event.ts"

/** Where a run stands. */
export interface Place {
  /** The stage's number, from 1. */
  readonly at: number
  /** How many stages the run has. */
  readonly of: number
  /** Seconds until the run ends; undefined until something is done. */
  readonly left: number | undefined
}

/** Follows a run: times in milliseconds, shares of a stage in [0, 1]. */
export interface Whole {
  readonly planned: (stages: ReadonlyArray<Ahead>, now: number) => void
  /** `done`: what an earlier run had done of the stage. */
  readonly started: (stage: string, done: number) => void
  readonly finished: (stage: string) => void
  /** Undefined where no plan names the stage. */
  readonly place: (stage: string, done: number, now: number) => Place | undefined
}

/** A run of which nothing is known yet. */
export const make = (): Whole => {
  let stages: ReadonlyArray<Ahead> = []
  let began = 0
  /** Counted seconds of the stages that this process has finished. */
  let behind = 0
  const before = new Map<string, number>()
  const find = (stage: string) => stages.findIndex((ahead) => ahead.stage === stage)
  const countedOf = (index: number) => stages[index]?.counted ?? 0
  return {
    planned: (all, now) => {
      stages = all
      began = now
      behind = 0
      before.clear()
    },
    started: (stage, done) => void before.set(stage, done),
    finished: (stage) => {
      behind += countedOf(find(stage)) * (1 - (before.get(stage) ?? 0))
    },
    place: (stage, done, now) => {
      const index = find(stage)
      if (index < 0) return undefined
      const counted = behind + countedOf(index) * (done - (before.get(stage) ?? 0))
      const ahead = stages.slice(index + 1).reduce((sum, { counted }) => sum + counted, countedOf(index) * (1 - done))
      return {
        at: index + 1,
        of: stages.length,
        left: counted > 0 ? (now - began) / 1000 / counted * ahead : undefined
      }
    }
  }
}
