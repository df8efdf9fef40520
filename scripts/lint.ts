/**
 * `npm run lint`: types and Effect's diagnostics in one pass, by TypeScript's compiler with Effect's rules in it.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import getExePath from "@effect/tsgo/lib/getExePath"
import { Effect } from "effect"
import { executable } from "./program.ts"

// The compiler ends when it has read everything once: what it would collect meanwhile goes with it.
executable(getExePath(), ["--noEmit", "-p", "tsconfig.json"], { GOGC: "400" }).pipe(
  Effect.map((code) => void (process.exitCode = Number(code))),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
