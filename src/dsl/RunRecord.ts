/**
 * Runs an effect in a run folder: records first what the run is made of, and keeps the rows that were set aside.
 */
import { Effect, FileSystem, Path, Schema, type Scope } from "effect"
import { createRequire } from "node:module"
import { availableParallelism, cpus, totalmem } from "node:os"
import { fileURLToPath } from "node:url"
import * as PictureMarks from "./PictureMarks.ts"
import * as Quarantine from "./Quarantine.ts"
import { Run } from "./Run.ts"
import { type RunError, RunFileError, RunFolderMismatch } from "./RunError.ts"
import type { Identity } from "./RunFolder.ts"
import { counted } from "./Usage.ts"

const Versions = Schema.Record(Schema.String, Schema.String)
const Package = Schema.fromJsonString(Schema.Struct({
  version: Schema.String,
  dependencies: Versions,
  /** Of an installed package: what it shares with the project that it stands in. */
  peerDependencies: Schema.optional(Versions)
}))

const require = createRequire(import.meta.url)
const Installed = Schema.Struct({ version: Schema.String })

/** The version that is installed. A peer's is a range in the manifest; a package that hides its own is pinned there. */
const installed = (name: string, listed: string): Effect.Effect<string> =>
  Effect.try({ try: (): unknown => require(`${name}/package.json`), catch: () => "hidden" }).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Installed)),
    Effect.match({ onFailure: () => listed, onSuccess: ({ version }) => version })
  )

/**
 * Versions of this package, of what it stands on and of Node, and the machine: recorded, not compared when a run is
 * resumed.
 */
const versions = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString(fileURLToPath(new URL("../../package.json", import.meta.url)))
  const { dependencies, peerDependencies, version } = yield* Schema.decodeEffect(Package)(text)
  const listed = Object.entries({ ...dependencies, ...peerDependencies })
  const found = yield* Effect.forEach(
    listed,
    ([name, wanted]) => Effect.map(installed(name, wanted), (version) => [name, version] as const)
  )
  return {
    versions: { "rise-vlm": version, node: process.version, ...Object.fromEntries(found) },
    platform: `${process.platform}-${process.arch}`,
    machine: {
      processor: cpus()[0]?.model ?? "unknown",
      cores: availableParallelism(),
      gibibytes: Math.round(totalmem() / 2 ** 30)
    }
  }
}).pipe(Effect.orDie)

export interface RecordedOptions<E, R> {
  /** The run folder. It must not exist unless the run is resumed. */
  readonly out: string
  readonly seed: number
  readonly resume: boolean
  /** Folders of earlier runs whose finished stages count as finished here, the nearest first. */
  readonly from?: ReadonlyArray<string>
  /** Recorded beside versions and platform, free to differ when the run is resumed. */
  readonly about?: Identity
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
      const { join } = yield* Path.Path
      const file = join(out, Quarantine.fileName)
      const pictures = yield* PictureMarks.make(join(out, PictureMarks.fileName))
      // The folder opens under the data's fingerprint; what is set aside until then follows it there.
      const quarantine = yield* Quarantine.forRun
      const settle = Effect.mapError(quarantine.settle(file), ({ reason }) => new RunFileError({ path: file, reason }))
      return yield* Effect.gen(function*() {
        const identity = yield* Effect.provideService(options.identity, PictureMarks.Marks, pictures.marks)
        const folder = Run.layer({
          path: out,
          seed,
          resume,
          from,
          identity,
          about: { ...yield* versions, ...options.about }
        })
        return yield* settle.pipe(
          Effect.andThen(Effect.flatMap(Run, ({ sealed }) => sealed ? Effect.void : pictures.write)),
          Effect.andThen(counted(effect)),
          Effect.tap(Effect.flatMap(Run, ({ seal }) => seal)),
          Effect.provide(folder),
          Effect.mapError((error) => error instanceof RunFolderMismatch ? pictures.naming(error) : error)
        )
      }).pipe(Effect.provideService(Quarantine.Quarantine, quarantine))
    }).pipe(Effect.scoped)
