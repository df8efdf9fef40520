/** A contestant that is a whole process each time: from its start to its first output, or to its end. */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { BenchError, type Contestant } from "./Contest.ts"

/** What usage.ts writes at the end of a process that was started with it. */
const USAGE = /^usage (\d+) (\d+)$/m

const usage = ["--import", fileURLToPath(new URL("./usage.ts", import.meta.url))]

/** Times it `until` its first byte of standard output or until it ends; it has to write something and to end well. */
export const command = (
  name: string,
  [program, ...args]: readonly [string, ...ReadonlyArray<string>],
  until: "first output" | "end"
): Contestant => {
  let told: { readonly peakGib: number; readonly processorSeconds: number } | undefined
  const run = Effect.tryPromise({
    try: async () => {
      const began = performance.now()
      const isNode = program === process.execPath
      const child = spawn(program, isNode ? [...usage, ...args] : args, { stdio: ["ignore", "pipe", "pipe"] })
      let first: number | undefined
      child.stdout.on("data", () => {
        first ??= performance.now()
      })
      let complaint = ""
      child.stderr.on("data", (chunk) => {
        complaint = (complaint + String(chunk)).slice(-2000)
      })
      const [code] = await once(child, "close")
      const ended = performance.now()
      if (code !== 0 || first === undefined) {
        throw new Error(first === undefined && code === 0 ? "it wrote nothing" : `it ended with ${code}: ${complaint}`)
      }
      const [, kibibytes, micros] = USAGE.exec(complaint) ?? []
      if (kibibytes !== undefined) {
        told = { peakGib: Number(kibibytes) / 2 ** 20, processorSeconds: Number(micros) / 1e6 }
      }
      return ((until === "end" ? ended : first) - began) / 1000
    },
    catch: (cause) => new BenchError(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  })
  return {
    name,
    seconds: (count) => Effect.replicateEffect(run, count),
    peakGib: () => told?.peakGib,
    processorSeconds: () => told?.processorSeconds
  }
}
