/**
 * A file of settings: JSON, or a module with a default export.
 */
import { Effect, FileSystem, Path, type PlatformError, Schema } from "effect"
import { pathToFileURL } from "node:url"
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
    const io = Effect.mapError((error: PlatformError.PlatformError) =>
      fail(error.reason._tag === "NotFound" ? "no such file" : `cannot be read: ${SystemFault.words(error)}`)
    )
    if (!isModule(file)) {
      const text = yield* io(fs.readFileString(file))
      const json = yield* Effect.mapError(
        Schema.decodeUnknownEffect(Json.text(Schema.Json))(text.replace(/^\uFEFF/, "")),
        () => fail("is not JSON")
      )
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
