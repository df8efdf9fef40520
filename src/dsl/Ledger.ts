/**
 * The ledger of a run, `checkpoints/ledger.json`: what is finished, and the length and SHA-256 of all that belongs to
 * it. It is the only truth about a run, and it checks itself: its first field is the SHA-256 of the rest.
 */
import { Effect, Schema } from "effect"
import { createHash } from "node:crypto"
import { Digest, Digests } from "./Digest.ts"
import { RunFileError } from "./RunError.ts"

/** Where line files are when something is recorded. */
const lineFiles = { files: Digests }

/** One finished stage. */
export const Entry = Schema.Struct({
  stage: Schema.String,
  /** What the stage computed, for stages that compute a value. */
  value: Schema.Json,
  /** Whether it trained: what the policy became by it is kept. */
  trained: Schema.Boolean,
  ...lineFiles,
  /** The files of its checkpoint, by their names in its folder. */
  checkpoint: Digests
})
export type Entry = typeof Entry.Type

/** An unfinished stage, kept on its way. */
export const MidStage = Schema.Struct({
  stage: Schema.String,
  /** Steps, or samples of a pass, that are done. */
  step: Schema.Int,
  /** What the stage itself remembers. */
  state: Schema.Json,
  /** The step whose weights are the best so far; null where nothing is selected. */
  selected: Schema.NullOr(Schema.Int),
  ...lineFiles,
  /** Its folders within `checkpoints`, with their files. */
  folders: Schema.Record(Schema.String, Digests)
})
export type MidStage = typeof MidStage.Type

/** All of it. */
export const Ledger = Schema.Struct({
  /** Of run.json. */
  run: Digest,
  /** Finished stages, in their order. */
  stages: Schema.Array(Entry),
  /** The unfinished stage, the newest last. */
  midStage: Schema.Array(MidStage),
  /** Line files that were begun. What an unfinished stage began is not there when it begins again. */
  begun: Schema.Array(Schema.String),
  /** What was written beside: the model, results, reports. */
  written: Digests,
  /** Whether there is nothing left to do. */
  finished: Schema.Boolean
})
export type Ledger = typeof Ledger.Type

/** Name of its file, within the run folder. */
export const fileName = "checkpoints/ledger.json"

/** Of a run that has done nothing yet. */
export const begun = (run: Digest): Ledger => (
  { run, stages: [], midStage: [], begun: [], written: {}, finished: false }
)

/** The text of its file. */
export const encode = (ledger: Ledger): string => {
  // In the schema's order of fields, whoever made it.
  const content = Schema.encodeSync(Ledger)(ledger)
  const check = createHash("sha256").update(JSON.stringify(content)).digest("hex")
  return `${JSON.stringify({ check, ...content }, null, 2)}\n`
}

const Text = Schema.fromJsonString(Ledger)

/** Reads the text of its file, which must be what `encode` made, to the last byte. */
export const decode = (path: string, text: string): Effect.Effect<Ledger, RunFileError> =>
  Schema.decodeEffect(Text)(text).pipe(
    Effect.mapError((cause) =>
      new RunFileError({
        path,
        reason: "is damaged, or not what this version writes: nothing of the run can be trusted without it. " +
          "Bring it back from a copy, or choose another folder",
        cause
      })
    ),
    Effect.filterOrFail(
      (ledger) => encode(ledger) === text,
      () =>
        new RunFileError({
          path,
          reason: "is damaged: it is not what its own SHA-256 says. Bring it back from a copy, or choose another folder"
        })
    )
  )
