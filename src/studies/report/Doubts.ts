/**
 * Whether the files that a report is made of are what their run wrote: who reads a page has to know where they are not.
 */
import { Effect, FileSystem, Option, Path } from "effect"
import * as Ledger from "../../dsl/Ledger.ts"
import { fromPlatform } from "../../dsl/RunError.ts"
import * as TextFile from "../../dsl/TextFile.ts"
import * as Verify from "../../dsl/Verify.ts"
import { there } from "../../kernels/runtime/there.ts"
import * as Side from "./Side.ts"

/** Doubts that are shown one by one. */
const most = 10

/** Pages are made here, and nothing is read of the model or of checkpoints. */
const isRead = (name: string): boolean =>
  name !== "report.html" && !name.startsWith(`${Side.folder}/`) && /^[^/]+\.jsonl?$/.test(name)

/** What is wrong with the files of a run that nobody holds, a sentence each; none where all is as its ledger says. */
export const doubts = Effect.fnUntraced(function*(directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(directory, Ledger.fileName)
  const text = yield* Effect.result(TextFile.readIfThere(file))
  if (text._tag === "Failure") return [`${text.failure.message}: nothing here can be verified.`]
  if (Option.isNone(text.success)) {
    return [
      `There is no ${Ledger.fileName} in ${directory}: whether these are the figures of a run cannot be verified.`
    ]
  }
  const ledger = yield* Effect.option(Ledger.decode(file, text.success.value))
  if (Option.isNone(ledger)) {
    return [`${file} is damaged, or of another version: whether these are the figures of a run cannot be verified.`]
  }
  const { finished, midStage, run, stages, written } = ledger.value
  const lineFiles = (midStage.at(-1) ?? stages.at(-1))?.files ?? {}
  const found: Array<string> = []
  const note = (name: string, fault: string) =>
    void found.push(`${path.join(directory, name)} ${fault}: it is not what the run wrote, do not trust its figures.`)
  for (const [name, digest] of [["run.json", run] as const, ...Object.entries(written)]) {
    if (!isRead(name)) continue
    const fault = yield* Verify.fault(path.join(directory, name), digest)
    if (fault !== undefined) note(name, fault)
  }
  for (const [name, digest] of Object.entries(lineFiles)) {
    const one = yield* Effect.result(Verify.lineFiles(directory, { [name]: digest }))
    if (one._tag === "Failure") note(name, "is missing, cut or changed")
    else if (finished) {
      const at = path.join(directory, name)
      const { size } = yield* Effect.mapError(fs.stat(at), fromPlatform(at, "reading"))
      if (Number(size) > digest.bytes) note(name, `has ${Number(size) - digest.bytes} bytes behind its last line`)
    }
  }
  // A file of figures that no ledger speaks of was put there.
  for (const name of ["results.json", "predictions.jsonl"]) {
    if (!finished || name in written || name in lineFiles) continue
    if (yield* there(path.join(directory, name))) {
      note(name, "is not in the run's ledger")
    }
  }
  return found.length > most ? [...found.slice(0, most), `${found.length - most} more files are damaged.`] : found
})
