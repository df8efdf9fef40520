/**
 * A file of settings: JSON, or a module with a default export.
 */
import { Effect, FileSystem, Path, type PlatformError, Predicate } from "effect"
import { pathToFileURL } from "node:url"
import * as Plain from "../../dsl/Plain.ts"
import * as Nearby from "../../kernels/runtime/Nearby.ts"
import * as SystemFault from "../../kernels/runtime/SystemFault.ts"
import * as Json from "../../kernels/weights/Json.ts"
import { Config, ConfigError } from "../../pipelines/index.ts"

const isModule = (file: string): boolean => /\.[cm]?[jt]s$/.test(file)

/** The settings in a file. Fails where it cannot be read, and on a setting that is not known. */
export const settings = (
  file: string
): Effect.Effect<Config.Overrides, ConfigError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const fail = (reason: string) => new ConfigError({ source: file, reason })
    const io = Effect.catch((error: PlatformError.PlatformError) =>
      error.reason._tag === "NotFound"
        ? Effect.flatMap(Nearby.meant(file), (meant) => Effect.fail(fail(`no such file${meant}`)))
        : Effect.fail(fail(`cannot be read: ${SystemFault.words(error)}`))
    )
    if (!isModule(file)) {
      const text = yield* io(fs.readFileString(file))
      const json = yield* Effect.try({
        try: () => Json.parseUnrepeated(text.replace(/^\uFEFF/, "")),
        catch: (cause) => fail(Json.fault(cause))
      })
      // JSON writes such a number; this machine has none of its size, and would take it for "no limit".
      const boundless = Predicate.isObject(json)
        ? Object.entries(json).flatMap(([key, value]) => Plain.numberless(value, key) ?? []).at(0)
        : undefined
      if (boundless !== undefined) {
        return yield* fail(`${boundless.setting} is beyond the largest number (1.8e308): give a smaller one`)
      }
      return yield* Effect.fromResult(Config.decode(file, json))
    }
    yield* io(fs.stat(file))
    const module: unknown = yield* Effect.tryPromise({
      try: () => import(pathToFileURL(path.resolve(file)).href),
      catch: (cause) => fail(`cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`)
    })
    return typeof module === "object" && module !== null && "default" in module
      ? yield* Effect.fromResult(Config.decode(file, module.default))
      : yield* fail("has no default export: write `export default { sft: { steps: 100 } }`")
  })
