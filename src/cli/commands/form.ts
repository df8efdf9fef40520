/** The flags of commands that ask a model, and what holds without them. */
import { Effect, type FileSystem, Option, type Path } from "effect"
import { Flag } from "effect/cli"
import { most } from "../../dsl/stages/Settings.ts"
import type { Form } from "../../dsl/Task.ts"
import type * as Sources from "../../sources/index.ts"
import type { Engine } from "../engine/flags.ts"
import type { Remote } from "../flags.ts"
import * as Saved from "../saved.ts"
import type { Told } from "../told.ts"
import { whole } from "../values.ts"

export const form = Flag.Literals("form", ["think", "answer"]).pipe(
  Flag.withDescription("Whether the model thinks before it answers; default: as it was trained, else think"),
  Flag.optional
)

/** Answers to a picture. */
export const samples = whole("samples", { least: 1, most: most.batch }).pipe(
  Flag.withDescription(
    "Answers drawn for each picture and combined into one (mean of shares, vote of labels, medoid of boxes); " +
      "default: 1, the greedy one"
  ),
  Flag.withDefault(1)
)

/** The form that is asked for: the flag's, else the one that the model's directory or server names, else "think". */
export const formOf = (
  { form, remote, ...asked }: Pick<Remote, "remote"> & Engine & {
    readonly form: Option.Option<Form>
    readonly model: string
    readonly adapter?: Option.Option<string>
    readonly told?: Option.Option<Told>
  }
): Effect.Effect<Form, never, FileSystem.FileSystem | Path.Path> =>
  Option.match(form, {
    onSome: (form) => Effect.succeed(form),
    onNone: () =>
      (Option.isSome(remote) ? Effect.succeed(Saved.toldOf(asked)) : Saved.taskOf(asked)).pipe(
        // Who asks for the task says what is wrong with the file.
        Effect.orElseSucceed(() => Option.none<Sources.SavedTask>()),
        Effect.map((saved) => Option.isSome(saved) ? saved.value.form : "think")
      )
  })
