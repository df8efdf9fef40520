/** Run folders, looked at and changed by tests. */
import { Effect, FileSystem } from "effect"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import * as Ledger from "../../src/dsl/Ledger.ts"

/** A folder for a test; in memory where there is such a place: nothing has to reach a disk here. */
export const temporary = Effect.flatMap(
  FileSystem.FileSystem,
  (fs) => fs.makeTempDirectoryScoped(existsSync("/dev/shm") ? { directory: "/dev/shm" } : {})
)

const withoutTimings = (text: string) =>
  text.replace(/"check": "[0-9a-f]+",/, "").replace(/"(timings.jsonl|report\/run.js)": \{[^}]*\}/g, "")

/** Every file of a run as it is, to the last byte, by relative path. */
export const bytes = (directory: string) =>
  Effect.sync(() =>
    Object.fromEntries(
      readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name, parentPath }) => join(parentPath, name))
        .toSorted()
        .map((file) => [relative(directory, file), readFileSync(file, "latin1")] as const)
    )
  )

/** The same without what is timed. */
export const contents = (directory: string) =>
  Effect.map(bytes(directory), (files) =>
    Object.fromEntries(
      Object.entries(files).flatMap(([file, text]) =>
        /(timings\.jsonl|report\/run\.js)$/.test(file)
          ? []
          // The ledger knows what the timings were.
          : [[file, file.endsWith("ledger.json") ? withoutTimings(text) : text] as const]
      )
    ))

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
