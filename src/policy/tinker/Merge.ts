/** The adapter that an engine gives away, merged into a base model that lies on this disk. */
import { Effect, FileSystem, Path } from "effect"
import { Config } from "../../kernels/models/index.ts"
import { ModelDirectory } from "../../kernels/weights/index.ts"
import * as Merge from "../onnx/Merge.ts"
import { PolicyError } from "../Policy.ts"

/** Fails where a directory holds no model that could be merged into: before anything is trained. */
export const check = (base: string) =>
  ModelDirectory.open(base).pipe(
    Effect.flatMap(({ config }) => Config.fromJson(config)),
    Effect.mapError((cause) =>
      new PolicyError({
        operation: "load",
        reason: `merge needs the base model's weights, and ${base} holds none that can be read: ${cause.message}; ` +
          "name a directory with them as tokenizer, or leave merge out and merge later",
        cause
      })
    ),
    Effect.asVoid
  )

/**
 * Writes base and adapter as one model, a new directory. The adapter is fetched beside it and goes when it is merged.
 *
 * @param fetch writes the adapter into a new directory
 */
export const save = <E, R>(base: string, target: string, fetch: (directory: string) => Effect.Effect<void, E, R>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { resolve } = yield* Path.Path
    const adapter = `${resolve(target)}.${crypto.randomUUID()}.adapter`
    yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(adapter, { recursive: true, force: true })))
    yield* fetch(adapter)
    yield* Merge.write({ model: base, adapter, target })
  }).pipe(Effect.scoped)
