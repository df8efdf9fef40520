/**
 * What a program has to be given before it runs. TypeScript says so, and Node runs a script without asking TypeScript:
 * what is missing is then named with how to give it, before any work.
 */
import { type Context, Effect, FileSystem, Path, Schema } from "effect"
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

/** The service itself: what is asked for is what is used. */
const needed =
  <I, S>(key: Context.Key<I, S>, what: string, how: string) => (who: string): Effect.Effect<S, NotProvided, I> =>
    Effect.flatMap(Effect.serviceOption(key), Effect.fromOption).pipe(
      Effect.mapError(() => new NotProvided({ who, what, how }))
    )

/** The model to ask; fails where there is none. */
export const policy = needed(
  Policy,
  "a policy",
  "pipe the program through Effect.provide(Policy.onnx({ model: \"embedded\" })), or through Policy.openai, " +
    "Policy.tinker or Policy.split, before Rise.runMain"
)

/** The run; fails where there is none. */
export const run = needed(
  Run,
  "a run",
  "end the pipeline with Rise.run({ out: \"runs/mine\" }), which makes a folder of its own, or pipe the program " +
    "through Effect.provide(Run.layerMemory({ seed: 0 })), which keeps nothing"
)

const platform =
  "end the script with Rise.runMain, or pipe the program through Effect.provide(NodeServices.layer) of " +
  "@effect/platform-node"

/** Where files are read and written; fails where they cannot be. */
export const files = (who: string) =>
  Effect.all({
    fs: needed(FileSystem.FileSystem, "a file system", platform)(who),
    path: needed(Path.Path, "the paths of a file system", platform)(who)
  })
