/**
 * A run folder around a pipeline: what it was made of is recorded first, what was set aside is kept, a report is
 * written last.
 */
import { Effect, FileSystem, Path, Schema, type Stream } from "effect"
import { readFile } from "node:fs/promises"
import * as Fingerprint from "../dsl/Fingerprint.ts"
import * as Quarantine from "../dsl/Quarantine.ts"
import { Run } from "../dsl/Run.ts"
import { RunFileError } from "../dsl/RunError.ts"
import type { Identity } from "../dsl/RunFolder.ts"
import type { Sample, Task } from "../dsl/Task.ts"
import { report } from "./report/report.ts"

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

/** Options of `inFolder`: the run folder, and what it is made of. */
export interface FolderOptions<A, E, R> {
  /** Must not exist unless the run is resumed. */
  readonly out: string
  /** Every random draw is keyed by it. */
  readonly seed: number
  /** Continue after the last finished stage. Default false. */
  readonly resume?: boolean
  /** Folders of earlier runs whose finished stages count as finished here, the nearest first. */
  readonly from?: ReadonlyArray<string>
  /** Recorded by name and prompts. */
  readonly task: Task<A>
  /** Recorded by its fingerprint. */
  readonly train: Stream.Stream<Sample<A>, E, R>
  /** Recorded by its fingerprint. */
  readonly test: Stream.Stream<Sample<A>, E, R>
  /** Recorded in run.json; a run resumes only under the same. */
  readonly config: Identity
}

/** Runs `effect` within a run folder and writes `report.html` at the end. */
export const inFolder = <A, E, R>(options: FolderOptions<A, E, R>) => <B, E2, R2>(effect: Effect.Effect<B, E2, R2>) =>
  Effect.gen(function*() {
    const { config, out, seed, task, test, train } = options
    const path = yield* Path.Path
    // The folder opens under the data's fingerprint; what is set aside until then follows it there.
    const quarantine = yield* Quarantine.held
    const result = yield* Effect.gen(function*() {
      const data = yield* Effect.all({ train: Fingerprint.data(task, train), test: Fingerprint.data(task, test) })
      const folder = Run.layer({
        path: out,
        seed,
        resume: options.resume ?? false,
        from: options.from ?? [],
        identity: { task: task.name, prompts: Fingerprint.prompts(task), data, config },
        about: yield* about
      })
      const settled = quarantine.settle(path.join(out, Quarantine.fileName))
      return yield* Effect.andThen(settled, effect).pipe(Effect.tap(() => report(out)), Effect.provide(folder))
    }).pipe(Effect.provideService(Quarantine.Quarantine, quarantine))
    return result
  }).pipe(Effect.scoped)

/** `base`, or the first of `base-2`, `base-3`, … that is free; the last one that is not when a run is to be resumed. */
export const numbered = Effect.fnUntraced(function*(base: string, resume: boolean) {
  const fs = yield* FileSystem.FileSystem
  const name = (n: number) => n === 1 ? base : `${base}-${n}`
  const exists = (n: number) =>
    fs.exists(name(n)).pipe(
      Effect.mapError((cause) => new RunFileError({ path: name(n), reason: cause.message, cause }))
    )
  let free = 1
  while (yield* exists(free)) free++
  return name(resume ? Math.max(1, free - 1) : free)
})
