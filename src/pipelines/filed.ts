/**
 * Settings of a file over a preset. Such a file was often printed (`Config.whole`) and edited in one place: what stands
 * in it only because it was printed is not held against the edit.
 */
import { Equal, Predicate } from "effect"
import { defaultsOf, filled, filledStage } from "../dsl/stages/Settings.ts"
import * as Rules from "../kernels/math/Rules.ts"
import { show } from "../kernels/text/show.ts"
import { groupLosses } from "../policy/Policy.ts"
import * as Config from "./Config.ts"
import { type Preset, presets } from "./Presets.ts"

/** A preset with a file's settings over it, and what to tell of how they were read. */
export interface Filed {
  readonly preset: Preset
  readonly notes: ReadonlyArray<string>
}

const losses = groupLosses.map((loss) => defaultsOf(loss))

/** Whether a printed file may have this value where nobody chose it: some preset's own, or a default. */
const isPrinted = (preset: Preset, name: string, value: unknown): boolean => {
  const path = name.split(".")
  return [
    ...[preset, ...Object.values(presets)].map((one) => Rules.at(one, path)),
    ...[filledStage({}), filled({}), ...losses].map((defaults) => Rules.at(defaults, path.slice(1)))
  ].some((printed) => Equal.equals(printed, value))
}

/** Stages that choose weights by the validation split. */
const selecting = ["reinforce", "sft", "rft"] as const

/** Without a preset's own `select`, where a file holds nothing out. */
const unselected = (base: Preset, file: Config.Overrides, preset: Preset): Filed => {
  const stages = file["validation"] !== 0 ? [] : selecting.filter((stage) => {
    const select = Rules.at(preset, [stage, "select"])
    const given = Rules.at(file, [stage, "select"])
    return select !== undefined && (given === undefined || isPrinted(base, `${stage}.select`, select))
  })
  return {
    preset: stages.reduce((all, stage) => Rules.without(all, `${stage}.select`), preset),
    notes: stages.length === 0
      ? []
      : [`validation 0 holds nothing out to choose weights by: ${stages.join(", ")} without select, the last are kept`]
  }
}

/** A batch that a file makes smaller has fewer lessons to practise on than was chosen. */
const shrunk = (base: Preset, file: Config.Overrides, preset: Preset): Filed =>
  (["warmUp", "sft"] as const).reduce<Filed>((filed, stage) => {
    const own = filed.preset[stage]
    const name = `${stage}.practice.texts`
    const given = Rules.at(file, name.split("."))
    if (own?.practice === undefined || given !== undefined && !isPrinted(base, name, given)) return filed
    const { batchSize } = filledStage(own)
    const { texts } = own.practice
    if (!(texts > batchSize) || Rules.at(file, [stage, "batchSize"]) === undefined) return filed
    return {
      preset: { ...filed.preset, [stage]: { ...own, practice: { ...own.practice, texts: batchSize } } },
      notes: [
        ...filed.notes,
        `${stage}: a batch of ${batchSize} has no ${texts} lessons to practise on: practice.texts is ${batchSize}, too`
      ]
    }
  }, { preset, notes: [] })

/** Notes on what is the default of another loss than the one that runs: it was printed for that. */
const foreign = (file: Config.Overrides, preset: Preset): ReadonlyArray<string> =>
  (["reinforce", "rft"] as const).flatMap((stage) => {
    const own = defaultsOf(filled(preset[stage]).loss)
    return (["clip", "scaleRewards"] as const).flatMap((setting) => {
      const value = preset[stage][setting]
      if (!Predicate.hasProperty(file[stage], setting) || value === undefined) return []
      const other = losses.find((defaults) => Equal.equals(defaults[setting], value))
      return other === undefined || Equal.equals(own[setting], value) ? [] : [
        `${stage}: ${setting} ${show(value)} is the default of loss ${show(other.loss)}; that of ${
          show(own.loss)
        } is ` +
        `${show(own[setting])}: leave ${setting} out to have it`
      ]
    })
  })

/** A preset with the settings of a file over its own. They have passed `decode`. */
export const filed = (base: Preset, file: Config.Overrides): Filed => {
  const merged = Config.merged(base, file)
  const effective = Config.futile(merged)
    .filter((name) => isPrinted(base, name, Rules.at(merged, name.split("."))))
    .reduce(Rules.without, merged)
  const selected = unselected(base, file, effective)
  const { notes, preset } = shrunk(base, file, selected.preset)
  return { preset, notes: [...selected.notes, ...notes, ...foreign(file, preset)] }
}
