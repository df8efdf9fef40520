/** Run folders, looked at and changed by tests. */
import { Effect, FileSystem, Path } from "effect"
import * as Ledger from "../../src/dsl/Ledger.ts"

const withoutTimings = (text: string) =>
  text.replace(/"check": "[0-9a-f]+",/, "").replace(/"timings.jsonl": \{[^}]*\}/g, "")

/** Every file of a run, by relative path, without what is timed. */
export const contents = Effect.fnUntraced(function*(directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const files = yield* fs.readDirectory(directory, { recursive: true })
  const entries: Array<readonly [string, string]> = []
  for (const file of files.toSorted()) {
    const full = path.join(directory, file)
    if ((yield* fs.stat(full)).type !== "File" || path.basename(file) === "timings.jsonl") continue
    const text = Buffer.from(yield* fs.readFile(full)).toString("latin1")
    // The ledger knows what the timings were.
    entries.push([file, file.endsWith("ledger.json") ? withoutTimings(text) : text])
  }
  return Object.fromEntries(entries)
})

/** Every file of a run as it is, to the last byte. */
export const bytes = Effect.fnUntraced(function*(directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const entries: Array<readonly [string, string]> = []
  for (const file of (yield* fs.readDirectory(directory, { recursive: true })).toSorted()) {
    const full = path.join(directory, file)
    if ((yield* fs.stat(full)).type === "File") {
      entries.push([file, Buffer.from(yield* fs.readFile(full)).toString("latin1")])
    }
  }
  return Object.fromEntries(entries)
})

/** The ledger of a run. */
export const ledgerOf = Effect.fnUntraced(function*(directory: string) {
  const fs = yield* FileSystem.FileSystem
  const file = `${directory}/${Ledger.fileName}`
  return yield* Ledger.decode(file, yield* fs.readFileString(file))
})

/** Changes the ledger of a run, as if the run had written it so. */
export const changeLedger = Effect.fnUntraced(function*(
  directory: string,
  change: (ledger: Ledger.Ledger) => Partial<Ledger.Ledger>
) {
  const fs = yield* FileSystem.FileSystem
  const ledger = yield* ledgerOf(directory)
  yield* fs.writeFileString(`${directory}/${Ledger.fileName}`, Ledger.encode({ ...ledger, ...change(ledger) }))
})
