/**
 * What scripts that start other programs share.
 */
import { Effect, Schema } from "effect"
import { ChildProcess } from "effect/process"

/** Why a script could not do what it was asked for. */
export class ScriptError extends Schema.TaggedError<ScriptError>()("ScriptError", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

/** Runs a program on this one's output; its exit code. */
export const executable = (file: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  Effect.scoped(Effect.flatMap(
    ChildProcess.make(file, args, { env, extendEnv: true, stdout: "inherit", stderr: "inherit" }),
    ({ exitCode }) => exitCode
  ))

/** Runs a JavaScript program in a Node of its own, on this one's output; its exit code. */
export const program = (script: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  executable(process.execPath, [script, ...args], env)
