/**
 * Builds the npm package: `npm run build` writes the folder `dist/`, for `npm pack ./dist` and `npm publish ./dist`.
 *
 * Node runs the sources of a clone as they are, but refuses TypeScript below `node_modules`: what is installed has to
 * be JavaScript.
 */
import { Console, Effect, FileSystem, Path, Struct } from "effect"
import { Command, Flag } from "effect/cli"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import packageJson from "../package.json" with { type: "json" }
import { readable, runMain } from "../src/cli/process.ts"
import { program, ScriptError } from "./program.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
/** Nobody's but this script's: replaced without asking. */
const own = join(root, "dist")
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc")

/** What a project that uses the package writes its own programs with. */
const shared = ["effect", "@effect/platform-node"] as const

/**
 * What an installed package says of itself: the clone's description with JavaScript for sources and without
 * development. A clone brings a Node of its own; an installed package runs on its user's.
 */
const manifest = {
  ...Struct.pick(packageJson, ["name", "version", "description", "license", "type"]),
  dependencies: Struct.omit(packageJson.dependencies, shared),
  // Two copies of effect would be two sets of services that know nothing of each other: the project's own is used.
  peerDependencies: Object.fromEntries(shared.map((name) => [name, `^${packageJson.dependencies[name]}`])),
  engines: { node: ">=22.19" },
  exports: {
    ".": { types: "./src/index.d.ts", default: "./src/index.js" },
    "./cli": { types: "./src/cli/index.d.ts", default: "./src/cli/index.js" },
    "./assets/*": "./assets/*"
  },
  bin: { rise: "./src/cli/rise.js" },
  scripts: { "setup:cuda": "node scripts/setupCuda.js" }
}

const build = Effect.fnUntraced(function*(out: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const target = path.resolve(out)
  if (target !== own && (yield* fs.exists(target)) && (yield* fs.readDirectory(target)).length > 0) {
    return yield* new ScriptError({ reason: `${target} is not empty; choose another --out` })
  }
  yield* fs.remove(target, { recursive: true, force: true })
  const code = yield* program(tsc, ["-p", path.join(root, "tsconfig.build.json"), "--outDir", target])
  if (code !== 0) return yield* new ScriptError({ reason: `tsc ended with ${code}; what it printed above says why` })
  for (const name of ["assets", "docs", "README.md", "CHANGELOG.md", "LICENSE"]) {
    yield* fs.copy(path.join(root, name), path.join(target, name))
  }
  yield* fs.writeFileString(path.join(target, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`)
  yield* Console.log(
    `${packageJson.name} ${packageJson.version} is in ${target}: "npm pack ${target}" makes an archive to install`
  )
})

Command.make("build", {
  out: Flag.String("out").pipe(Flag.withDescription("Folder to write; default dist"), Flag.withDefault(own))
}, ({ out }) => readable(build(out))).pipe(Command.withDescription("Build the npm package"), runMain)
