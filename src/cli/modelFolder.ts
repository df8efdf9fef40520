/**
 * The directory that `--model` names: a run's folder is not that of its model, and an adapter is none.
 */
import { Effect, Path } from "effect"
import { there } from "../kernels/runtime/there.ts"
import { WeightsError } from "../kernels/weights/index.ts"

/** Fails where the directory is an adapter, or the folder of a run, with what to name instead. */
export const notARun = Effect.fnUntraced(function*(model: string) {
  const { join } = yield* Path.Path
  const has = (...parts: ReadonlyArray<string>) => there(join(model, ...parts))
  if (yield* has("config.json")) return
  if (yield* has("adapter_config.json")) {
    return yield* new WeightsError({
      path: model,
      reason: "is an adapter, not a whole model",
      hint: `Name the model that it was trained on, too: --model BASE --adapter ${model}.`
    })
  }
  if (!(yield* has("run.json"))) return
  return yield* (yield* has("model", "config.json"))
    ? new WeightsError({
      path: model,
      reason: "is the folder of a run",
      hint: `Its model is in it: --model ${join(model, "model")}.`
    })
    : new WeightsError({
      path: model,
      reason: "is the folder of a run that holds no model",
      hint: "Its run has not come to the end; name a directory with a model."
    })
})
