/**
 * The folder that an export is written to: a new one, an empty one, or an earlier export, which is replaced whole.
 */
import { Effect, FileSystem, Path, Schema } from "effect"
import * as SystemFault from "../../kernels/runtime/SystemFault.ts"

/** Says what a folder's graphs take and give, and that it is an export. */
export const manifestFile = "rise-export.json"

/** A folder that graphs cannot be written to. */
export class ExportError extends Schema.TaggedError<ExportError>()("ExportError", {
  /** The folder. */
  path: Schema.String,
  /** What is wrong, and what to do. */
  reason: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return `${this.path}: ${this.reason}`
  }
}

const Manifest = Schema.fromJsonString(Schema.Struct({ files: Schema.Array(Schema.String) }))

/** Folder entries that a system or a person's tools leave and nobody misses. */
const harmless = [".DS_Store", "Thumbs.db"]

/** Fails unless nothing but an earlier export would be lost. */
export const check = Effect.fnUntraced(function*(target: string) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const fail = (reason: string) => Effect.fail(new ExportError({ path: target, reason }))
  const failed = (cause: unknown) =>
    new ExportError({ path: target, reason: `cannot be read: ${SystemFault.words(cause)}`, cause })
  if (!(yield* Effect.mapError(fs.exists(target), failed))) return
  const { type } = yield* Effect.mapError(fs.stat(target), failed)
  if (type !== "Directory") return yield* fail("is no folder: name a new one")
  const found = yield* Effect.mapError(fs.readDirectory(target), failed)
  const entries = found.filter((name) => !harmless.includes(name))
  if (entries.length === 0) return
  const written = yield* fs.readFileString(join(target, manifestFile)).pipe(
    Effect.flatMap(Schema.decodeEffect(Manifest)),
    Effect.match({ onFailure: () => undefined, onSuccess: ({ files }) => files })
  )
  const first = entries.toSorted().slice(0, 3).join(", ")
  if (written === undefined) {
    return yield* fail(
      `is not empty and no earlier export, nothing was written: it holds ${first}. Name a new folder`
    )
  }
  const foreign = entries.filter((name) => !written.includes(name)).toSorted()
  if (foreign.length > 0) {
    return yield* fail(
      `is an earlier export that also holds ${
        foreign.slice(0, 3).join(", ")
      }, nothing was written: move that away, or ` +
        "name a new folder"
    )
  }
})

/** Fills a folder beside the target, and puts it in the target's place when all of it is there. */
export const write = <A, E, R>(target: string, fill: (folder: string) => Effect.Effect<A, E, R>) =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { resolve } = yield* Path.Path
    yield* check(target)
    const whole = resolve(target)
    const beside = `${whole}.${crypto.randomUUID()}`
    const [made, earlier] = [`${beside}.new`, `${beside}.old`]
    const failed = Effect.mapError((cause: unknown) =>
      new ExportError({ path: target, reason: `cannot be written: ${SystemFault.words(cause)}`, cause })
    )
    yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(made, { recursive: true, force: true })))
    const result = yield* fill(made)
    yield* check(target)
    yield* Effect.uninterruptible(Effect.gen(function*() {
      const replaces = yield* failed(fs.exists(whole))
      if (replaces) yield* failed(fs.rename(whole, earlier))
      yield* fs.rename(made, whole).pipe(
        Effect.tapError(() => replaces ? Effect.ignore(fs.rename(earlier, whole)) : Effect.void),
        failed
      )
      if (replaces) yield* Effect.ignore(fs.remove(earlier, { recursive: true, force: true }))
    }))
    return result
  }))
