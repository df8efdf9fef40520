/**
 * A run that begins where finished ones ended: stages that an earlier folder has finished count as finished here.
 *
 * Runs that share their first stages (the same warm-up, the same D_RISE) need not do them again, and a pipeline need
 * not be cut in two for it: it is written as a whole, and finds its first stages done, exactly as when it is resumed.
 * Nothing is written into the earlier folders. What makes it correct is that they were made of the same: every field of
 * an earlier run's identity must be one of the later's, with the same value.
 */
import { Effect, FileSystem, Option, Path } from "effect"
import * as Ledger from "./Ledger.ts"
import { readers } from "./Reading.ts"
import { type Identity, reopen, unbegun } from "./Reopen.ts"
import { RunFileError } from "./RunError.ts"
import type { Storage } from "./Storage.ts"
import * as Verify from "./Verify.ts"

/** What can be read of a run that is not written to. */
export type Past = Pick<Storage, "finished" | "holds" | "rows" | "bringBack">

/** An earlier run, as far as it had finished; what it began to write after that is not seen. */
export const past = Effect.fnUntraced(function*(directory: string, identity: Identity) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const ledger = yield* reopen(directory, identity, false)
  if (Option.isNone(ledger)) yield* unbegun(directory, Ledger.fileName)
  const entries = Option.match(ledger, { onNone: () => [], onSome: ({ stages }) => stages })
  const files = entries.at(-1)?.files ?? {}
  yield* Verify.lineFiles(directory, files)
  const { checkpoint, lines } = yield* readers(directory)
  const finished = (stage: string) => Option.fromNullishOr(entries.find((entry) => entry.stage === stage))
  return {
    finished,
    holds: (file) => files[file] !== undefined,
    rows: (file) => lines(file, files[file]?.bytes ?? 0),
    bringBack: (stage, policy) =>
      Effect.gen(function*() {
        const digests = Option.match(finished(stage), { onNone: () => ({}), onSome: ({ checkpoint }) => checkpoint })
        for (const [name, digest] of Object.entries(digests)) {
          const file = path.join(checkpoint(stage), name)
          const found = yield* Verify.fault(file, digest)
          if (found === undefined) continue
          const reason = `${found}. Resume that run, which makes it again, or begin without it`
          return yield* new RunFileError({ path: file, reason })
        }
        yield* policy.restore(checkpoint(stage))
      }).pipe(Effect.provideService(FileSystem.FileSystem, fs))
  } satisfies Past
})

/** `own`, with what it lacks looked up in `past`, the nearest first. */
export const over = (own: Storage, past: ReadonlyArray<Past>): Storage => {
  const ownerOf = (owns: (one: Past) => boolean): Past => [own, ...past].find(owns) ?? own
  return {
    ...own,
    finished: (stage) => Option.firstSomeOf([own, ...past].map(({ finished }) => finished(stage))),
    holds: (file) => own.holds(file) || past.some(({ holds }) => holds(file)),
    rows: (file) => ownerOf(({ holds }) => holds(file)).rows(file),
    bringBack: (stage, policy) => ownerOf(({ finished }) => Option.isSome(finished(stage))).bringBack(stage, policy)
  }
}
