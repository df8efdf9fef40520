/** A command of `rise` in this process: everything but the entry and the end, without what starting a program costs. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert } from "@effect/vitest"
import { Cause, ConfigProvider, Console, Effect, Exit, Logger, Runtime } from "effect"
import { format } from "node:util"
import { run } from "../../src/cli/process.ts"
import { root as command } from "../../src/cli/root.ts"
import { Streams } from "../../src/cli/streams.ts"
import type { Ended } from "./processes.ts"

export interface Place {
  /** The folder it is started in: of the whole process, so of one command at a time. Default: where the tests are. */
  readonly cwd?: string
  /** What is in the environment beside all that is. */
  readonly env?: Readonly<Record<string, string>>
}

const inFolder = (cwd: string | undefined) => <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  cwd === undefined ? program : Effect.acquireUseRelease(
    Effect.sync(() => {
      const before = process.cwd()
      process.chdir(cwd)
      return before
    }),
    () => program,
    (before) => Effect.sync(() => process.chdir(before))
  )

const inEnvironment = (env: Place["env"]) => <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  env === undefined ? program : Effect.suspend(() => {
    const all = Object.entries({ ...process.env, ...env }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const]
    )
    return Effect.provideService(
      program,
      ConfigProvider.ConfigProvider,
      ConfigProvider.fromEnv({ env: Object.fromEntries(all) })
    )
  })

/** How it ends, and all that it says: figures, failures and progress, as the process writes them. */
export const here = (line: ReadonlyArray<string>, { cwd, env }: Place = {}): Effect.Effect<Ended> => {
  const [out, err]: [Array<string>, Array<string>] = [[], []]
  const keep = (texts: Array<string>) => (...parts: ReadonlyArray<unknown>) => void texts.push(`${format(...parts)}\n`)
  const stream = (texts: Array<string>) => ({ write: (text: string) => texts.push(text) })
  const said = () => ({ stdout: out.join(""), stderr: err.join("") })
  return Effect.flatMap(command(line), (rise) => run(rise, line)).pipe(
    inFolder(cwd),
    inEnvironment(env),
    Effect.provideService(Console.Console, Object.assign(Object.create(console), { log: keep(out), error: keep(err) })),
    Effect.provideService(Streams, { stdout: stream(out), stderr: stream(err) }),
    Effect.provideService(Logger.LogToStderr, true),
    Effect.provide(NodeServices.layer),
    Effect.exit,
    Effect.map((exit) => {
      if (Exit.isSuccess(exit)) return { code: 0, ...said() }
      assert.isFalse(Cause.hasDies(exit.cause), `${line.join(" ")}: ${Cause.pretty(exit.cause)}`)
      return { code: Runtime.getErrorExitCode(Cause.squash(exit.cause)), ...said() }
    })
  )
}
