/**
 * How much a command tells while it works, and how: `--quiet` and `--json`, for every command.
 */
import * as Cause from "effect/Cause"
import { Command, Flag, GlobalFlag } from "effect/cli"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { format } from "node:util"
import { jsonLines, type Out, Progress, terminal, type View, warnings } from "../dsl/Progress.ts"
import { Exporting } from "../dsl/telemetry/Exporting.ts"
import { shown } from "../kernels/runtime/Shown.ts"
import { Streams } from "./streams.ts"

const quiet = GlobalFlag.Setting("quiet")({
  flag: Flag.Boolean("quiet").pipe(
    Flag.withAlias("q"),
    Flag.withDescription("Show no progress; warnings, errors and results stay"),
    Flag.withDefault(false)
  )
})

const json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withDescription(
      "Progress, warnings and errors as JSON on standard error, one object a line (docs/commands.md)"
    ),
    Flag.withDefault(false)
  )
})

/** `-V` beside `-v`. */
export const version: typeof GlobalFlag.Version = GlobalFlag.Action({
  flag: Flag.Boolean("version").pipe(
    Flag.withAlias("V"),
    Flag.withAlias("v"),
    Flag.withDescription("Show version information"),
    Flag.withDefault(false)
  ),
  run: GlobalFlag.Version.run
})

/** Whether the command line asks for JSON: told before it is parsed, as the faults in it are to be JSON, too. */
export const asksJson = (args: ReadonlyArray<string>): boolean => {
  const end = args.indexOf("--")
  return (end < 0 ? args : args.slice(0, end)).includes("--json")
}

/** A line of standard error for a program. */
export const told = (event: string, fields: Readonly<Record<string, unknown>>): string =>
  shown(JSON.stringify({ event, ...fields }))

/** A defect with its stack, anything else as text. */
const wordsOf = (part: unknown): string =>
  Cause.isCause(part) ? Cause.pretty(part) : part instanceof Error ? part.stack ?? String(part) : String(part)

/** Log lines of every floor, as `--json` has them. */
const logLines = Logger.make(({ logLevel, message }) => {
  const text = (Array.isArray(message) ? message : [message]).map(wordsOf).join(" ")
  process.stderr.write(`${told(logLevel === "Warn" ? "warned" : "logged", { level: logLevel, text })}\n`)
})

/** What a command tells beside, as `--json` has it: what is an object already stays as it is. */
const jsonConsole = (console: Console.Console): Console.Console =>
  Object.assign(Object.create(console), {
    error: (...args: ReadonlyArray<unknown>) => {
      const text = format(...args).trim()
      console.error(text.startsWith("{\"event\":") ? text : told("logged", { level: "Info", text }))
    }
  })

/** Lets all of standard error be JSON where the command line asks for it: notes, errors and defects, too. */
export const speaking = <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  asksJson(process.argv.slice(2))
    ? program.pipe(
      (program) =>
        Effect.flatMap(
          Console.Console,
          (console) => Effect.provideService(program, Console.Console, jsonConsole(console))
        ),
      Effect.provideService(Logger.CurrentLoggers, new Set([logLines]))
    )
    : program

const viewOf = (quiet: boolean, json: boolean, out: Out): View => {
  const view = (json ? jsonLines : terminal)(out)
  return quiet ? warnings(view) : view
}

/** Gives a command `--quiet` and `--json`. */
export const telling = <const Name extends string, Input, C, E, R>(command: Command.Command<Name, Input, C, E, R>) =>
  command.pipe(
    Command.provideEffect(
      Progress,
      Effect.map(Effect.all([quiet, json, Streams]), ([quiet, json, { stderr }]) => viewOf(quiet, json, stderr))
    ),
    Command.provideEffect(
      Logger.CurrentLoggers,
      Effect.flatMap(json, (json) =>
        json
          ? Effect.map(Exporting, (exporting = new Set()) => new Set([logLines, ...exporting]))
          : Logger.CurrentLoggers)
    ),
    Command.withGlobalFlags([quiet, json])
  )
