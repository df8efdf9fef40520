/**
 * The API reference: `npm run docs` makes `docs-api/index.html` of the docstrings, and fails on a public export that
 * has none.
 *
 * TypeDoc reads sources through an older TypeScript than the project's own, so it lies in a package beside,
 * `scripts/docs/`, which is installed when it is first needed.
 */
import { Console, Effect, FileSystem, Path } from "effect"
import { Command } from "effect/cli"
import { fileURLToPath } from "node:url"
import { readable, runMain } from "../src/cli/process.ts"
import { program, ScriptError } from "./program.ts"

const folder = fileURLToPath(new URL("docs", import.meta.url))

const docs = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const typedoc = join(folder, "node_modules/typedoc/bin/typedoc")
  if (!(yield* fs.exists(typedoc))) {
    const npm = process.env["npm_execpath"]
    if (npm === undefined) return yield* new ScriptError({ reason: "npm was not found; start this as npm run docs" })
    yield* Console.log(`installing TypeDoc into ${folder}`)
    const code = yield* program(npm, ["ci", "--prefix", folder])
    if (code !== 0) return yield* new ScriptError({ reason: `npm ci ended with ${code}` })
  }
  const code = yield* program(typedoc, ["--options", join(folder, "typedoc.json")])
  if (code !== 0) return yield* new ScriptError({ reason: "no reference was written; what TypeDoc printed says why" })
})

Command.make("docs", {}, () => readable(docs)).pipe(
  Command.withDescription("Make the API reference of the docstrings"),
  runMain
)
