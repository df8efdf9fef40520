/**
 * The formatter: `npm run format` writes, `npm run formatted` only says which files are not formatted.
 *
 * dprint's TypeScript plug-in, with the settings that Effect's own sources are formatted by. It is WebAssembly from
 * npm, so it runs wherever Node does and fetches nothing else.
 */
import { createFromBuffer } from "@dprint/formatter"
import { getPath } from "@dprint/typescript"
import { Console, Effect, FileSystem, Path } from "effect"
import { Command, Flag } from "effect/cli"
import { fileURLToPath } from "node:url"
import { readable, runMain } from "../src/cli/process.ts"
import { ScriptError } from "./program.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const folders = ["src", "scripts", "test", "typetest", "bench", "examples", "assets/report"]

const format = Effect.fnUntraced(function*(check: boolean) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const formatter = createFromBuffer(yield* fs.readFile(getPath()))
  formatter.setConfig({ indentWidth: 2, lineWidth: 120, newLineKind: "lf" }, {
    semiColons: "asi",
    quoteStyle: "alwaysDouble",
    trailingCommas: "never",
    operatorPosition: "maintain",
    "arrowFunction.useParentheses": "force"
  })
  const changed: Array<string> = []
  for (const folder of folders) {
    for (const name of (yield* fs.readDirectory(path.join(root, folder), { recursive: true })).sort()) {
      if (!/\.[jt]s$/.test(name) || name.includes("node_modules")) continue
      const file = path.join(root, folder, name)
      const text = yield* fs.readFileString(file)
      const formatted = formatter.formatText({ filePath: file, fileText: text })
      if (formatted === text) continue
      changed.push(path.join(folder, name))
      if (!check) yield* fs.writeFileString(file, formatted)
    }
  }
  if (check && changed.length > 0) {
    return yield* new ScriptError({ reason: `not formatted: ${changed.join(", ")}; npm run format does it` })
  }
  yield* Console.log(check ? "all formatted" : `${changed.length} files formatted`)
})

Command.make("format", {
  check: Flag.Boolean("check").pipe(
    Flag.withDescription("Write nothing, fail where something is not formatted"),
    Flag.withDefault(false)
  )
}, ({ check }) => readable(format(check))).pipe(Command.withDescription("Format the sources"), runMain)
