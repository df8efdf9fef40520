/** A command of `rise` in this process: everything but the entry and the end, without what starting a program costs. */
import { NodeServices } from "@effect/platform-node"
import { assert } from "@effect/vitest"
import { Cause, Console, Effect, Exit, Runtime } from "effect"
import { run } from "../../src/cli/process.ts"
import { root as command } from "../../src/cli/root.ts"
import type { Ended } from "./processes.ts"

/** How it ends, and what it says by way of Effect's console: figures and failures, not the lines of progress. */
export const here = (line: ReadonlyArray<string>): Effect.Effect<Ended> => {
  const [out, err]: [Array<string>, Array<string>] = [[], []]
  const keep = (lines: Array<string>) => (...parts: ReadonlyArray<unknown>) => void lines.push(parts.join(" "))
  const text = (lines: ReadonlyArray<string>) => lines.map((line) => `${line}\n`).join("")
  return Effect.flatMap(command(line), (rise) => run(rise, line)).pipe(
    Effect.provideService(Console.Console, Object.assign(Object.create(console), { log: keep(out), error: keep(err) })),
    Effect.provide(NodeServices.layer),
    Effect.exit,
    Effect.map((exit) => {
      if (Exit.isSuccess(exit)) return { code: 0, stdout: text(out), stderr: text(err) }
      assert.isFalse(Cause.hasDies(exit.cause), `${line.join(" ")}: ${Cause.pretty(exit.cause)}`)
      return { code: Runtime.getErrorExitCode(Cause.squash(exit.cause)), stdout: text(out), stderr: text(err) }
    })
  )
}
