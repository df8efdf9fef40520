/**
 * What a program has to be given before it runs. TypeScript says so, and Node runs a script without asking TypeScript:
 * what is missing is then named with how to give it, before any work.
 */
import { type Context, Effect, FileSystem, Option, Path, Schema } from "effect"
import { Policy } from "../policy/Policy.ts"
import { Run } from "./Run.ts"

/** What a function needs, and nobody has provided. */
export class NotProvided extends Schema.TaggedError<NotProvided>()("NotProvided", {
  /** The function: "Rise.run". */
  who: Schema.String,
  /** What it needs: "a policy". */
  what: Schema.String,
  /** How it is provided. */
  how: Schema.String
}) {
  override get message() {
    return `${this.who} needs ${this.what}, and none is provided: ${this.how}`
  }
}

const needed =
  <I, S>(key: Context.Key<I, S>, what: string, how: string) => (who: string): Effect.Effect<void, NotProvided> =>
    Effect.flatMap(
      Effect.serviceOption(key),
      (found) => Option.isSome(found) ? Effect.void : Effect.fail(new NotProvided({ who, what, how }))
    )

/** Fails where there is no model to ask. */
export const policy = needed(
  Policy,
  "a policy",
  "pipe the program through Effect.provide(Policy.onnx({ model: \"embedded\" })), or through Policy.openai, " +
    "Policy.tinker or Policy.split, before Rise.runMain"
)

/** Fails where there is no run. */
export const run = needed(
  Run,
  "a run",
  "end the pipeline with Rise.run({ out: \"runs/mine\" }), which makes a folder of its own, or pipe the program " +
    "through Effect.provide(Run.layerMemory({ seed: 0 })), which keeps nothing"
)

const platform =
  "end the script with Rise.runMain, or pipe the program through Effect.provide(NodeServices.layer) of " +
  "@effect/platform-node"

/** Fails where no file can be read or written. */
export const files = (who: string): Effect.Effect<void, NotProvided> =>
  Effect.andThen(
    needed(FileSystem.FileSystem, "a file system", platform)(who),
    needed(Path.Path, "the paths of a file system", platform)(who)
  )
