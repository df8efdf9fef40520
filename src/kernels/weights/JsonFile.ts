/**
 * JSON files of a model directory: objects, or a typed error that names the file.
 */
import { Effect, FileSystem, Option } from "effect"
import { show } from "../text/show.ts"
import * as GitLfs from "./GitLfs.ts"
import * as Json from "./Json.ts"
import { fromPlatform, WeightsError } from "./WeightsError.ts"

export type JsonObject = Readonly<Record<string, unknown>>

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Reads a JSON object. A missing file, broken JSON and any other JSON value are errors. */
export const readJson = (
  path: string,
  hint?: string
): Effect.Effect<JsonObject, WeightsError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const text = yield* fs.readFileString(path).pipe(Effect.mapError(fromPlatform(path, "reading", hint)))
    const pointer = GitLfs.describe(new TextEncoder().encode(text.slice(0, GitLfs.maxBytes + 1)))
    if (pointer !== undefined) return yield* new WeightsError({ path, reason: pointer })
    const json = yield* Effect.try({
      try: () => Json.parse(text),
      catch: (cause) =>
        new WeightsError({
          path,
          reason: "not valid JSON",
          found: cause instanceof Error ? cause.message : String(cause),
          cause,
          ...(hint === undefined ? {} : { hint })
        })
    })
    if (!isJsonObject(json)) {
      return yield* new WeightsError({
        path,
        reason: "not a JSON object",
        found: show(json, 60),
        expected: "{…}"
      })
    }
    return json
  })

/** As `readJson`, but a missing file is `None`. */
export const readJsonIfThere = (
  path: string
): Effect.Effect<Option.Option<JsonObject>, WeightsError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const there = yield* fs.exists(path).pipe(Effect.mapError(fromPlatform(path, "looking for it")))
    return there ? Option.some(yield* readJson(path)) : Option.none()
  })
