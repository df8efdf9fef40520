/**
 * Settings of stages that do nothing beside others, refused before any work. Which they are does not depend on who
 * draws or learns: what an engine cannot do is said elsewhere (`Able`).
 */
import { Effect } from "effect"
import * as Idle from "../../kernels/math/Idle.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import { show } from "../../kernels/text/show.ts"
import type { Task } from "../Task.ts"
import type { Described } from "./described.ts"
import * as Settings from "./Settings.ts"
import type { BadSetting } from "./StageError.ts"

const { is, isNot } = Idle

/** Of a GRPO stage. */
export const reinforcing: ReadonlyArray<Idle.Idle> = [
  {
    setting: "clip",
    beside: "loss",
    where: is("sapo"),
    why: "which has no bounds: leave clip out (gate says how soon a ratio counts less), or take another loss"
  },
  {
    setting: "gate",
    beside: "loss",
    where: isNot("sapo"),
    why: "which has bounds instead of a gate: leave gate out (clip has the bounds), or take the loss \"sapo\""
  },
  {
    setting: "lossLength",
    beside: "loss",
    where: isNot("dr_grpo"),
    why: "which divides by no constant length: leave lossLength out, or take the loss \"dr_grpo\""
  },
  {
    setting: "klEstimator",
    beside: "kl",
    where: is(0),
    why: "where nothing is estimated: leave klEstimator out, or set kl above 0"
  }
]

/** Of `sft`. */
export const supervising: ReadonlyArray<Idle.Idle> = [
  {
    setting: "practice.temperature",
    beside: "practice.of",
    where: is("lessons"),
    why: "where nothing is drawn: leave temperature out, or practise on texts of the policy's own"
  }
]

/** Of `filter`. */
export const filtering: ReadonlyArray<Idle.Idle> = ["tau", "least"].map((setting) => ({
  setting,
  beside: "soft",
  where: isNot(undefined, null),
  why: "which drops no lesson: leave one of them out"
}))

/** Of `validate`. */
export const validating: ReadonlyArray<Idle.Idle> = [
  {
    setting: "repetition",
    beside: "format",
    where: is(false),
    why: "of which it is a part: leave one of them out"
  }
]

/** Fails on the first option of a stage that does nothing beside the others. */
export const check = (
  stage: string,
  rows: ReadonlyArray<Idle.Idle>,
  options: object,
  settings: object = options
): Effect.Effect<void, BadSetting> =>
  Effect.suspend(() => {
    const idle = Idle.first(rows, options, settings)
    return idle === undefined
      ? Effect.void
      : Settings.refuse(stage, { ...idle, expected: `${idle.expected} (null in a settings file takes it away)` })
  })

/** Fails where several candidates would be one and the same: all of the loop is greedy. */
export const checkCandidates = (
  { candidates, reconstructed, temperature }: {
    readonly candidates: number
    readonly temperature: number
    readonly reconstructed: number
  }
): Effect.Effect<void, BadSetting> =>
  candidates === 1 || temperature !== 0 || reconstructed !== 0 ? Effect.void : Settings.refuse("generate", {
    setting: "candidates",
    value: show(candidates),
    expected: "1 where generate and reconstruct are greedy (temperature 0): all candidates would be the same"
  })

/** Fails where texts are to be held to a grammar that the task has not. */
export const checkMask = <A>(
  stage: string,
  task: Pick<Task<A>, "grammar" | "name">,
  grammar: string | undefined
): Effect.Effect<void, BadSetting> =>
  Effect.suspend(() =>
    grammar !== "mask" || task.grammar !== undefined ? Effect.void : Settings.refuse(stage, {
      setting: "grammar",
      value: "\"mask\"",
      expected: `"off" for task "${task.name}", which has no grammar: leave it out, or give the task one (its grammar)`
    })
  )

/**
 * Tells that a setting which holds a format has none to hold. No error: presets, and settings that fit a model, have
 * such parts for every task.
 */
export const tellFormless = <A>(
  stage: string,
  task: Pick<Task<A>, "grammar" | "name">,
  setting: string
): Effect.Effect<void> =>
  task.grammar !== undefined
    ? Effect.void
    : warn(
      `${stage}: ${setting} holds no format: task "${task.name}" has no grammar. Give it one, or leave ${setting} out`
    )

/** Fails where weights are to be chosen by a validation split, and none is held out. */
export const checkSelect = (
  stage: string,
  described: ReadonlyArray<Described>,
  { select }: Pick<Settings.TrainOptions, "select">
): Effect.Effect<void, BadSetting> =>
  Effect.suspend(() => {
    const held = described.some(([step, options]) =>
      step === "make" && "validation" in options && options.validation !== undefined && options.validation !== 0
    )
    return held || select === undefined || select === null ? Effect.void : withoutSplit(stage)
  })

/** Refuses `select` where the split holds nothing. */
export const withoutSplit = (stage: string): Effect.Effect<never, BadSetting> =>
  Settings.refuse(stage, {
    setting: "select",
    value: "given without a validation split",
    expected:
      "Rise.make(task, data, { validation: 0.1 }), with enough data that the share is not empty; or select: null, " +
      "which keeps the last weights"
  })
