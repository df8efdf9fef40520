/** The families that are implemented, by the `model_type` of their `config.json`: a new one is a file and a line. */
import type { Family } from "./Family.ts"
import { qwen25Vl } from "./Qwen25Vl.ts"
import { qwen2Vl } from "./Qwen2Vl.ts"
import { qwen3Vl } from "./Qwen3Vl.ts"

const known = { qwen2_vl: qwen2Vl, qwen2_5_vl: qwen25Vl, qwen3_vl: qwen3Vl }

/** A `model_type` that is implemented. */
export type ModelType = keyof typeof known

export const families: Readonly<Record<ModelType, Family>> = known

export const isKnown = (type: string): type is ModelType => Object.hasOwn(known, type)
