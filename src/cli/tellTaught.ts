/** A judge of `rise audit` that may know the labels that it is to judge. */
import { Effect, Option, type Stream } from "effect"
import * as Quoted from "../data/Quoted.ts"
import type { Sample } from "../dsl/Task.ts"
import { warn } from "../kernels/runtime/Warning.ts"
import { trainedOn } from "./trainedOn.ts"

const seen = "--training none asks the model as it is: where it was trained on these labels it may know the wrong " +
  "ones by heart, and find none of them. --training warm-up judges each half by a model that has not seen it"

const seenThere =
  "the server's model was trained for this task: where it saw these labels it may know the wrong ones " +
  "by heart, and find none of them. Audit with its directory (--model DIR) judges each half by a model that has not"

/**
 * A judge that was trained for the task before it is prepared. Where the folder of its run tells what on, other
 * pictures than these are no reason to warn.
 */
const seenBefore = Effect.fnUntraced(function*<A, E, R>(model: string, pictures: Stream.Stream<Sample<A>, E, R>) {
  const found = yield* Effect.catchTag(trainedOn(model, pictures), "RunFileError", () => Effect.succeedNone)
  if (Option.exists(found, ({ seen }) => seen === 0)) return Option.none<string>()
  const saw = Option.match(found, {
    onNone: () => `${model} was trained for this task: where it saw these labels it`,
    onSome: ({ all, seen }) => `${model} was trained on ${seen} of these ${Quoted.count(all, "picture")}: it`
  })
  return Option.some(
    `${saw} may know wrong labels by heart and find none of them, which being prepared on the other half does not ` +
      "undo. Audit with the model that it was trained from"
  )
})

/** Warns of a judge that was trained for the task. */
export const tellTaught = Effect.fnUntraced(function*<A, E, R>(
  { model, remote, training }: {
    readonly model: string
    readonly remote: Option.Option<string>
    readonly training: "none" | "warm-up" | "RISE-CoT"
  },
  pictures: Stream.Stream<Sample<A>, E, R>
) {
  if (training === "none") return yield* warn(Option.isSome(remote) ? seenThere : seen)
  return yield* Option.match(yield* seenBefore(model, pictures), { onNone: () => Effect.void, onSome: warn })
})
