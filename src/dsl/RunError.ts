/**
 * What can be wrong with a run folder, in words that a user can act on.
 */
import { type PlatformError, Schema } from "effect"
import { shownInLine } from "../kernels/runtime/Shown.ts"
import * as SystemFault from "../kernels/runtime/SystemFault.ts"
import { show } from "../kernels/text/show.ts"

/** Whether a script asked, which has options where a command has flags. */
const script = Schema.optionalKey(Schema.Boolean)

const another = (script: boolean | undefined) => `choose another ${script === true ? "out" : "--out"}`

/** `--out` names a folder that is in use. */
export class RunFolderExists extends Schema.TaggedError<RunFolderExists>()("RunFolderExists", {
  path: Schema.String,
  /** Whether the folder holds a run that `resume` could continue. */
  resumable: Schema.Boolean,
  script
}) {
  override get message() {
    const { path, resumable, script } = this
    const resume = script === true ? `Rise.run({ out: ${JSON.stringify(path)}, resume: true })` : "--resume"
    return resumable
      ? `${path} already holds a run: continue it with ${resume}, or ${another(script)}`
      : `${path} already exists and holds no run: ${another(script)}`
  }
}

/** Another run writes to the folder. */
export class RunFolderInUse extends Schema.TaggedError<RunFolderInUse>()("RunFolderInUse", {
  path: Schema.String,
  /** The lock that says so. */
  file: Schema.String,
  pid: Schema.Int,
  host: Schema.String,
  /** ISO 8601. */
  since: Schema.String,
  script
}) {
  override get message() {
    return `${this.path} is in use: process ${this.pid} on ${this.host} has held it since ${this.since}. ` +
      `Wait for it or ${another(this.script)}; if that process is gone, delete ${this.file}`
  }
}

/** Whether the JSON of a field is a SHA-256: it tells that two things differ, and not in what. */
export const isHash = (json: string): boolean => /^"[0-9a-f]{64}"$/.test(json)

/** What a hash is of, in words. */
const hashed = (field: string): string =>
  /(^|\.)prompts$/.test(field)
    ? "prompts (labels, subject or wording)"
    : /(^|\.)sha256$/.test(field)
    ? "data (names, labels or order of its samples)"
    : field

/** The run to be resumed was started with something else. */
export class RunFolderMismatch extends Schema.TaggedError<RunFolderMismatch>()("RunFolderMismatch", {
  path: Schema.String,
  field: Schema.String,
  stored: Schema.String,
  given: Schema.String,
  /** The first picture that has changed, where the field is that of the pictures and it is known. */
  picture: Schema.optionalKey(Schema.String),
  script
}) {
  override get message() {
    const { field, path, picture } = this
    if (/(^|\.)pictures$/.test(field)) {
      return `${path} was started with other pictures: ${
        picture === undefined ? "pictures have changed" : `${show(picture)} has changed`
      } (${field}), though names and labels are the same. Bring back what they were, or ${another(this.script)}`
    }
    if (isHash(this.stored) && isHash(this.given)) {
      return `${path} was started with other ${hashed(field)}, by the SHA-256 of ${field}: ` +
        `resume with the same options and data, or ${another(this.script)}`
    }
    return `${this.path} was started with ${this.field} = ${this.stored}, this run has ${this.given}: ` +
      `resume with the same options and data, or ${another(this.script)}`
  }
}

/** A file of the run folder could not be read or written. */
export class RunFileError extends Schema.TaggedError<RunFileError>()("RunFileError", {
  path: Schema.String,
  reason: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `${shownInLine(this.path)}: ${this.reason}`
  }
}

/** What can be wrong with a run folder. */
export type RunError = RunFolderExists | RunFolderInUse | RunFolderMismatch | RunFileError

const byFlag = "another --out"

/** The same, said to who wrote a script. */
export const toScript = <E>(error: E) => {
  if (error instanceof RunFolderExists) return new RunFolderExists({ ...error, script: true })
  if (error instanceof RunFolderInUse) return new RunFolderInUse({ ...error, script: true })
  if (error instanceof RunFolderMismatch) return new RunFolderMismatch({ ...error, script: true })
  // Reasons are written where nobody knows who reads them.
  if (error instanceof RunFileError && error.reason.includes(byFlag)) {
    return new RunFileError({ ...error, reason: error.reason.replaceAll(byFlag, "another out") })
  }
  return error
}

/**
 * Names the file and what was being done with it.
 *
 * @param needed bytes that were to be written, where that is known: told where the disk is full
 */
export const fromPlatform =
  (path: string, doing: string, needed?: number) => (cause: PlatformError.PlatformError): RunFileError =>
    new RunFileError({ path, reason: `${doing} failed: ${SystemFault.words(cause, { path, needed })}`, cause })
