/**
 * `error.json`: what a run ended with, where that was an error. It goes when the run goes on.
 */
import { Cause, Effect, FileSystem, Option, Path, Predicate, Schema } from "effect"
import { Written } from "../kernels/weights/index.ts"
import * as Atomic from "./Atomic.ts"
import { Run } from "./Run.ts"
import { fromPlatform, RunFileError } from "./RunError.ts"

/** Name of the file. */
export const errorFile = "error.json"

/** What it holds. */
export const Ended = Schema.Struct({
  /** The error's name: `NothingKept`. */
  error: Schema.String,
  message: Schema.String
})
export type Ended = typeof Ended.Type

/** More than any message is long: a server's may quote a page. */
const longest = 10_000

/**
 * What a cause is in the file; none of an interruption, which is no error, and of a file of the run that is damaged or
 * cannot be written: what is refused for that leaves the folder as it is.
 */
const of = (cause: Cause.Cause<unknown>): Option.Option<Ended> => {
  if (Cause.hasInterruptsOnly(cause)) return Option.none()
  const error = Cause.squash(cause)
  if (error instanceof RunFileError) return Option.none()
  const text = Predicate.isObject(error) && "message" in error ? String(error["message"]) : String(error)
  const tag = Predicate.isObject(error) && "_tag" in error
    ? String(error["_tag"])
    : error instanceof Error
    ? error.name
    : "unknown"
  return Option.some({ error: tag, message: text.slice(0, longest) })
}

/**
 * Runs an effect of a run and keeps in its folder the error that it ends with. The ledger does not know the file: it is
 * no part of what the run makes. Where it cannot be written, the error itself is told all the same.
 */
export const keepingError = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const { directory, sealed } = yield* Run
    if (Option.isNone(directory) || sealed) return yield* effect
    const path = yield* Path.Path
    const fs = yield* FileSystem.FileSystem
    const file = path.join(directory.value, errorFile)
    yield* Effect.mapError(fs.remove(file, { force: true }), fromPlatform(file, "removing"))
    return yield* Effect.onError(effect, (cause) =>
      Option.match(of(cause), {
        onNone: () => Effect.void,
        onSome: (ended) =>
          Atomic.writeJson(file, ended).pipe(
            Effect.provideService(Written.Written, undefined),
            Effect.provideService(FileSystem.FileSystem, fs),
            Effect.ignore
          )
      }))
  })
