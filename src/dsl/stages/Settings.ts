/**
 * What training steps can be told, with the paper's values as defaults.
 */
import * as Schedule from "../../kernels/train/Schedule.ts"

/** Settings of any training stage. */
export interface Optimising {
  /** Optimiser steps. Default 200. */
  readonly steps?: number
  /** Peak learning rate of AdamW. Default 2e-5. */
  readonly learningRate?: number
  /** Steps of linear warm-up. Default 0. */
  readonly warmup?: number
  /** How the rate falls after warm-up. Default "cosine". */
  readonly decay?: "cosine" | "linear" | "constant"
  /** Default 0.1; norms and biases are spared. */
  readonly weightDecay?: number
  /** Global gradient norm above which gradients are scaled down. Default 1. */
  readonly clipNorm?: number
  /**
   * Keeps the snapshot that does best on the validation split (`make(task, data, { validation })`), looked at every so many
   * steps, before the first and after the last. Without it the last weights are kept. `samples`: at most so many of the split
   * are looked at, from its start; default all of them.
   */
  readonly select?: { readonly every: number; readonly samples?: number }
}

/** Settings of a GRPO stage. */
export interface Reinforcing extends Optimising {
  /** Groups per optimiser step. Default 2: batch 1, accumulation 2. */
  readonly promptsPerStep?: number
  /** How token losses are averaged. Default "grpo". */
  readonly loss?: "grpo" | "dr_grpo" | "dapo"
  /** ε of the clipped ratio, below and above 1. Default 0.2 and 0.2. */
  readonly clip?: { readonly low: number; readonly high: number }
  /** β of the KL penalty to the weights that the stage started from. Default 0. */
  readonly kl?: number
  /** μ, updates from the same rollouts. Default 1. */
  readonly innerUpdates?: number
  /** The constant length of dr_grpo, in tokens. Default 256. */
  readonly lossLength?: number
  /** Consecutive steps without a live group after which the stage gives up. Default 10. */
  readonly deadSteps?: number
}

export const defaults = {
  steps: 200,
  learningRate: 2e-5,
  warmup: 0,
  decay: "cosine",
  weightDecay: 0.1,
  clipNorm: 1,
  promptsPerStep: 2,
  loss: "grpo",
  clip: { low: 0.2, high: 0.2 },
  kl: 0,
  innerUpdates: 1,
  lossLength: 256,
  deadSteps: 10
} as const satisfies Required<Omit<Reinforcing, "select">>

/** The learning rate of each step, counted from 0. */
export const schedule = (options: Optimising): Schedule.Schedule => {
  const { decay, learningRate: peak, steps: total, warmup } = { ...defaults, ...options }
  return decay === "constant" ? Schedule.constant({ peak, warmup }) : Schedule[decay]({ peak, warmup, total })
}
