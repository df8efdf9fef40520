/**
 * `npm test`: everything that has to pass before a change lands. What is checked without running it goes beside the
 * tests, one check after the other, in what those leave idle. Arguments go to vitest.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Duration, Effect, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { program, ScriptError } from "./program.ts"

/** `lint` has the types in it: `check` is the same without Effect's rules. */
const checks = ["lint", "page", "structure", "formatted"]
const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs")

interface Ended {
  readonly name: string
  readonly seconds: number
  readonly failed: boolean
  /** What it said, where that is not on the screen. */
  readonly text: string
}

const timed = <E, R>(name: string, work: Effect.Effect<{ readonly code: number; readonly text: string }, E, R>) =>
  Effect.map(Effect.timed(work), ([duration, { code, text }]): Ended => ({
    name,
    seconds: Math.round(Duration.toSeconds(duration)),
    failed: code !== 0,
    text
  }))

/** A script of package.json, its output kept. */
const check = (name: string) =>
  timed(
    name,
    Effect.scoped(Effect.gen(function*() {
      const child = yield* ChildProcess.make("npm", ["run", "-s", name], { shell: process.platform === "win32" })
      const text = yield* Stream.mkString(Stream.decodeText(child.all))
      return { code: Number(yield* child.exitCode), text }
    }))
  ).pipe(Effect.tap(({ failed }) => failed ? Console.error(`${name} has failed: the end says why`) : Effect.void))

const tests = timed(
  "tests",
  Effect.map(program(vitest, ["run", ...process.argv.slice(2)]), (code) => ({ code: Number(code), text: "" }))
)

Effect.gen(function*() {
  const [checked, tested] = yield* Effect.all([Effect.forEach(checks, check), tests], { concurrency: 2 })
  const all = [...checked, tested]
  for (const { name, text } of checked.filter(({ failed }) => failed)) yield* Console.error(`\n${name}:\n${text}`)
  yield* Console.log(
    `\n${all.map(({ failed, name, seconds }) => `${name} ${failed ? "failed, " : ""}${seconds} s`).join("; ")}`
  )
  const failed = all.filter(({ failed }) => failed).map(({ name }) => name)
  if (failed.length > 0) return yield* new ScriptError({ reason: `failed: ${failed.join(", ")}` })
}).pipe(
  Effect.catchTag(
    "ScriptError",
    ({ reason }) => Effect.andThen(Console.error(reason), Effect.sync(() => void (process.exitCode = 1)))
  ),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
