/**
 * What presets say of formats: it stands there for every task, also for one without a grammar, which has nothing to be
 * held to. Nobody chose it for that task, so nobody is told that it does nothing; whoever sets it is.
 */
import { Equal, Predicate } from "effect"

/** A setting that holds a format. */
export type FormatSetting = "practice" | "format" | "blame"

/** Settings of a stage, by the stage's name in a preset. */
const shipped: Array<readonly [stage: string, settings: Readonly<Record<string, unknown>>]> = []

/** Takes note of a preset's settings. */
export const ship = (preset: object): void => {
  for (const [stage, settings] of Object.entries(preset)) {
    if (Predicate.isObject(settings)) shipped.push([stage, { ...settings }])
  }
}

/**
 * Whether options are a preset's with this setting as it was: they have all that the preset has, some of it perhaps
 * changed (`{ ...quick.rft, steps: 9 }`).
 */
export const isShipped = (stage: string, setting: FormatSetting, options: Readonly<Record<string, unknown>>): boolean =>
  shipped.some(([of, settings]) =>
    of === stage && Equal.equals(settings[setting], options[setting]) &&
    Object.keys(settings).every((key) => Object.hasOwn(options, key))
  )
