/**
 * What `rise train` trains on: the embedded scenes, Emotion6's manifests, or a user's own pictures.
 */
import { Console, Effect, Option } from "effect"
import { Flag } from "effect/cli"
import * as Sources from "../sources/index.ts"
import { Emotion6 } from "../tasks/classification/index.ts"
import { isEmbedded } from "./embedded.ts"
import type { Study } from "./flags.ts"
import { check } from "./policy.ts"
import * as Task from "./task.ts"

/** Flags that go before what is found in the data. */
export const flags = {
  labels: Flag.String("labels").pipe(
    Flag.withDescription("Labels of one's own, separated by commas; default: those that are found in --data"),
    Flag.withMetavar("A,B,C"),
    Flag.optional
  ),
  subject: Flag.String("subject").pipe(
    Flag.withDescription(
      "What the labels name or rate: completes \"name the … of this picture\"; default: main object, or content"
    ),
    Flag.withMetavar("TEXT"),
    Flag.optional
  ),
  task: Flag.Literals("task", ["classification", "detection"]).pipe(
    Flag.withDescription("What is made of --data; default: detection where boxes are found, else classification"),
    Flag.optional
  )
}

interface Asked {
  readonly labels: Option.Option<string>
  readonly subject: Option.Option<string>
  readonly task: Option.Option<"classification" | "detection">
}

/** The task and its halves; of a user's own pictures it is said first what was understood. */
export const open = Effect.fnUntraced(function*(flags: Study & Asked) {
  const { data, labels, seed, shots, subject, task } = flags
  const says = [labels, subject, task].some(Option.isSome)
  if (Option.isNone(data) || !says && (yield* Sources.hasManifests(data.value, Emotion6.task))) {
    const emotions = yield* Task.task({ data, labels, subject: Option.getOrElse(subject, () => "content") })
    const source = yield* Sources.softLabels({ ...flags, task: emotions })
    return { kind: "classes", task: emotions, mean: Sources.meanDistribution, ...source } as const
  }
  // Before every picture is decoded.
  yield* check(flags)
  const source = yield* Sources.pictures({
    data: data.value,
    embedded: isEmbedded(flags),
    seed,
    shots,
    subject,
    task,
    labels: Option.map(labels, (text) => text.split(",").map((label) => label.trim()))
  })
  for (const line of yield* Sources.understood(source)) yield* Console.error(line)
  return source
})
