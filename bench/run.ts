/**
 * `npm run -s bench -- [NAME…] [--quick]`: one JSON object a line.
 *
 * A NAME selects benches by name or by its beginning: `train`, `rollout/group`. Without one all are run but those that
 * take minutes. `--quick` makes two short turns, to see that everything runs; its figures mean nothing. Peers need a
 * Python with what they import: `RISE_PEER_PYTHON=/path/to/python`.
 */
import { Effect } from "effect"
import { readdir } from "node:fs/promises"
import { type Bench, BenchError, type Effort, measure } from "./harness/Contest.ts"

/** Every file beside this one exports its `benches`. */
const all = Effect.tryPromise(async () => {
  const files = (await readdir(import.meta.dirname)).filter((name) => name.endsWith(".ts") && name !== "run.ts").sort()
  const modules = await Promise.all(
    files.map((name) => import(`./${name}`) as Promise<{ readonly benches: ReadonlyArray<Bench> }>)
  )
  return modules.flatMap(({ benches }) => benches)
})

const main = Effect.gen(function*() {
  const words = process.argv.slice(2)
  const quick = words.includes("--quick")
  const names = words.filter((word) => word !== "--quick")
  const known = yield* Effect.mapError(all, ({ cause }) => cause)
  const chosen = names.length === 0
    ? known.filter(({ long }) => long !== true)
    : known.filter(({ name }) => names.some((word) => name === word || name.startsWith(`${word}/`)))
  if (chosen.length === 0) {
    return yield* Effect.fail(
      new BenchError(
        `no bench is called ${names.join(" or ")}; there are ${[...new Set(known.map(({ name }) => name))].join(", ")}`
      )
    )
  }
  const effort: Effort = quick ? { rounds: 2, turnSeconds: 0 } : { rounds: 9, turnSeconds: 1 }
  for (const bench of chosen) {
    const line = yield* measure(bench, effort)
    yield* Effect.sync(() => process.stdout.write(`${JSON.stringify(line)}\n`))
  }
})

const outcome = await Effect.runPromise(Effect.result(main))
if (outcome._tag === "Failure") {
  const error = outcome.failure
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
