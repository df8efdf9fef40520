/**
 * What a whole run costs, and a preset cut to a time.
 */
import { Result } from "effect"
import { filled, shorter, type TrainOptions } from "../dsl/stages/Settings.ts"
import { defaultSamples } from "../evaluation/imageSwap/ImageSwap.ts"
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
  const swap = (method: string): Line => ({
    stage: `${method}/image-swap`,
    samples: Math.min(test, defaultSamples),
    seconds: seconds.imageSwap
  })
  return [
    evaluate("base"),
    ...(preset.warmUp === undefined
      ? []
      : [{ stage: "warm-up", steps: filled(preset.warmUp).steps, seconds: seconds.warmUp }, evaluate("warmed")]),
    ...methods.flatMap((method) => [...stagesOf[method].map((stage) => line(method, stage)), evaluate(method)]),
    // A bare answer has no reasoning.
    ...["base", ...(preset.warmUp === undefined ? [] : ["warmed"]), ...methods.filter((name) => name !== "SFT")].map(
      swap
    )
  ]
}

/** Seconds of all stages. */
export const total = (found: ReadonlyArray<Line>): number => found.reduce((sum, { seconds }) => sum + seconds, 0)

/** So many steps teach what is new, however few the pictures (`fit`). */
const enough = 250

/** What is left of a run, as shares in [0, 1]. */
export interface Left {
  /** Of the steps that teach the answers and their form: the warm-up and SFT, or RFT where there is no SFT. */
  readonly taught: number
  /** Of the steps of the closed loop and of RFT behind SFT, which make better what was taught. */
  readonly reinforced: number
  /** Of the pictures, training and test. */
  readonly pictures: number
}

/** Nothing is cut. */
export const everything: Left = { taught: 1, reinforced: 1, pictures: 1 }

/**
 * Least share of the steps that teach: below it names that a model has no word for are not learned. Of 180 discs 0.98
 * with 0.6 of them, 0.54 with half and a third, a guess, with 0.4 (docs/settings.md); some more, as that is one draw.
 */
export const leastTaught = 0.65

/** Fewest pictures of a half that a budget leaves. */
const leastPictures = { train: 200, test: 100 } as const

/** Whether the last GRPO stage is all that a method learns by. */
const onlyReinforces = (methods: ReadonlyArray<Method>) => methods.every((method) => method === "Visual-RFT")

/** A preset of which only a part is left, for methods that learn by it. */
export const scaled = (preset: Preset, left: Left, methods: ReadonlyArray<Method>, sizes: Sizes): Preset => {
  const { limit, reinforce, rft, sft, warmUp, ...rest } = preset
  const kept = (half: "test" | "train") => {
    const all = Math.min(sizes[half], limit?.[half] ?? Infinity)
    return Math.min(all, Math.max(leastPictures[half], Math.round(all * left.pictures)))
  }
  const fewer = left.pictures < 1 ? { train: kept("train"), test: kept("test") } : limit
  // Fewer pictures take fewer steps, down to those that any take.
  const teaching = <S extends TrainOptions>(stage: S): S =>
    shorter(stage, left.taught * Math.max(left.pictures, Math.min(1, enough / Math.max(1, filled(stage).steps))))
  return {
    ...rest,
    ...(fewer !== undefined && { limit: fewer }),
    ...(warmUp !== undefined && { warmUp: teaching(warmUp) }),
    reinforce: shorter(reinforce, left.reinforced),
    sft: teaching(sft),
    rft: onlyReinforces(methods) ? teaching(rft) : shorter(rft, left.reinforced)
  }
}

/** Of a budget, what is planned with. Texts end sooner than those that were timed, which is margin already. */
const margin = 0.9

/** A preset that fits a time, and what was left of it. */
export interface Budgeted {
  readonly preset: Preset
  readonly left: Left
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

/** What goes first: what makes better, then what teaches, to its least, then pictures. Each is a part of 1. */
const parts = 3

/** What is left at a place on the way from the least, 0, to everything, `parts`. */
const leftAt = (place: number): Left => {
  const part = (first: number) => Math.min(1, Math.max(0, place - first))
  return { pictures: part(0), taught: leastTaught + (1 - leastTaught) * part(1), reinforced: part(2) }
}

/**
 * The preset cut to a time, as little as that takes. Fails with the seconds that it takes at the least to learn
 * anything.
 */
export const within = (
  seconds: number,
  preset: Preset,
  methods: ReadonlyArray<Method>,
  sizes: Sizes,
  pace: Pace
): Result.Result<Budgeted, number> => {
  const of = (left: Left): Preset => left === everything ? preset : scaled(preset, left, methods, sizes)
  const takes = (left: Left) => total(lines(of(left), methods, sizes, pace)) / margin
  if (takes(everything) <= seconds) return Result.succeed({ preset, left: everything })
  const least = takes(leftAt(0))
  if (least > seconds) return Result.fail(least)
  let [fits, exceeds] = [0, parts]
  while (exceeds - fits > 0.005) {
    const middle = (fits + exceeds) / 2
    if (takes(leftAt(middle)) <= seconds) fits = middle
    else exceeds = middle
  }
  return Result.succeed({ preset: of(leftAt(fits)), left: leftAt(fits) })
}
