/** What the environment asks of `lora/group` and `lora/step`. */
import { BenchError } from "../harness/Contest.ts"

export type Precision = "float32" | "bfloat16"

export type Quantize = "none" | "int8" | "int4"

export interface Asked {
  /** Of the decoder. */
  readonly layers: number
  /** Of the vision tower. */
  readonly visionLayers: number
  /** The one peer of a model too large for two. */
  readonly precision: Precision
  /** Whether it is too large for two. */
  readonly whole: boolean
  /** What our frozen weights are rounded to; "none" for those of the checkpoint. The peers' stay as they are. */
  readonly quantize: Quantize
}

const wrong = (name: string, value: string, expected: string): never => {
  throw new BenchError(`${name} is "${value}": expected ${expected}`)
}

/** @throws BenchError where a variable is set to what it cannot be */
export const asked = (environment: Readonly<Record<string, string | undefined>>): Asked => {
  const layersText = environment["RISE_BENCH_LAYERS"] ?? "6"
  const counts = layersText.split(",").map((text) => /^[1-9]\d{0,2}$/.test(text) ? Number(text) : Number.NaN)
  const [layers = Number.NaN, visionLayers = layers] = counts
  if (counts.length > 2 || counts.includes(Number.NaN)) {
    return wrong("RISE_BENCH_LAYERS", layersText, "layers of the decoder, or these and the tower's: 6, or 28,32")
  }
  const whole = layers > 6
  const precision = environment["RISE_BENCH_PRECISION"]
  if (precision !== undefined && precision !== "float32" && precision !== "bfloat16") {
    return wrong("RISE_BENCH_PRECISION", precision, "float32 or bfloat16")
  }
  if (precision !== undefined && !whole) {
    return wrong("RISE_BENCH_PRECISION", precision, "RISE_BENCH_LAYERS above 6 with it: of fewer, both are measured")
  }
  const quantize = environment["RISE_BENCH_QUANTIZE"] ?? "none"
  if (quantize !== "none" && quantize !== "int8" && quantize !== "int4") {
    return wrong("RISE_BENCH_QUANTIZE", quantize, "none, int8 or int4")
  }
  return { layers, visionLayers, precision: precision ?? "float32", whole, quantize }
}
