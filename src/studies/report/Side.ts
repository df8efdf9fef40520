/**
 * Files beside `report.html`, in the folder `report/`: what is too much for one page, as scripts that do nothing but
 * hand it data. A page that was opened from the disk may load scripts; it may not read files.
 */
import { Effect, FileSystem, Path } from "effect"
import * as Atomic from "../../dsl/Atomic.ts"
import { fromPlatform } from "../../dsl/RunError.ts"
import { makeFolder } from "../../kernels/runtime/makeFolder.ts"
import { shown } from "../../kernels/runtime/Shown.ts"

/** The folder, within the run's. */
export const folder = "report"

/** Names that a page may ask for. */
export const isOurs = (name: string): boolean => name === "now.js" || own.test(name)

const own = /^(index|run|samples-\d+|loops-\d+)\.js$/

/** What a process that was killed leaves of a file that it wrote, `now.json` too. */
const halves = /^((index|run|now|samples-\d+|loops-\d+)\.js|now\.json)\.[\da-f-]+\.tmp$/

/** Texts of a model or a file name may hold what turns the text around them: shown as `\u202e`, as everywhere. */
const plain = (_: string, value: unknown): unknown => typeof value === "string" ? shown(value) : value

/**
 * The script that hands `data` to the page under `name`. JSON is JavaScript; `<` is escaped, so that no text in it ends
 * or begins anything wherever the script is put.
 */
export const script = (name: string, data: unknown): string =>
  `rise(${JSON.stringify(name)},${JSON.stringify(data, plain).replaceAll("<", "\\u003c")})\n`

/** Writes one, `name` without its ending. */
export const write = (directory: string, name: string, data: unknown) =>
  Effect.flatMap(
    Path.Path,
    (path) => Atomic.writeText(path.join(directory, folder, `${name}.js`), script(name, data))
  )

/** Makes the folder. */
export const make = Effect.fnUntraced(function*(directory: string) {
  const at = (yield* Path.Path).join(directory, folder)
  yield* Effect.mapError(makeFolder(at), fromPlatform(at, "making"))
})

/** Takes away those of an earlier report that this one does not have. */
export const tidy = Effect.fnUntraced(function*(directory: string, written: ReadonlySet<string>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const at = path.join(directory, folder)
  const failed = Effect.mapError(fromPlatform(at, "tidying"))
  for (const name of yield* failed(fs.readDirectory(at))) {
    const left = own.test(name) ? !written.has(name.slice(0, -".js".length)) : halves.test(name)
    if (left) yield* failed(fs.remove(path.join(at, name), { force: true }))
  }
})
