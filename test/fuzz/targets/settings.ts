import { Effect, Result } from "effect"
import { Json } from "../../../src/kernels/weights/index.ts"
import * as Config from "../../../src/pipelines/Config.ts"
import * as Presets from "../../../src/pipelines/Presets.ts"
import { values } from "../data.ts"
import { holds, type Target } from "../Target.ts"

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Numbers anywhere inside. */
const numbers = (value: unknown): ReadonlyArray<number> =>
  typeof value === "number" ? [value] : isRecord(value) ? Object.values(value).flatMap(numbers) : []

export const target: Target = {
  name: "settings",
  kind: "json",
  seeds: values(Config.whole(Presets.quick), { sft: { steps: 4, learningRate: 1e-4 } }),
  run: (input) =>
    Effect.sync(() => {
      const json = Result.try(() => Json.parse(Buffer.from(input).toString()))
      if (Result.isFailure(json)) return false
      const read = Config.decode("x.json", json.success)
      if (Result.isFailure(read)) return false
      holds(!numbers(read.success).some(Number.isNaN), () => "a setting that is no number")
      Config.whole(Config.merged(Presets.quick, read.success))
      return true
    })
}
