/**
 * Settings as a file or as flags hold them: parts of a preset, which go over those of the preset itself.
 *
 * @module
 */
import { Predicate, Result, Schema } from "effect"
import * as Plain from "../dsl/Plain.ts"
import { futileIn } from "../dsl/stages/futileIn.ts"
import { filled, filledStage, length, lengths } from "../dsl/stages/Settings.ts"
import { stageRules } from "../dsl/stages/stageRules.ts"
import * as Futile from "../kernels/math/Futile.ts"
import * as Rules from "../kernels/math/Rules.ts"
import { didYouMean, suggestion } from "../kernels/text/near.ts"
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

/** Parts that a preset may be without: null takes them away. */
const spared = ["trainable", "limit", "warmUp", "validate"]

/** What a file has no words for: examples. */
const unwritten = ["sft.replay.share"]

/** Every setting by its full name: "sft.select.every". */
const table: Rules.Table = {
  ...general,
  ...Object.fromEntries(
    Object.entries(stageRules).flatMap(([stage, rules]) =>
      Object.entries(rules).flatMap(([setting, rule]) =>
        unwritten.includes(`${stage}.${setting}`) ? [] : [[`${stage}.${setting}`, rule] as const]
      )
    )
  )
}

/** The same of a file, which leaves out what was chosen for it: see `complete`. */
const optional: Rules.Table = Object.fromEntries(
  Object.entries(table).map(([setting, rule]) => [setting, { ...rule, required: false }])
)

/** The same without what null takes away and without a warm-up that is left out. */
const present = (value: Overrides): Overrides =>
  Object.fromEntries(
    Object.entries(value).flatMap(([key, part]) =>
      part === null || (key === "warmUp" && part === false)
        ? []
        : [[key, Predicate.isObject(part) ? present(part) : part]]
    )
  )

/** The same with the number for the word that JSON has in its place, where a limit may be switched off. */
const limitless = (value: Overrides, record = ""): Overrides =>
  Object.fromEntries(
    Object.entries(value).map(([key, part]) => {
      const setting = `${record}${key}`
      if (Predicate.isObject(part) && !Array.isArray(part)) return [key, limitless({ ...part }, `${setting}.`)]
      const rule = Object.hasOwn(table, setting) ? table[setting] : undefined
      return [key, part === Plain.none && rule?.holds(Infinity) === true && !rule.holds(part) ? Infinity : part]
    })
  )

/** What a name that there is none of may stand for: another of its record, or the same in other records. */
const meant = (unknown: string, record: string): string => {
  const name = unknown.slice(record.length)
  const here = didYouMean(name, Rules.namesIn(table, record))
  if (here !== "") return here
  const others = Object.keys(table).filter((setting) => setting.endsWith(`.${name}`))
  return suggestion(others)
}

/** What may stand in the place of a record. */
const partsOf = (record: string): string => `an object with ${Rules.namesIn(table, `${record}.`).join(", ")}`

/**
 * Where a record of settings is an object of another kind, such as a Promise, a Map or an instance of a class: none of
 * its settings would be seen. "" is the whole.
 */
const foreign = (value: unknown, at = ""): { readonly at: string; readonly value: object } | undefined => {
  if (!Predicate.isObject(value)) return undefined
  const names = Rules.namesIn(table, at === "" ? "" : `${at}.`)
  if (names.length === 0) return undefined
  if (!Plain.isPlain(value)) return { at, value }
  for (const [name, part] of Object.entries(value)) {
    const found = foreign(part, at === "" ? name : `${at}.${name}`)
    if (found !== undefined) return found
  }
  return undefined
}

/** Holds a file's settings to their rules; the error names the setting and what may stand there. */
export const decode = (source: string, value: unknown): Result.Result<Overrides, ConfigError> => {
  const fail = (reason: string) => Result.fail(new ConfigError({ source, reason }))
  if (!Predicate.isObject(value)) return fail("expected an object of settings, such as {\"sft\": {\"steps\": 100}}")
  const kind = foreign(value)
  if (kind !== undefined) {
    const expected = kind.at === ""
      ? "a plain object of settings, such as {\"sft\": {\"steps\": 100}}"
      : partsOf(kind.at)
    const awaited = kind.value instanceof Promise ? "; write `export default await …`" : ""
    const what = kind.at === "" ? "what it exports" : kind.at
    return fail(`${what} is of the class ${kind.value.constructor.name}, expected ${expected}${awaited}`)
  }
  // A preset in a script has a name, which sets nothing.
  const { name, ...parts } = { ...value } as Overrides
  const given = limitless(name === undefined || typeof name === "string" ? parts : { ...value })
  const settings = present(given)
  const [unknown] = Rules.unknown(table, settings)
  if (unknown !== undefined) {
    const record = unknown.slice(0, unknown.lastIndexOf(".") + 1)
    const of = record === "" ? "a configuration" : record.slice(0, -1)
    return Rules.namesIn(table, `${unknown}.`).length > 0
      ? fail(`${unknown} is ${show(Rules.at(given, unknown.split(".")))}, expected ${partsOf(unknown)}`)
      : fail(
        `${unknown} is not a setting; ${of} has ${Rules.namesIn(table, record).join(", ")}${meant(unknown, record)}`
      )
  }
  const names = Rules.namesIn(table, "")
  const taken = names.find((part) => Rules.at(given, [part]) === null && !spared.includes(part))
  if (taken !== undefined) {
    const expected = table[taken]?.expected ?? partsOf(taken)
    return fail(`${taken} is null, and no preset is without it: expected ${expected}, or leave it out`)
  }
  const broken = Rules.broken(optional, settings)
  return broken === undefined ? Result.succeed(given) : fail(Rules.say(broken))
}

/**
 * A preset that settings were merged into, if each of its records has the parts that it cannot do without: a file that
 * gives one part alone has the others from what was chosen, where that has the record.
 */
export const complete = (source: string, preset: Preset): Result.Result<Preset, ConfigError> => {
  const missing = Object.entries(table).filter(([setting, rule]) => {
    const path = setting.split(".")
    return rule.required === true && Rules.at(preset, path) === undefined &&
      Rules.at(preset, path.slice(0, -1)) !== undefined
  })
  const [first] = missing
  if (first === undefined) return Result.succeed(preset)
  const record = first[0].slice(0, first[0].lastIndexOf("."))
  const parts = missing.flatMap(([setting, { expected }]) =>
    setting.startsWith(`${record}.`) ? [`${setting.slice(record.length + 1)} (${expected})`] : []
  )
  const reason =
    `${record} is ${show(Rules.at(preset, record.split(".")))}, and nothing was chosen that has the rest ` +
    `of it: it also needs ${parts.join(", ")}`
  return Result.fail(new ConfigError({ source, reason }))
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

/**
 * What of a preset does nothing beside its other settings, by its full name: "reinforce.klEstimator". Stages refuse it.
 */
export const futile = (preset: Preset): ReadonlyArray<string> =>
  Object.entries(futileIn).flatMap(([stage, rows]) => {
    const own = Rules.at(preset, [stage])
    if (!Predicate.isObject(own)) return []
    return Futile.all(rows, own, { ...filledStage(own), ...filled(own) }).map((setting) => `${stage}.${setting}`)
  })

/**
 * A preset with the settings that were given over its own. They have passed `decode`. What of the preset's does nothing
 * for their sake goes: a threshold beside weights in its place.
 */
export const merged = (preset: Preset, overrides: Overrides): Preset => {
  const all = over(preset, overrides) as Preset
  const [given, before] = [present(overrides), futile(preset)]
  return futile(all)
    .filter((setting) => Rules.at(given, setting.split(".")) === undefined && !before.includes(setting))
    .reduce(Rules.without, all)
}

/** Longest texts where a preset does not say. */
const lengthOf: Readonly<Record<string, number>> = {
  warmUp: lengths.reasoning,
  generate: lengths.reasoning,
  reconstruct: lengths.annotation,
  sft: lengths.thinkAnswer,
  rft: lengths.thinkAnswer
}

/** Settings whose default belongs to the loss, or that do nothing beside others: printed only where they are given. */
const dependent = ["clip", "gate", "scaleRewards", "lossLength", "klEstimator"]

/** What a file has no words for (examples), and what a warm-up has not. */
const unprinted: Readonly<Record<string, ReadonlyArray<string>>> = { sft: ["replay"], warmUp: ["select"] }

/** A record with null for each of its names that is absent. */
const absent = (names: ReadonlyArray<string>, record: Overrides): Overrides => ({
  ...Object.fromEntries(names.map((name) => [name, null])),
  ...record
})

/** What a stage was given, and the defaults of what it was not. */
const printed = (stage: string, rules: Rules.Table, own: Overrides): Overrides => {
  const all: Overrides = { maxTokens: lengthOf[stage], ...filledStage(own), ...filled(own) }
  const names = Rules.namesIn(rules, "").filter((name) =>
    !(unprinted[stage] ?? []).includes(name) && (!dependent.includes(name) || own[name] !== undefined)
  )
  const futile = Futile.all(futileIn[stage] ?? [], all)
  return Object.fromEntries(names.map((name) => {
    // A threshold beside weights in its place.
    if (futile.includes(name) && own[name] === undefined) return [name, null]
    // One side of a pair alone: the default of the other belongs to the loss.
    if (dependent.includes(name)) return [name, own[name]]
    const value = (name === "augment" ? own[name] : all[name]) ?? null
    return [name, Predicate.isObject(value) ? absent(Rules.namesIn(rules, `${name}.`), value) : value]
  }))
}

/**
 * Every setting of a preset by stage, defaults filled in: what runs, whatever preset it is read over. null stands for
 * what is absent. Settings whose default depends on another stand there only where they were given: who edits the other
 * wants its own default.
 */
export const whole = (preset: Preset): Overrides => {
  const { name: _, limit, warmUp, ...given } = preset
  const stages = Object.fromEntries(
    Object.entries(stageRules).flatMap(([stage, rules]) => {
      const own = Rules.at(preset, [stage])
      return Predicate.isObject(own) ? [[stage, printed(stage, rules, { ...own })]] : []
    })
  )
  return {
    ...absent(["validation", "trainable"], given),
    limit: limit === undefined ? null : absent(Rules.namesIn(limiting, "limit."), limit),
    ...absent(["validate"], stages),
    warmUp: warmUp === undefined ? false : stages["warmUp"]
  }
}
