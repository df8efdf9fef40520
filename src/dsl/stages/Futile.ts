/**
 * Settings of stages that do nothing beside others, refused before any work. Which they are does not depend on who
 * draws or learns: what an engine cannot do is said elsewhere (`Able`).
 */
import { Effect } from "effect"
import * as Futile from "../../kernels/math/Futile.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import { show } from "../../kernels/text/show.ts"
import type { Task } from "../Task.ts"
import type { Described } from "./described.ts"
import * as Settings from "./Settings.ts"
import { type FormatSetting, isShipped } from "./Shipped.ts"
import type { BadSetting } from "./StageError.ts"

/** Fails on the first option of a stage that does nothing beside the others. */
export const check = (
  stage: string,
  rows: ReadonlyArray<Futile.Futile>,
  options: object,
  settings: object = options
): Effect.Effect<void, BadSetting> =>
  Effect.suspend(() => {
    const futile = Futile.first(rows, options, settings)
    return futile === undefined
      ? Effect.void
      : Settings.refuse(stage, { ...futile, expected: `${futile.expected} (null in a settings file takes it away)` })
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
 * Tells that a setting which holds a format has none to hold. No error: a script may use one setting for many tasks.
 * Nothing of a preset's own, which nobody set for this task.
 *
 * @param named the stage with its method before it
 */
export const tellFormless = <A>(
  { named, stage }: { readonly named: string; readonly stage: string },
  task: Pick<Task<A>, "grammar" | "name">,
  setting: FormatSetting,
  options: object
): Effect.Effect<void> =>
  task.grammar !== undefined || isShipped(stage, setting, { ...options })
    ? Effect.void
    : warn(
      `${named}: ${setting} holds no format: task "${task.name}" has no grammar. Give it one, or leave ${setting} out`
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
    return held || select === undefined || select === null ? Effect.void : Settings.refuse(stage, {
      setting: "select",
      value: show(select),
      expected: "nothing beside validation 0, where no weights can be compared: set validation above 0 (in a script " +
        "Rise.make(task, data, { validation: 0.1 })), or leave select out (null in a settings file takes it away)"
    })
  })

/** Refuses `select` where the share that is held out comes to no sample. */
export const withoutSplit = (stage: string): Effect.Effect<never, BadSetting> =>
  Settings.refuse(stage, {
    setting: "select",
    value: "given, and the validation split is empty",
    expected:
      "more data or a larger validation, so that its share comes to a sample; or no select (null in a settings " +
      "file takes it away), which keeps the last weights"
  })
