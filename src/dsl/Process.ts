/**
 * How a program ends the process: by signals, by its failure, and what of it reaches a terminal.
 *
 * The first SIGINT, SIGTERM or SIGHUP interrupts the program, which tidies up; a second one ends the process at once,
 * whatever a finaliser or a computation is doing. The exit code is 128 and the signal's number, as shells have it.
 */
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import { format } from "node:util"
import { shown } from "../kernels/runtime/Shown.ts"
import * as NoProgram from "./NoProgram.ts"
import { withOutput } from "./Output.ts"
import { logger } from "./progress/Log.ts"
import * as Paint from "./progress/Paint.ts"
import { wrapped } from "./progress/Prose.ts"
import * as Screen from "./progress/Screen.ts"
import { asked } from "./telemetry/Asked.ts"

const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
type Signal = keyof typeof codes

const signals = Object.keys(codes) as ReadonlyArray<Signal>

/** npm passes on what the terminal has sent to it and to us: the same key press. */
const SAME_MILLIS = 100

/**
 * Ends the process now. `process.exit` waits for worker threads, and a worker for the native computation it is in;
 * to become another program waits for nothing.
 */
const endNow = (signal: Signal): void => {
  try {
    process.execve?.("/bin/sh", ["sh", "-c", `exit ${codes[signal]}`], {})
  } catch {
    // There is no such shell, or no such call.
  }
  for (const name of signals) process.removeAllListeners(name)
  process.kill(process.pid, process.platform === "win32" ? "SIGKILL" : signal)
}

const start = Runtime.makeRunMain(({ fiber, teardown }) => {
  let first: { readonly signal: Signal; readonly at: number } | undefined
  const onSignal = (signal: NodeJS.Signals) => {
    const received = signal as Signal
    if (first === undefined) {
      first = { signal: received, at: performance.now() }
      fiber.interruptUnsafe(fiber.id)
    } else if (received !== first.signal || performance.now() - first.at > SAME_MILLIS) endNow(received)
  }
  // The listeners stay to the end: workers may still be closing.
  for (const signal of signals) process.on(signal, onSignal)
  fiber.addObserver((exit) =>
    teardown(exit, (code) => {
      const interrupted = Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
      if (first !== undefined) return process.exit(interrupted ? codes[first.signal] : code)
      if (code !== 0) return process.exit(code)
      for (const signal of signals) process.removeListener(signal, onSignal)
    })
  )
})

/**
 * A console whose texts a terminal only shows: file names, labels, and what models and servers say, are in them. The
 * line of progress makes room for them, and on a terminal sentences are broken at the ends of words.
 */
const safe = (console: Console.Console): Console.Console => {
  const line =
    (write: (text: string) => void, out: NodeJS.WriteStream, isError: boolean) => (...args: ReadonlyArray<unknown>) => {
      if (isError || out.isTTY) Screen.eraseAll()
      const text = shown(format(...args))
      write(out.isTTY ? Paint.warning(Paint.of(out), wrapped(text, out.columns)) : text)
    }
  const { stderr, stdout } = process
  return Object.assign(Object.create(console), {
    log: line((text) => console.log(text), stdout, false),
    info: line((text) => console.info(text), stdout, false),
    debug: line((text) => console.debug(text), stdout, false),
    warn: line((text) => console.warn(text), stderr, true),
    error: line((text) => console.error(text), stderr, true)
  })
}

/** Reports what nobody has: in a line where no program was given, a defect with its stack. */
const report = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  const none = NoProgram.within(cause)
  if (Option.isSome(none)) return Console.error(`error: ${none.value.message}`)
  return !Cause.hasInterruptsOnly(cause) && Runtime.getErrorReported(Cause.squash(cause))
    ? Effect.provideService(Effect.logError(cause), Logger.LogToStderr, true)
    : Effect.void
}

/** Exports what happens where the environment names a collector. */
const exported = <A, E>(program: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  asked(process.env)
    ? Effect.flatMap(
      Effect.promise(() => import("./Telemetry.ts")),
      ({ layer }) => program.pipe(Effect.withSpan("rise", {}, { captureStackTrace: false }), Effect.provide(layer))
    )
    : program

/**
 * Runs a program as the process, with what it writes to standard output watched.
 *
 * @param around changes how all of it speaks, reports of defects included
 */
export const run = <A, E>(
  program: Effect.Effect<A, E>,
  around: <B, E2>(program: Effect.Effect<B, E2>) => Effect.Effect<B, E2> = (program) => program
): void =>
  around(exported(Effect.tapCause(withOutput(program), report))).pipe(
    Effect.ensuring(Effect.sync(Screen.eraseAll)),
    Effect.provideService(Logger.CurrentLoggers, new Set([logger, Logger.tracerLogger])),
    (reported) =>
      Effect.flatMap(Console.Console, (console) => Effect.provideService(reported, Console.Console, safe(console))),
    (program) => start(program, { disableErrorReporting: true })
  )
