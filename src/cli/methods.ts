/**
 * What flags ask to be compared.
 */
import { type Presets, type Start } from "../pipelines/index.ts"
import { equalComputeBaselines, methods as paper } from "../studies/index.ts"
import type { Study } from "./flags.ts"

/** The paper's three methods, and the baselines with all of RISE's steps where that is asked for. */
export const methods =
  ({ equalCompute }: Pick<Study, "equalCompute">, preset: Presets.Preset) => <A, E, R>(start: Start<A, E, R>) => ({
    ...paper(preset)(start),
    ...(equalCompute ? equalComputeBaselines(preset)(start) : {})
  })
