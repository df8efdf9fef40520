/**
 * The task that flags describe: Emotion6, or soft labels of one's own.
 */
import { Effect, Option } from "effect"
import { Flag } from "effect/cli"
import { TaskError } from "../dsl/Task.ts"
import { Classification, Emotion6 } from "../tasks/classification/index.ts"
import { text } from "./values.ts"

export const flags = {
  labels: text("labels", "A,B,C", "labels, separated by commas").pipe(
    Flag.withDescription("Labels of one's own, separated by commas; default: the seven of Emotion6"),
    Flag.optional
  ),
  subject: text("subject", "TEXT", "what the labels rate").pipe(
    Flag.withDescription("What the labels rate: completes \"rate the … of this picture\"; default: content"),
    Flag.withDefault("content")
  )
}

export interface TaskFlags {
  readonly labels: Option.Option<string>
  readonly subject: string
}

/** Labels of one's own need data of one's own: the embedded scenes are rated on Emotion6's. */
export const task = (
  { data, labels, subject }: TaskFlags & { readonly data?: Option.Option<string> }
): Effect.Effect<Classification.Classification, TaskError> =>
  Option.match(labels, {
    onNone: () => Effect.succeed(Emotion6.task),
    onSome: (text) =>
      data !== undefined && Option.isNone(data)
        ? Effect.fail(
          new TaskError({
            task: "custom",
            reason: "--labels needs --data: the embedded scenes are rated on the labels of Emotion6"
          })
        )
        : Effect.try({
          try: () =>
            Classification.make({ name: "custom", labels: text.split(",").map((label) => label.trim()), subject }),
          catch: (cause) =>
            cause instanceof TaskError ? cause : new TaskError({ task: "custom", reason: String(cause) })
        })
  })
