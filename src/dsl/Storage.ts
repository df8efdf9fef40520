/**
 * Where a run keeps what it writes: append-only line files, weights per stage, and the ledger of finished stages.
 *
 * The ledger is the only truth about what is finished. It records how long every line file was at that moment, so
 * resuming cuts off what an interrupted stage had begun to write and the run continues as if it had never stopped.
 */
import { Context, Effect, Option, type Schema, type Scope, Stream } from "effect"
import type { Policy, PolicyError, Snapshot } from "../policy/Policy.ts"
import type { Entry, MidStage } from "./Ledger.ts"
import { type RunError, RunFileError } from "./RunError.ts"
import type { Spool } from "./Spool.ts"

/** What is recorded of a finished stage. */
export type Finished = Pick<Entry, "stage" | "value" | "trained">

/** A stage on its way: what has to be kept to go on from there. */
export interface OnItsWay {
  readonly stage: string
  /** Steps, or samples of a pass, that are done. */
  readonly step: number
  readonly state: Schema.Json
  /** The policy under training; none for a pass, which leaves it as it is. */
  readonly policy?: Policy["Service"]
  /** The best weights so far, and the step they are of. */
  readonly selected?: { readonly step: number; readonly snapshot: Snapshot } | undefined
}

/** When stages are kept on their way. What a run makes does not depend on it. */
export interface Checkpointing {
  /** After so many steps or minutes, whichever comes first; 0: not by steps, or not by minutes. */
  readonly every: { readonly steps: number; readonly minutes: number }
  /** So many are kept. */
  readonly keep: number
  /** The part of the time that they may take: none is begun earlier than that allows, by what the last one took. */
  readonly share: number
}

/** When the runs that are opened here keep their stages on their way. */
export const Checkpoints = Context.Reference<Checkpointing>("rise/Checkpoints", {
  defaultValue: () => ({ every: { steps: 100, minutes: 5 }, keep: 2, share: 0.02 })
})

export interface Storage {
  /** None where nothing is written to disk. */
  readonly directory: Option.Option<string>
  readonly finished: (stage: string) => Option.Option<Finished>
  /** Records a stage as finished; what it appended before this call is now part of the run. */
  readonly commit: (entry: Finished) => Effect.Effect<void, RunError>
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
  /** Where an unfinished stage was kept last. */
  readonly midStage: (stage: string) => Option.Option<Pick<MidStage, "step" | "state" | "selected">>
  /** Keeps an unfinished stage on its way, with what it appended before this call. */
  readonly keepMidStage: (kept: OnItsWay) => Effect.Effect<void, RunError | PolicyError>
  /** Makes a policy what it was where the stage was kept last, and brings back the best weights so far. */
  readonly bringBackMidStage: (
    stage: string,
    policy: Policy["Service"]
  ) => Effect.Effect<Option.Option<Snapshot>, RunError | PolicyError>
  readonly checkpointing: Checkpointing
  /** Whether a file, or one in a folder, of a finished stage's making was found damaged or missing. */
  readonly damaged: (name: string) => boolean
  /** Takes note of a folder that was written beside: `model`. */
  readonly note: (folder: string) => Effect.Effect<void, RunError>
  /** Records that nothing is left to do. */
  readonly seal: Effect.Effect<void, RunError>
  /** Whether it had been sealed, and is as it was then. */
  readonly sealed: boolean
}

/** Keeps everything in memory: for tests, notebooks and pipelines that are run for their result alone. */
export const memory = Effect.sync((): Storage => {
  const entries = new Map<string, Finished>()
  const lines = new Map<string, Array<Schema.Json>>()
  const snapshots = new Map<string, Snapshot>()
  const spools = new Map<string, Array<Schema.Json>>()
  return {
    directory: Option.none(),
    finished: (stage) => Option.fromNullishOr(entries.get(stage)),
    commit: (entry) =>
      Effect.sync(() => {
        entries.set(entry.stage, entry)
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
      }),
    midStage: Option.none,
    keepMidStage: () => Effect.void,
    bringBackMidStage: () => Effect.succeed(Option.none()),
    checkpointing: { every: { steps: 0, minutes: 0 }, keep: 1, share: 1 },
    damaged: () => false,
    note: () => Effect.void,
    seal: Effect.void,
    sealed: false
  }
})
