/** Which of the data `rise audit` judges. */
import { Console, Effect, Option, Stream } from "effect"
import * as Quarantine from "../dsl/Quarantine.ts"
import type { Presets } from "../pipelines/index.ts"

/**
 * Says which of the data is audited, where that is not all: the half to train on, as far as the preset reads it. Reads
 * no more of either half than it takes to know: a first pass decodes every picture.
 */
export const tellAudited = <A, E, R>(
  { test, train }: { readonly test: Stream.Stream<A, E, R>; readonly train: Stream.Stream<A, E, R> },
  { limit, name }: Pick<Presets.Preset, "limit" | "name">
): Effect.Effect<void, E, R> =>
  Effect.gen(function*() {
    const most = limit?.train
    const isCut = most !== undefined && (yield* Stream.runCount(Stream.take(train, most + 1))) > most
    const isHalf = Option.isSome(yield* Stream.runHead(test))
    const which = [
      isCut ? `the first ${most} pictures to train on (preset ${name})` : "the pictures to train on",
      ...(isHalf ? ["not those to test on: name these by themselves (--data) to have them audited, too"] : [])
    ]
    if (isCut || isHalf) yield* Console.error(`audited: ${which.join(", ")}`)
  }).pipe(Quarantine.silently)
