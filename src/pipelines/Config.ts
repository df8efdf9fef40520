/**
 * Settings as a file or as flags hold them: parts of a preset, which go over those of the preset itself.
 *
 * @module
 */
import { Predicate, Result, Schema } from "effect"
import { filled, filledStage, length, lengths } from "../dsl/stages/Settings.ts"
import { idleIn, stageRules } from "../dsl/stages/stageRules.ts"
import * as Weighing from "../dsl/stages/Weighing.ts"
import * as Idle from "../kernels/math/Idle.ts"
import * as Rules from "../kernels/math/Rules.ts"
import { show } from "../kernels/text/show.ts"
import type { Preset } from "./Presets.ts"

/** A setting that is not known, or that cannot mean anything. */
export class ConfigError extends Schema.TaggedError<ConfigError>()("ConfigError", {
  /** The file, or "flags". */
  source: Schema.String,
  /** What is wrong with which setting, and what was expected. */
  reason: Schema.String
}) {
  override get message() {
    return `${this.source}: ${this.reason}`
  }
}

/** Parts of a preset; `warmUp: false` leaves the warm-up out, null takes an optional part away. */
export type Overrides = Readonly<Record<string, unknown>>

/** What limits of data may be. */
export const limiting: Rules.Table = { "limit.train": Rules.whole(1), "limit.test": Rules.whole(1) }

/** What stands beside the stages. */
const general: Rules.Table = {
  validation: Rules.share("[0, 1)"),
  trainable: Rules.oneOf("decoder", "all"),
  ...limiting,
  "evaluate.maxTokens": length
}

/** Every setting by its full name: "sft.select.every". */
const table: Rules.Table = {
  ...general,
  ...Object.fromEntries(
    Object.entries(stageRules).flatMap(([stage, rules]) =>
      Object.entries(rules).map(([setting, rule]) => [`${stage}.${setting}`, rule] as const)
    )
  )
}

/** The same without what null takes away and without a warm-up that is left out. */
const present = (value: Overrides): Overrides =>
  Object.fromEntries(
    Object.entries(value).flatMap(([key, part]) =>
      part === null || (key === "warmUp" && part === false)
        ? []
        : [[key, Predicate.isObject(part) ? present(part) : part]]
    )
  )

/** Holds a file's settings to their rules; the error names the setting and what may stand there. */
export const decode = (source: string, value: unknown): Result.Result<Overrides, ConfigError> => {
  const fail = (reason: string) => Result.fail(new ConfigError({ source, reason }))
  if (!Predicate.isObject(value)) return fail("expected an object of settings, such as {\"sft\": {\"steps\": 100}}")
  const given: Overrides = { ...value }
  const settings = present(given)
  const [unknown] = Rules.unknown(table, settings)
  if (unknown !== undefined) {
    const record = unknown.slice(0, unknown.lastIndexOf(".") + 1)
    const of = record === "" ? "a configuration" : record.slice(0, -1)
    return Rules.namesIn(table, `${unknown}.`).length > 0
      ? fail(
        `${unknown} is ${show(Rules.at(given, unknown.split(".")))}, expected an object with ${
          Rules.namesIn(table, `${unknown}.`).join(", ")
        }`
      )
      : fail(`${unknown} is not a setting; ${of} has ${Rules.namesIn(table, record).join(", ")}`)
  }
  const broken = Rules.broken(table, settings)
  return broken === undefined ? Result.succeed(given) : fail(Rules.say(broken))
}

const over = (base: unknown, value: unknown): unknown => {
  if (!Predicate.isObject(value)) return value
  const before: Overrides = Predicate.isObject(base) ? { ...base } : {}
  return Object.fromEntries(
    [...new Set([...Object.keys(before), ...Object.keys(value)])].flatMap((key) => {
      const given = Rules.at(value, [key])
      if (given === null || (key === "warmUp" && given === false)) return []
      return [[key, given === undefined ? before[key] : over(before[key], given)]]
    })
  )
}

/** Weights stand in the place of a threshold: where a file asks for them, the preset's own threshold goes. */
const unthresholded = (preset: Preset, overrides: Overrides): Preset => {
  const soft = Rules.at(overrides, ["filter", "soft"])
  return soft === undefined || soft === null ? preset : { ...preset, filter: Weighing.instead(preset.filter) }
}

/** A preset with the settings that were given over its own. They have passed `decode`. */
export const merged = (preset: Preset, overrides: Overrides): Preset =>
  over(unthresholded(preset, overrides), overrides) as Preset

/** Longest texts where a preset does not say. */
const lengthOf: Readonly<Record<string, number>> = {
  warmUp: lengths.reasoning,
  generate: lengths.reasoning,
  reconstruct: lengths.annotation,
  sft: lengths.thinkAnswer,
  rft: lengths.thinkAnswer
}

/** Every setting of a preset by stage, defaults filled in: what runs. Those that do nothing beside others are not. */
export const whole = (preset: Preset): Overrides => {
  const { name: _, ...given } = preset
  const stages = Object.entries(stageRules).flatMap(([stage, rules]) => {
    const own = Rules.at(given, [stage])
    if (!Predicate.isObject(own)) return []
    const whole: Overrides = { maxTokens: lengthOf[stage], ...filledStage(own), ...filled(own) }
    const names = [...new Set(Object.keys(rules).map((name) => name.split(".")[0] ?? ""))]
      .filter((name) => !Idle.isIdle(idleIn[stage] ?? [], name, whole))
    return [[
      stage,
      Object.fromEntries(names.flatMap((name) => whole[name] === undefined ? [] : [[name, whole[name]]]))
    ]]
  })
  return { ...given, ...Object.fromEntries(stages) }
}
