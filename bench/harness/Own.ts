/** A contestant of ours in a process of its own, so that its peak of memory is its own. */
import { Effect, Option, type Scope } from "effect"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { peakBytes } from "../../src/kernels/runtime/peak.ts"
import { BenchError, type Contestant } from "./Contest.ts"
import * as Process from "./Process.ts"

/** Starts a script of bench/ that ends in `speak`. */
export const node = (
  script: string,
  args: ReadonlyArray<string>
): Effect.Effect<Process.ProcessContestant, BenchError, Scope.Scope> =>
  Process.start(script, process.execPath, [fileURLToPath(new URL(`../${script}`, import.meta.url)), ...args])

/** The most that this process has had resident, in GiB. */
export const peakGib = (): number => Number((peakBytes() / 2 ** 30).toFixed(3))

/** The other end: says that it is ready, and times `call` as often as it is asked to. */
export const speak = <E>(
  ready: Omit<typeof Process.Ready.Type, "ready">,
  call: Effect.Effect<unknown, E>
): Effect.Effect<void, E> =>
  Effect.gen(function*() {
    const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
    const reply = (value: unknown) => Effect.sync(() => process.stdout.write(`${JSON.stringify(value)}\n`))
    yield* reply({ ready: true, ...ready })
    while (true) {
      const { done, value } = yield* Effect.promise(() => lines.next())
      const [word, count] = done === true ? [] : value.split(" ")
      if (word !== "run") return
      const seconds: Array<number> = []
      for (let i = 0; i < Number(count); i++) {
        const start = performance.now()
        yield* call
        seconds.push((performance.now() - start) / 1000)
      }
      yield* reply({ seconds, peakGib: peakGib() })
    }
  })

/** Fails unless contestants worked on models and prompts of one size. */
export const agree = (
  name: string,
  ours: { readonly parameters: number; readonly tokens?: number },
  peer: Option.Option<Process.ProcessContestant>
): Effect.Effect<Option.Option<Contestant>, BenchError> => {
  if (Option.isNone(peer)) return Effect.succeedNone
  const { parameters, tokens } = peer.value
  const what = parameters !== ours.parameters
    ? `${parameters} parameters, ours ${ours.parameters}`
    : tokens !== ours.tokens
    ? `${tokens} tokens in a prompt, ours ${ours.tokens}`
    : undefined
  return what === undefined
    ? Effect.succeed(peer)
    : Effect.fail(new BenchError(`${name}: ${peer.value.name} has ${what}`))
}
