/**
 * The hashes of a run's pictures, shortened, one a line in the order of the data: `picture-hashes.txt` in the run's
 * folder. run.json says whether any picture has changed; this says which one is the first.
 */
import { Context, Effect, Option } from "effect"
import { there } from "../kernels/runtime/there.ts"
import * as Atomic from "./Atomic.ts"
import { RunFolderMismatch } from "./RunError.ts"
import * as TextFile from "./TextFile.ts"

/** Name of the file, within the run folder. */
export const fileName = "picture-hashes.txt"

/** Characters that are kept of a hash: pictures are compared each with its own, so that few tell them apart. */
const kept = 12

/** A picture's line: of one without bytes that says nothing. */
export const markOf = (hash: Option.Option<string>): string =>
  Option.match(hash, { onNone: () => "-", onSome: (hash) => hash.slice(0, kept) })

/** The lines of a file. */
export const marksIn = (text: string): ReadonlyArray<string> => text.split("\n").slice(0, -1)

/** Is told of every picture, in order. */
export interface Marks {
  /** @param hash of the picture's bytes; none where it has none, or they cannot be read */
  readonly add: (id: string, hash: Option.Option<string>) => void
}

/** Who is told; by default nobody. */
export const Marks = Context.Reference<Marks | undefined>("rise/PictureMarks", { defaultValue: () => undefined })

/**
 * Compares pictures with those of the folder's run, where there is one, and writes them down. Fails where the list is
 * there and cannot be read: without it nobody could be told which picture has changed.
 */
export const make = Effect.fnUntraced(function*(file: string) {
  const before = (yield* there(file)) ? Option.some(yield* TextFile.read(file)) : Option.none<string>()
  const earlier = Option.match(before, { onNone: () => [], onSome: marksIn })
  const lines: Array<string> = []
  let changed: string | undefined
  let any = false
  const marks: Marks = {
    add: (id, hash) => {
      const line = markOf(hash)
      const was = earlier[lines.length]
      if (was !== undefined && was !== line) changed ??= id
      any ||= Option.isSome(hash)
      lines.push(line)
    }
  }
  return {
    marks,
    /** Names the picture, where pictures are all that a run differs in. */
    naming: (error: RunFolderMismatch): RunFolderMismatch =>
      /(^|\.)pictures$/.test(error.field) && changed !== undefined
        ? new RunFolderMismatch({ ...error, picture: changed })
        : error,
    /** Nothing is written of data whose pictures have no bytes. */
    write: Effect.suspend(() => any ? Atomic.writeText(file, `${lines.join("\n")}\n`) : Effect.void)
  }
})
