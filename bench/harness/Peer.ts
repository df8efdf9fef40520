/**
 * A contestant in another process: a Python script of bench/peers that answers `run N` with the seconds of N
 * repetitions.
 */
import { Effect, Option, Schema, type Scope } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { BenchError, type Contestant } from "./Contest.ts"

const Ready = Schema.fromJsonString(
  Schema.Struct({ ready: Schema.Literal(true), name: Schema.String, parameters: Schema.Int })
)
const Times = Schema.fromJsonString(Schema.Struct({ seconds: Schema.Array(Schema.Finite) }))

export interface PythonPeer extends Contestant {
  /** Trained values of the peer's model: equal to ours, or the comparison is void. */
  readonly parameters: number
}

/** `RISE_PEER_PYTHON`, or `python3` of the path. It needs torch. */
const interpreter = (): string => process.env["RISE_PEER_PYTHON"] ?? "python3"

/** Starts a peer; none where there is no Python with torch. */
export const python = (
  script: string,
  args: ReadonlyArray<string>
): Effect.Effect<Option.Option<PythonPeer>, BenchError, Scope.Scope> =>
  Effect.gen(function*() {
    const path = fileURLToPath(new URL(`../peers/${script}`, import.meta.url))
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(interpreter(), [path, ...args], { stdio: ["pipe", "pipe", "pipe"] })),
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

    const ready = yield* Effect.result(answer(Ready))
    if (ready._tag === "Failure") {
      const missing = /No module named 'torch'|ENOENT/.test(`${ready.failure.message} ${complaint}`)
      return missing ? Option.none() : yield* Effect.fail(ready.failure)
    }
    const { name, parameters } = ready.success
    return Option.some({
      name,
      parameters,
      seconds: (count: number) =>
        Effect.andThen(
          Effect.sync(() => child.stdin.write(`run ${count}\n`)),
          Effect.map(answer(Times), ({ seconds }) => seconds)
        )
    })
  })
