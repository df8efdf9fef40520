/**
 * The directories that `--model` and `--adapter` name: a run's folder is not that of its model, and an adapter is none.
 */
import { Effect, type FileSystem, Option, Path } from "effect"
import * as Nearby from "../kernels/runtime/Nearby.ts"
import { there } from "../kernels/runtime/there.ts"
import { ModelDirectory, WeightsError } from "../kernels/weights/index.ts"
import { FlagError } from "./futile.ts"

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

/** Fails where the directory is no adapter, with what it may have been meant to be. */
export const anAdapter = Effect.fnUntraced(function*(adapter: string) {
  const { join } = yield* Path.Path
  if (yield* there(join(adapter, "adapter_config.json"))) return
  const reason = (yield* there(adapter))
    ? "is no PEFT adapter: it has no adapter_config.json"
    : `is not there${yield* Nearby.meant(adapter)}`
  return yield* new FlagError({ reason: `--adapter ${adapter} ${reason}` })
})

/** Fails where a model, or the adapter on it, is none, before any work; reads no weights. */
export const readable = (
  model: string,
  adapter: Option.Option<string> = Option.none()
): Effect.Effect<void, FlagError | WeightsError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    yield* notARun(model)
    yield* ModelDirectory.open(model)
    if (Option.isSome(adapter)) yield* anAdapter(adapter.value)
  })
