/**
 * Runs an effect in a run folder: records first what the run is made of, and keeps the rows that were set aside.
 */
import { Effect, type FileSystem, Path, Schema, type Scope } from "effect"
import { readFile } from "node:fs/promises"
import * as Quarantine from "./Quarantine.ts"
import { Run } from "./Run.ts"
import { type RunError, RunFileError } from "./RunError.ts"
import type { Identity } from "./RunFolder.ts"

const Versions = Schema.Record(Schema.String, Schema.String)
const Package = Schema.fromJsonString(Schema.Struct({
  version: Schema.String,
  dependencies: Versions,
  /** Of an installed package: what it shares with the project that it stands in. */
  peerDependencies: Schema.optional(Versions)
}))

/** Versions of this package, of what it stands on and of Node: recorded, not compared when a run is resumed. */
const about = Effect.gen(function*() {
  const text = yield* Effect.promise(() => readFile(new URL("../../package.json", import.meta.url), "utf8"))
  const { dependencies, peerDependencies, version } = yield* Schema.decodeEffect(Package)(text).pipe(Effect.orDie)
  return {
    versions: { "rise-vlm": version, node: process.version, ...dependencies, ...peerDependencies },
    platform: `${process.platform}-${process.arch}`
  }
})

export interface RecordedOptions<E, R> {
  /** The run folder. It must not exist unless the run is resumed. */
  readonly out: string
  readonly seed: number
  readonly resume: boolean
  /** Folders of earlier runs whose finished stages count as finished here, the nearest first. */
  readonly from?: ReadonlyArray<string>
  /** What must be the same when the run is resumed. Reads the data, which is where bad rows first show. */
  readonly identity: Effect.Effect<Identity, E, R>
}

/** Runs `effect` in a run folder, with `quarantine.jsonl` beside what the run writes. */
export const recorded =
  <E, R>(options: RecordedOptions<E, R>) =>
  <B, E2, R2>(effect: Effect.Effect<B, E2, R2>): Effect.Effect<
    B,
    E | E2 | RunError,
    Exclude<R | Exclude<R2, Run> | FileSystem.FileSystem | Path.Path, Scope.Scope>
  > =>
    Effect.gen(function*() {
      const { from = [], out, resume, seed } = options
      const file = (yield* Path.Path).join(out, Quarantine.fileName)
      // The folder opens under the data's fingerprint; what is set aside until then follows it there.
      const quarantine = yield* Quarantine.held
      const settle = Effect.mapError(quarantine.settle(file), ({ reason }) => new RunFileError({ path: file, reason }))
      return yield* Effect.gen(function*() {
        const identity = yield* options.identity
        const folder = Run.layer({ path: out, seed, resume, from, identity, about: yield* about })
        return yield* Effect.provide(Effect.andThen(settle, effect), folder)
      }).pipe(Effect.provideService(Quarantine.Quarantine, quarantine))
    }).pipe(Effect.scoped)
