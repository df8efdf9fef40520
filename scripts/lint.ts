/**
 * `npm run lint`: types and Effect's diagnostics in one pass, by TypeScript's compiler with Effect's rules in it.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { executable } from "./program.ts"

const tool = join(dirname(createRequire(import.meta.url).resolve("@effect/tsgo/package.json")), "dist/effect-tsgo.cjs")

Effect.gen(function*() {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const compiler = yield* spawner.string(ChildProcess.make(process.execPath, [tool, "get-exe-path"]))
  // The compiler reads everything once and ends: what it would collect meanwhile goes with it.
  const code = yield* executable(compiler.trim(), ["--noEmit", "-p", "tsconfig.json"], { GOGC: "400" })
  process.exitCode = Number(code)
}).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
