/**
 * What is fuzzed: a reader, codec, decoder or run file, with sound inputs to start from.
 */
import type { Effect, FileSystem, Path } from "effect"

/** What may be used: the disk, and a folder of the target's own. */
export type Disk = FileSystem.FileSystem | Path.Path

export interface Target {
  readonly name: string
  /** How inputs are changed: as bytes, as text, or as JSON whose values are changed too. */
  readonly kind: "bytes" | "text" | "json"
  /** Sound inputs. */
  readonly seeds: Effect.Effect<ReadonlyArray<Uint8Array>, unknown, Disk>
  /**
   * Reads one input. Succeeds with whether it was taken; a typed error of the reader has become `false`. A defect is a
   * finding, and so is a check of the target's that does not hold: what was taken has to pass its schema and come back
   * from what is written of it.
   *
   * @param folder its own, where files may be left
   */
  readonly run: (input: Uint8Array, folder: string) => Effect.Effect<boolean, never, Disk>
}

/** A value that was taken and should not have been: ends the run as a finding. */
export const holds = (condition: boolean, what: () => string): void => {
  if (!condition) throw new Error(`accepted nonsense: ${what()}`)
}
