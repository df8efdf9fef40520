/**
 * Where a run keeps what it writes: append-only line files, weights per stage, and the ledger of finished stages.
 *
 * The ledger is the only truth about what is finished. It records how long every line file was at that moment, so
 * resuming cuts off what an interrupted stage had begun to write and the run continues as if it had never stopped.
 */
import { Effect, Option, Schema, type Scope, Stream } from "effect"
import type { Policy, PolicyError, Snapshot } from "../policy/Policy.ts"
import { type RunError, RunFileError } from "./RunError.ts"
import type { Spool } from "./Spool.ts"

/** One finished stage. */
export const Entry = Schema.Struct({
  stage: Schema.String,
  /** What the stage computed, for stages that compute a value. */
  value: Schema.Json,
  /** Whether it trained: what the policy became by it is kept. */
  trained: Schema.Boolean,
  /** Bytes of each line file when the stage finished. */
  files: Schema.Record(Schema.String, Schema.Int)
})
export type Entry = typeof Entry.Type

export interface Storage {
  /** None where nothing is written to disk. */
  readonly directory: Option.Option<string>
  readonly finished: (stage: string) => Option.Option<Entry>
  /** Records a stage as finished; what it appended before this call is now part of the run. */
  readonly commit: (entry: Omit<Entry, "files">) => Effect.Effect<void, RunError>
  /** Appends one JSON value as a line. */
  readonly append: (file: string, row: Schema.Json) => Effect.Effect<void, RunError>
  /** Whether it has a line file of this name. */
  readonly holds: (file: string) => boolean
  /** The rows of a line file so far, read again on every run of the stream. */
  readonly rows: (file: string) => Stream.Stream<Schema.Json, RunError>
  /** What an unfinished stage keeps of its work. Gone when the stage is committed. */
  readonly spool: (stage: string) => Effect.Effect<Spool, RunError, Scope.Scope>
  /** Keeps what the policy has become by a stage. */
  readonly keep: (stage: string, policy: Policy["Service"]) => Effect.Effect<void, RunError | PolicyError>
  /** Makes a policy what it had become by a finished stage. */
  readonly bringBack: (stage: string, policy: Policy["Service"]) => Effect.Effect<void, RunError | PolicyError>
}

/** Keeps everything in memory: for tests, notebooks and pipelines that are run for their result alone. */
export const memory = Effect.sync((): Storage => {
  const entries = new Map<string, Entry>()
  const lines = new Map<string, Array<Schema.Json>>()
  const snapshots = new Map<string, Snapshot>()
  const spools = new Map<string, Array<Schema.Json>>()
  return {
    directory: Option.none(),
    finished: (stage) => Option.fromNullishOr(entries.get(stage)),
    commit: (entry) =>
      Effect.sync(() => {
        entries.set(entry.stage, { ...entry, files: {} })
        spools.delete(entry.stage)
      }),
    append: (file, row) =>
      Effect.sync(() => {
        const rows = lines.get(file)
        if (rows === undefined) lines.set(file, [row])
        else rows.push(row)
      }),
    holds: (file) => lines.has(file),
    rows: (file) => Stream.suspend(() => Stream.fromIterable(lines.get(file) ?? [])),
    spool: (stage) =>
      Effect.sync(() => {
        const kept = spools.get(stage) ?? []
        spools.set(stage, kept)
        return { path: stage, rows: kept.slice(), keep: (rows) => Effect.sync(() => void kept.push(...rows)) }
      }),
    keep: (stage, policy) => Effect.map(policy.snapshot, (snapshot) => void snapshots.set(stage, snapshot)),
    bringBack: (stage, policy) =>
      Effect.suspend((): Effect.Effect<void, RunError | PolicyError> => {
        const snapshot = snapshots.get(stage)
        return snapshot === undefined
          ? Effect.fail(new RunFileError({ path: stage, reason: "the stage finished without keeping weights" }))
          : policy.revert(snapshot)
      })
  }
})
