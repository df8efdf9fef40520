/**
 * A pipeline's stages with their settings, as run.json records them: a run resumes only under the same.
 */
import { Stream } from "effect"
import * as Plain from "../Plain.ts"
import type { Identity } from "../RunFolder.ts"

/** A stage by name, with the options that it was given. */
export type Described = readonly [stage: string, options: object]

/** Code and data cannot be written down; prompts and the fingerprint of the data, recorded beside, tell of them. */
const unwritable = (value: unknown): boolean => typeof value === "function" || Stream.isStream(value)

/** Options as JSON; JSON has no word for a limit that is switched off. */
const plain = (options: object): Identity =>
  JSON.parse(
    JSON.stringify(options, (_, value: unknown) =>
      unwritable(value) ? undefined : value === Infinity ? Plain.none : value)
  )

/** Options by stage. The types allow each stage once, in one order. */
export const described = (stages: ReadonlyArray<Described>): Identity =>
  Object.fromEntries(stages.map(([stage, options]) => [stage, plain(options)]))
