/** A peer: a Python script of bench/peers. */
import { Effect, Option, type Scope } from "effect"
import { fileURLToPath } from "node:url"
import type { BenchError } from "./Contest.ts"
import * as Process from "./Process.ts"

export type PythonPeer = Process.ProcessContestant

/** `RISE_PEER_PYTHON`, or `python3` of the path. It needs torch, and what the script imports. */
export const interpreter = (): string => process.env["RISE_PEER_PYTHON"] ?? "python3"

/** Where a script of bench/peers lies. */
export const scriptPath = (script: string): string => fileURLToPath(new URL(`../peers/${script}`, import.meta.url))

/** What a peer that did not start was missing, in its own words; nothing where it failed by itself. */
export const missing = (complaint: string): string | undefined =>
  /No module named '[\w.]+'|\S*ENOENT/.exec(complaint)?.[0]

/** Says on standard error that there is no peer, and why. */
export const without = (script: string, missing: string): Effect.Effect<Option.Option<never>> =>
  Effect.sync(() => {
    process.stderr.write(`bench: no peer: ${script}: ${missing}\n`)
    return Option.none()
  })

/** Starts a peer; none where there is no Python with the modules that it imports, which is told. */
export const python = (
  script: string,
  args: ReadonlyArray<string>
): Effect.Effect<Option.Option<PythonPeer>, BenchError, Scope.Scope> =>
  Process.start(script, interpreter(), [scriptPath(script), ...args]).pipe(
    Effect.map(Option.some),
    Effect.catch((error) => {
      const lacks = missing(`${error.message} ${error.complaint}`)
      return lacks === undefined ? Effect.fail(error) : without(script, lacks)
    })
  )
