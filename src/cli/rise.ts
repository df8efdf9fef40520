#!/usr/bin/env node
/**
 * The `rise` command: turns away a Node that is too old with one line, then loads the program.
 */
import { tooOld } from "./nodeVersion.ts"

const reason = tooOld(process.versions.node)
if (reason === undefined) {
  // What is compiled stays in the system's folder for temporary files (or NODE_COMPILE_CACHE): the next start reads it.
  process.getBuiltinModule("node:module").enableCompileCache()
  await import("./program.ts")
} else {
  console.error(reason)
  process.exitCode = 1
}
