/**
 * A contestant in a process of its own: it says that it is ready, then answers `run N` with the seconds of N
 * repetitions and the most memory it has held, a JSON object a line.
 */
import { Effect, Schema, type Scope } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { BenchError, type Contestant } from "./Contest.ts"

/** The first line of such a process. */
export const Ready = Schema.Struct({
  ready: Schema.Literal(true),
  name: Schema.String,
  /** Values of its model: equal to ours, or the comparison is void. */
  parameters: Schema.Int,
  /** Tokens of a prompt, where it reads any. */
  tokens: Schema.optionalKey(Schema.Int),
  /** Seconds of ways to do it that it was not chosen for. */
  notes: Schema.optionalKey(Schema.Record(Schema.String, Schema.Finite))
})

/** Its answer to `run N`. */
export const Times = Schema.Struct({
  seconds: Schema.Array(Schema.Finite),
  /** The most it has had resident so far, in GiB. */
  peakGib: Schema.optionalKey(Schema.Finite)
})

/** A contestant that says what it works on. */
export interface ProcessContestant extends Contestant, Omit<typeof Ready.Type, "name" | "ready" | "notes"> {}

/** It ended, or said something else, before it was ready. */
export class NotReady extends BenchError {
  /** The end of what it wrote to standard error. */
  readonly complaint: string

  constructor(message: string, complaint: string) {
    super(message)
    this.complaint = complaint
  }
}

/** Starts one, and ends it with the scope. */
export const start = (
  script: string,
  command: string,
  args: ReadonlyArray<string>
): Effect.Effect<ProcessContestant, NotReady, Scope.Scope> =>
  Effect.gen(function*() {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] })),
      (process) =>
        Effect.promise(async () => {
          if (process.exitCode !== null || process.pid === undefined) return
          process.stdin.end("quit\n")
          await once(process, "exit")
        })
    )
    let complaint = ""
    child.on("error", (error) => {
      complaint = error.message
    })
    child.stdin.on("error", () => {})
    child.stderr.on("data", (chunk) => {
      complaint = (complaint + String(chunk)).slice(-2000)
    })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()

    const answer = <A>(schema: Schema.Codec<A, string>) =>
      Effect.tryPromise({
        try: async () => {
          const { done, value } = await lines.next()
          if (done === true) throw new Error(complaint.trim().split("\n").at(-1) ?? "it ended")
          return Schema.decodeUnknownSync(schema)(value)
        },
        catch: (cause) =>
          new BenchError(`${script}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
      })

    const { ready: _, ...facts } = yield* answer(Schema.fromJsonString(Ready)).pipe(
      Effect.mapError(({ message }) => new NotReady(message, complaint))
    )
    let peak: number | undefined
    return {
      ...facts,
      peakGib: () => peak,
      seconds: (count: number) =>
        Effect.andThen(
          Effect.sync(() => child.stdin.write(`run ${count}\n`)),
          Effect.map(answer(Schema.fromJsonString(Times)), ({ peakGib, seconds }) => {
            peak = peakGib
            return seconds
          })
        )
    }
  })
