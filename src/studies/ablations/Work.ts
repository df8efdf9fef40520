/**
 * What a cell does: its pipeline in the words of the language, and what run.json records of it.
 *
 * Departs from the paper in Table 3: all sources of chains teach students that start alike, and each gives the best of
 * its G chains by reward, so that the table is about chains alone. The paper does not say how many its baselines were
 * given.
 */
import type { Schema } from "effect"
import * as Plain from "../../dsl/Plain.ts"
import * as Rise from "../../dsl/Rise.ts"
import type { Run } from "../../dsl/Run.ts"
import * as Presets from "../../pipelines/Presets.ts"
import { riseCot } from "../../pipelines/riseCot.ts"
import { sft } from "../../pipelines/sft.ts"
import { visualRft } from "../../pipelines/visualRft.ts"
import type { Start } from "../../pipelines/warmUp.ts"
import type { Policy } from "../../policy/Policy.ts"
import { type Cell, presetOf } from "./Cell.ts"

type Preset = Presets.Preset

/** A server's model is of the paper's size: it takes its words, and no grammar. */
export const remotePreset: Pick<Preset, "generate" | "reconstruct" | "evaluate"> = Presets.paper

const isHigh = ({ method }: Cell) => method === "SFT high" || method === "RISE"
const isStrengthened = ({ method }: Cell) => method === "SFT full + RFT" || method === "RISE"

/** The closed loop without training: the chains of whoever is asked. */
const chainsOf =
  ({ generate, reconstruct }: Pick<Preset, "generate" | "reconstruct">) => <A, E, R>(start: Start<A, E, R>) =>
    start.pipe(Rise.generate(generate), Rise.reconstruct(reconstruct), Rise.validate(), Rise.best())

/**
 * RISE-R1 from D_RISE: of RISE-CoT's own, on the weights that it trained, or of chains that a cell before this one has
 * written.
 */
const student = (cell: Cell, preset: Preset) => <A, E, R>(start: Start<A, E, R>) => {
  const { chains } = cell.settings
  const explained = chains === undefined ? start.pipe(riseCot(preset)) : start.pipe(Rise.recall(chains))
  const tuned = isHigh(cell)
    ? explained.pipe(Rise.filter(preset.filter), Rise.sft(preset.sft))
    : explained.pipe(Rise.sft(preset.sft))
  return isStrengthened(cell) ? tuned.pipe(Rise.rft(preset.rft)) : tuned
}

/**
 * The pipeline of a cell, to its end. `prior`, `base` and `remote` are measured as they are: theirs is the data alone.
 */
export const pipelineOf = (cell: Cell, base: Preset) =>
<A, E, R>(
  start: Start<A, E, R>
): Rise.Pipeline<Rise.Stage, A, E | Rise.Fault | Rise.StageError, R | Policy | Run> => {
  const preset = presetOf(cell, base)
  const { chains } = cell.settings
  switch (cell.method) {
    case "prior":
    case "base":
    case "remote":
    case "warmed":
      return start
    case "SFT":
      return start.pipe(sft(preset))
    case "Visual-RFT":
      return start.pipe(visualRft(preset))
    case "RISE-CoT":
      return chains === undefined
        ? start.pipe(riseCot(preset))
        : start.pipe(chainsOf(chains === "remote" ? remotePreset : preset))
    default:
      return start.pipe(student(cell, preset))
  }
}

/** The name that a cell's chains go by in its run folder: RISE-CoT's own have none. */
export const sourceOf = ({ settings: { chains } }: Cell): string =>
  chains === undefined || chains === "RISE" ? "" : chains

/** Whether a server does the cell's work: one that knows nothing of our warm-up. */
export const isRemote = ({ method, settings: { chains } }: Cell): boolean =>
  method === "remote" || (method === "RISE-CoT" && chains === "remote")

/** Whether the pipeline begins with the shared warm-up. */
export const isWarmed = (cell: Cell): boolean => cell.method !== "prior" && cell.method !== "base" && !isRemote(cell)

/**
 * The settings of the stages that a cell goes through, by stage. A child's hold all of its parents': that is what
 * allows it to begin from them.
 */
export const stagesOf = (cell: Cell, base: Preset): Readonly<Record<string, Schema.Json>> => {
  const preset = presetOf(cell, base)
  const { chains, denominator } = cell.settings
  const warmed = preset.warmUp === undefined || !isWarmed(cell) ? {} : { warmUp: Plain.settings(preset.warmUp) }
  const similarity = denominator === undefined ? {} : { denominator }
  const loop = ({ generate, reconstruct }: typeof remotePreset) => ({
    generate: Plain.settings(generate),
    reconstruct: Plain.settings(reconstruct)
  })
  const source = chains === "base" || chains === "remote"
    ? { [`chains of ${chains}`]: loop(chains === "base" ? preset : remotePreset) }
    : {}
  const cot = {
    ...warmed,
    ...similarity,
    ...loop(preset),
    validate: Plain.settings(preset.validate ?? {}),
    reinforce: Plain.settings(preset.reinforce)
  }
  switch (cell.method) {
    case "prior":
    case "base":
    case "remote":
    case "warmed":
      return warmed
    case "SFT":
      return { ...warmed, sft: Plain.settings(preset.sft) }
    case "Visual-RFT":
      return { ...warmed, ...similarity, rft: Plain.settings(preset.rft) }
    case "RISE-CoT":
      return chains === undefined ? cot : { ...warmed, ...similarity, ...source }
    default:
      return {
        ...cot,
        ...source,
        ...(chains === undefined ? {} : { taughtBy: chains }),
        ...(isHigh(cell) ? { filter: Plain.settings(preset.filter) } : {}),
        sft: Plain.settings(preset.sft),
        ...(isStrengthened(cell) ? { rft: Plain.settings(preset.rft) } : {})
      }
  }
}
