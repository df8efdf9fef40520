/**
 * What a whole run costs, and a preset cut to a time.
 */
import { Result } from "effect"
import { filled, type TrainOptions } from "../dsl/stages/Settings.ts"
import { cost, drawn, type Pace, type Sizes } from "./cost.ts"
import { type Preset } from "./Presets.ts"

/** Methods that a run trains, in the order it trains them. */
export const methodNames = ["SFT", "Visual-RFT", "RISE"] as const
/** One of them. */
export type Method = typeof methodNames[number]

/** Which stages a method trains itself: the warm-up is shared. */
const stagesOf: Record<Method, ReadonlyArray<"reinforce" | "explain" | "sft" | "rft">> = {
  SFT: ["sft"],
  "Visual-RFT": ["rft"],
  RISE: ["reinforce", "explain", "sft", "rft"]
}

/** A stage of a run, and what it takes. */
export interface Line {
  /** As progress names it: "RISE/sft". */
  readonly stage: string
  /** Optimiser steps; none in a pass over data. */
  readonly steps?: number
  /** Samples that a pass reads. */
  readonly samples?: number
  readonly seconds: number
}

/** All stages of a run in order, with what each is expected to take. */
export const lines = (
  preset: Preset,
  methods: ReadonlyArray<Method>,
  sizes: Sizes,
  pace: Pace
): ReadonlyArray<Line> => {
  const seconds = cost(preset, sizes, pace)
  const { test, train } = drawn(preset, sizes)
  const evaluate = (method: string): Line => ({
    stage: `${method}/evaluate`,
    samples: test,
    seconds: seconds.evaluate
  })
  const line = (method: string, stage: "reinforce" | "explain" | "sft" | "rft"): Line => ({
    stage: `${method}/${stage}`,
    seconds: seconds[stage],
    ...(stage === "explain" ? { samples: train } : { steps: filled(preset[stage]).steps })
  })
  return [
    evaluate("base"),
    ...(preset.warmUp === undefined
      ? []
      : [{ stage: "warm-up", steps: filled(preset.warmUp).steps, seconds: seconds.warmUp }, evaluate("warmed")]),
    ...methods.flatMap((method) => [...stagesOf[method].map((stage) => line(method, stage)), evaluate(method)])
  ]
}

/** Seconds of all stages. */
export const total = (found: ReadonlyArray<Line>): number => found.reduce((sum, { seconds }) => sum + seconds, 0)

/** Fewest steps of a stage that is worth running. */
const fewest = 10

/** A stage with a share of its steps, and its looks at validation as often as before. */
const shorter = <S extends TrainOptions>(stage: S, share: number): S => {
  const { steps: before } = filled(stage)
  const steps = Math.min(before, Math.max(fewest, Math.round(before * share)))
  const { select } = stage
  return {
    ...stage,
    steps,
    ...(select !== undefined && { select: { ...select, every: Math.max(1, Math.ceil(select.every * steps / before)) } })
  }
}

/** Below this share of the steps, data goes too: fewer steps could not read it. */
const dataFrom = 0.25

/** A preset with a share of its steps and, where that is little, of its data. */
export const scaled = (preset: Preset, share: number, sizes: Sizes): Preset => {
  if (share >= 1) return preset
  const { limit, reinforce, rft, sft, warmUp, ...rest } = preset
  const kept = (size: number, least: number) => Math.min(size, Math.max(least, Math.round(size * share / dataFrom)))
  const train = Math.min(sizes.train, limit?.train ?? Infinity)
  const test = Math.min(sizes.test, limit?.test ?? Infinity)
  const fewer = share < dataFrom ? { train: kept(train, 32), test: kept(test, 32) } : limit
  return {
    ...rest,
    ...(fewer !== undefined && { limit: fewer }),
    ...(warmUp !== undefined && { warmUp: shorter(warmUp, share) }),
    reinforce: shorter(reinforce, share),
    sft: shorter(sft, share),
    rft: shorter(rft, share)
  }
}

/** Of a budget, what is planned with. Texts end sooner than those that were timed, which is margin already. */
const margin = 0.9

/** A preset that fits a time, and what was left of it. */
export interface Budgeted {
  readonly preset: Preset
  /** Share of the steps that is left, at most 1. */
  readonly share: number
}

/** Baselines in the order in which a budget does without them. */
const dispensable: ReadonlyArray<Method> = ["Visual-RFT", "SFT"]

/** The methods, then without the first baseline, then without both. */
export const fewer = (methods: ReadonlyArray<Method>): ReadonlyArray<ReadonlyArray<Method>> => {
  const present = dispensable.filter((method) => methods.includes(method))
  return [0, ...present.map((_, i) => i + 1)]
    .map((without) => methods.filter((method) => !present.slice(0, without).includes(method)))
    .filter((left) => left.length > 0)
}

/**
 * The preset cut to a time: the largest share of its steps that fits. Fails with the seconds that it takes at the
 * least.
 */
export const within = (
  seconds: number,
  preset: Preset,
  methods: ReadonlyArray<Method>,
  sizes: Sizes,
  pace: Pace
): Result.Result<Budgeted, number> => {
  const takes = (share: number) => total(lines(scaled(preset, share, sizes), methods, sizes, pace)) / margin
  if (takes(1) <= seconds) return Result.succeed({ preset, share: 1 })
  if (takes(0) > seconds) return Result.fail(takes(0))
  let [fits, exceeds] = [0, 1]
  while (exceeds - fits > 0.005) {
    const middle = (fits + exceeds) / 2
    if (takes(middle) <= seconds) fits = middle
    else exceeds = middle
  }
  return Result.succeed({ preset: scaled(preset, fits, sizes), share: fits })
}
