/**
 * Reads inputs in processes of their own for so long or so many, and keeps those that end in anything but success or a
 * typed error, take more than a second, or more than a GiB.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ManagedRuntime } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { fileURLToPath } from "node:url"
import * as Inputs from "./inputs.ts"
import type { Order, Told } from "./process.ts"
import { targets } from "./targets/index.ts"

export interface Options {
  readonly seed: number
  readonly seconds: number
  readonly inputs: number
  readonly processes: number
  /** Names; all where there are none. */
  readonly targets: ReadonlyArray<string>
  /** Where inputs that were found are kept. */
  readonly findings: string
  /** Told how far it is, every ten seconds: a run of hours that is ended has counted for something. */
  readonly tell?: (summary: Summary) => void
}

export interface Finding {
  readonly target: string
  readonly at: number
  readonly what: string
  readonly file: string
}

export interface Count {
  inputs: number
  taken: number
  findings: number
  /** Most milliseconds of an input. */
  slowest: number
}

export interface Summary {
  readonly counts: ReadonlyMap<string, Count>
  readonly findings: ReadonlyArray<Finding>
}

/** Milliseconds of this process's time, and MiB, that an input may take. */
const SLOW = 1000
const LARGE = 1024
/** Milliseconds on the clock after which an input is ended: the machine may be busy. */
const HANGS = 60_000
/** Milliseconds between two words of how far it is. */
const TELLS = 10_000
/** What a process says when it ends, as far as it is kept. */
const LAST_WORDS = 2000

const program = fileURLToPath(new URL("./process.ts", import.meta.url))

export const fuzz = async (options: Options): Promise<Summary> => {
  const { findings: kept, inputs, processes, seconds, seed, targets: names } = options
  const runtime = ManagedRuntime.make(NodeServices.layer)
  const chosen = targets.filter(({ name }) => names.length === 0 || names.includes(name))
  const all = await runtime.runPromise(Inputs.prepared(chosen))
  await runtime.dispose()
  const folder = mkdtempSync(`${tmpdir()}/fuzz-`)
  const end = Date.now() + 1000 * seconds
  const counts = new Map(chosen.map(({ name }): [string, Count] => [
    name,
    { inputs: 0, taken: 0, findings: 0, slowest: 0 }
  ]))
  const findings: Array<Finding> = []

  const find = (at: number, what: string) => {
    const { bytes, target } = Inputs.input(all, seed, at)
    mkdirSync(kept, { recursive: true })
    const file = `${kept}/${target.name}-${seed}-${at}`
    writeFileSync(file, bytes)
    writeFileSync(`${file}.txt`, `${what}\n`)
    findings.push({ target: target.name, at, what, file })
    const count = counts.get(target.name)
    if (count !== undefined) count.findings++
  }
  const tally = (told: Extract<Told, { _tag: "Ended" }>) => {
    const { at, defect, mebibytes, milliseconds, taken } = told
    const count = counts.get(Inputs.nameOf(all, at))
    if (count === undefined) return
    count.inputs++
    count.taken += Number(taken)
    count.slowest = Math.max(count.slowest, milliseconds)
    if (defect !== undefined) find(at, defect)
    else if (milliseconds > SLOW) find(at, `took ${Math.round(milliseconds)} ms`)
    else if (mebibytes > LARGE) find(at, `took ${Math.round(mebibytes)} MiB`)
  }

  /** One process from input `from` on; gives the input to go on with, if it was ended. */
  const process = (from: number, k: number) =>
    new Promise<number | undefined>((resolve) => {
      const child: ChildProcess = fork(program, { stdio: ["ignore", "ignore", "pipe", "ipc"] })
      let at: number | undefined
      let since = Date.now()
      let why = ""
      let words = ""
      child.stderr?.on("data", (chunk) => words = `${words}${chunk}`.slice(-LAST_WORDS))
      const watch = setInterval(() => {
        if (Date.now() > end) child.kill("SIGKILL")
        else if (at !== undefined && Date.now() - since > HANGS) {
          why = `did not come back in ${HANGS} ms`
          child.kill("SIGKILL")
        }
      }, 100)
      child.on("message", (told: Told) => {
        since = Date.now()
        at = told._tag === "Begun" ? told.at : undefined
        if (told._tag === "Ended") tally(told)
      })
      child.once("exit", (code, signal) => {
        clearInterval(watch)
        if (Date.now() > end || (code === 0 && at === undefined)) return resolve(undefined)
        if (at === undefined) throw new Error(`a process ended before its first input: ${words}`)
        find(at, why === "" ? `ended its process (${signal ?? code}): ${words}` : why)
        resolve(at + processes)
      })
      const order: Order = { seed, from, by: processes, to: inputs, targets: names, folder: `${folder}/${k}` }
      child.send(order)
    })

  const telling = setInterval(() => options.tell?.({ counts, findings }), TELLS)
  await Promise.all(Array.from({ length: processes }, async (_, k) => {
    let next: number | undefined = k
    while (next !== undefined && next < inputs && Date.now() < end) next = await process(next, k)
  }))
  clearInterval(telling)
  rmSync(folder, { recursive: true, force: true })
  return { counts, findings }
}

/** How many inputs were read so far. */
export const read = ({ counts }: Summary): number => [...counts.values()].reduce((sum, { inputs }) => sum + inputs, 0)

/** A line for each target, and one for all. */
export const table = ({ counts, findings }: Summary): string => {
  const row = (...cells: ReadonlyArray<string | number>) =>
    cells.map((cell, i) => i === 0 ? String(cell).padEnd(16) : String(cell).padStart(9)).join(" ")
  const total = (of: (count: Count) => number) => [...counts.values()].reduce((sum, count) => sum + of(count), 0)
  return [
    row("target", "inputs", "taken", "findings", "slowest"),
    ...[...counts].map(([name, { findings, inputs, slowest, taken }]) =>
      row(name, inputs, taken, findings, `${Math.round(slowest)} ms`)
    ),
    row("all", total(({ inputs }) => inputs), total(({ taken }) => taken), findings.length, "")
  ].join("\n")
}
