/**
 * What the settings of every stage may be, by the stage: settings that come from a file are held to it before anything
 * runs.
 */
import type * as Rules from "../../kernels/math/Rules.ts"
import { generating, reconstructing } from "./ClosedLoop.ts"
import { crediting, strengthening } from "./Reinforce.ts"
import * as Settings from "./Settings.ts"
import { supervising } from "./Sft.ts"
import { warming } from "./WarmUp.ts"

/** A table of rules per stage. */
export const stageRules = {
  warmUp: warming,
  generate: generating,
  reconstruct: reconstructing,
  validate: Settings.validating,
  reinforce: crediting,
  filter: Settings.filtering,
  sft: supervising,
  rft: strengthening
} as const satisfies Readonly<Record<string, Rules.Table>>
