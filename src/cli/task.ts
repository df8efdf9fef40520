/**
 * The task that flags describe: Emotion6, or soft labels of one's own.
 */
import { Effect, Option } from "effect"
import { Flag } from "effect/cli"
import { TaskError } from "../dsl/Task.ts"
import { Classification, Emotion6 } from "../tasks/classification/index.ts"
import { labels, labelsIn, text } from "./values.ts"

export { labelsIn }

export const flags = {
  labels: labels("labels").pipe(
    Flag.withDescription(
      "Labels of one's own, separated by commas; default: those that the model was trained for, else those of Emotion6"
    ),
    Flag.optional
  ),
  subject: text("subject", "TEXT", "what the labels rate").pipe(
    Flag.withDescription("What the labels rate: completes \"rate the … of this picture\"; default: content"),
    Flag.optional
  )
}

export interface TaskFlags {
  readonly labels: Option.Option<string>
  readonly subject: Option.Option<string>
}

/** A task that may not be one: its labels come from the user. */
export const making = <A>(task: string, make: () => A): Effect.Effect<A, TaskError> =>
  Effect.try({
    try: make,
    catch: (cause) => cause instanceof TaskError ? cause : new TaskError({ task, reason: String(cause) })
  })

/** Soft labels of one's own; those of Emotion6 without. */
export const task = ({ labels, subject }: TaskFlags): Effect.Effect<Classification.Classification, TaskError> =>
  Option.match(labels, {
    onNone: () => Effect.succeed(Emotion6.task),
    onSome: (text) =>
      making("custom", () =>
        Classification.make({
          name: "custom",
          labels: labelsIn(text),
          subject: Option.getOrElse(subject, () => "content")
        }))
  })
