/**
 * The directories that `--model`, `--base`, `--tokenizer` and `--adapter` name: a run's folder is not that of its
 * model, and an adapter is none.
 */
import { Effect, type FileSystem, Option, Path } from "effect"
import * as Nearby from "../kernels/runtime/Nearby.ts"
import { there } from "../kernels/runtime/there.ts"
import { ModelDirectory, WeightsError } from "../kernels/weights/index.ts"
import { FlagError } from "./futile.ts"

/** A flag that names the directory of a model; `--model` can have an `--adapter` beside it. */
export type ModelFlag = "--model" | "--base" | "--tokenizer"

/** What to name in the place of an adapter. */
const whole = (adapter: string): Readonly<Record<ModelFlag, string>> => ({
  "--model": `Name the model that it was trained on, too: --model BASE --adapter ${adapter}.`,
  "--base": "Name a whole model, --base DIR, as rise merge writes one: " +
    `npx rise merge --model BASE --adapter ${adapter} --out DIR.`,
  "--tokenizer": "Name the model that it was trained on: --tokenizer BASE."
})

/**
 * Fails where the directory is an adapter, or the folder of a run, with what to name instead.
 *
 * @param flag the one that named it
 */
export const notARun = Effect.fnUntraced(function*(model: string, flag: ModelFlag = "--model") {
  const { join } = yield* Path.Path
  const has = (...parts: ReadonlyArray<string>) => there(join(model, ...parts))
  if (yield* has("config.json")) return
  if (yield* has("adapter_config.json")) {
    return yield* new WeightsError({
      path: model,
      reason: "is an adapter, not a whole model",
      hint: whole(model)[flag]
    })
  }
  if (!(yield* has("run.json"))) return
  return yield* (yield* has("model", "config.json"))
    ? new WeightsError({
      path: model,
      reason: "is the folder of a run",
      hint: `Its model is in it: ${flag} ${join(model, "model")}.`
    })
    : new WeightsError({
      path: model,
      reason: "is the folder of a run that holds no model",
      hint: `Its run has not come to the end; name a directory with a model, ${flag} DIR.`
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
  adapter: Option.Option<string> = Option.none(),
  flag: ModelFlag = "--model"
): Effect.Effect<void, FlagError | WeightsError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    yield* notARun(model, flag)
    yield* ModelDirectory.open(model)
    if (Option.isSome(adapter)) yield* anAdapter(adapter.value)
  })
