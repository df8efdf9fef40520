/**
 * How settings are chosen by flags: a file, a time, single settings.
 */
import { Option, Result } from "effect"
import { Flag } from "effect/cli"
import { Config, ConfigError, type Presets } from "../../pipelines/index.ts"
import * as Values from "../values.ts"

/** Where it is left out: what `--print-config` prints. */
const chosen = "default: as chosen"

/** A flag of one setting. */
const whole = (name: string, least: number, what: string) =>
  Values.whole(name, { least, most: 1e9 }).pipe(Flag.withDescription(`${what}; ${chosen}`), Flag.optional)
const rate = (name: string, what: string) =>
  Values.above0(name, "RATE").pipe(Flag.withDescription(`${what}; ${chosen}`), Flag.optional)

/** Flags of single settings, by the setting that each is. */
const single = {
  stepsWarmUp: whole("steps-warm-up", 0, "Steps of the warm-up, 0 keeps the base as it is"),
  stepsReinforce: whole("steps-reinforce", 0, "Steps of GRPO on the closed loop"),
  stepsSft: whole("steps-sft", 0, "Steps of supervised fine-tuning"),
  stepsRft: whole("steps-rft", 0, "Steps of the last GRPO stage"),
  lrWarmUp: rate("lr-warm-up", "Peak learning rate of the warm-up"),
  lrReinforce: rate("lr-reinforce", "Peak learning rate of GRPO on the closed loop"),
  lrSft: rate("lr-sft", "Peak learning rate of supervised fine-tuning"),
  lrRft: rate("lr-rft", "Peak learning rate of the last GRPO stage"),
  candidates: whole("candidates", 1, "Reasonings per picture"),
  groupSize: whole("group-size", 2, "Answers per picture and step of the last GRPO stage, G"),
  maxTokens: whole("max-tokens", 1, "Longest think-answer, in tokens")
}

const settingOf: Readonly<Record<keyof typeof single, ReadonlyArray<readonly [stage: string, setting: string]>>> = {
  stepsWarmUp: [["warmUp", "steps"]],
  stepsReinforce: [["reinforce", "steps"]],
  stepsSft: [["sft", "steps"]],
  stepsRft: [["rft", "steps"]],
  lrWarmUp: [["warmUp", "learningRate"]],
  lrReinforce: [["reinforce", "learningRate"]],
  lrSft: [["sft", "learningRate"]],
  lrRft: [["rft", "learningRate"]],
  candidates: [["generate", "candidates"]],
  groupSize: [["rft", "groupSize"]],
  maxTokens: [["warmUp", "maxTokens"], ["sft", "maxTokens"], ["rft", "maxTokens"], ["evaluate", "maxTokens"]]
}

/** The flags. */
export const flags = {
  config: Values.text("config", "FILE", "a file of settings").pipe(
    Flag.withDescription(
      "A file of settings (.json, or .ts with a default export) that go over the preset's; default: none"
    ),
    Flag.optional
  ),
  printConfig: Flag.Boolean("print-config").pipe(
    Flag.withDescription("Print every setting that would run, defaults filled in, and end"),
    Flag.withDefault(false)
  ),
  budget: Values.time("budget").pipe(
    Flag.withDescription(
      "Cut the stages to a time, such as 90s, 10m or 2h: this machine is measured first; default: no limit"
    ),
    Flag.optional
  ),
  ...single
}

/** The flags, parsed. */
export type Fitting =
  & {
    readonly config: Option.Option<string>
    readonly printConfig: boolean
    readonly budget: Option.Option<Values.Time>
  }
  & { readonly [Name in keyof typeof single]: Option.Option<number> }

/** The name of a flag: "steps-warm-up" of stepsWarmUp. */
const flagOf = (key: string) => key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** The settings that single flags give, as a file would. Fails on one whose stage the settings do not have. */
export const settings = (
  given: Fitting,
  preset: Presets.Preset
): Result.Result<Config.Overrides, ConfigError> => {
  const overrides: Record<string, Record<string, unknown>> = {}
  for (const [flag, settings] of Object.entries(settingOf)) {
    const value = given[flag as keyof typeof settingOf]
    if (Option.isNone(value)) continue
    const has = settings.filter(([stage]) => stage !== "warmUp" || preset.warmUp !== undefined)
    if (has.length === 0) {
      // No steps of no warm-up are what there is.
      if (flag === "stepsWarmUp" && value.value === 0) continue
      const reason = `is for a warm-up, and the settings "${preset.name}" have none: leave it out, or write a warmUp ` +
        "into --config"
      return Result.fail(new ConfigError({ source: `--${flagOf(flag)}`, reason }))
    }
    for (const [stage, setting] of has) {
      overrides[stage] = { ...overrides[stage], [setting]: value.value }
    }
  }
  return Config.decode("flags", overrides)
}
