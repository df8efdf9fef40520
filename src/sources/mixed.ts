/**
 * A keyed order for data that lie label after label: whoever takes the first of them has some of each.
 */
import { Effect, Option, Stream } from "effect"
import type { Dataset } from "../dsl/Dataset.ts"
import * as Quarantine from "../dsl/Quarantine.ts"
import { Keyed } from "../kernels/math/index.ts"

/** References that are held at a time. */
export const window = 50_000

/**
 * The samples in an order drawn by their ids alone: the same under every seed. Larger data are mixed part by part;
 * pictures that come with their bytes stay as they come, since many of them would not fit in memory.
 */
export const mixed = <A, E, R>(samples: Dataset<A, E, R>): Dataset<A, E, R> =>
  Stream.unwrap(Effect.map(Quarantine.silently(Stream.runHead(samples)), (first) => {
    if (Option.isNone(first) || first.value.image.source._tag === "Encoded") return samples
    return samples.pipe(
      Stream.grouped(window),
      Stream.flatMap((part) =>
        Stream.fromIterable(
          part.map((sample) => ({ sample, lot: Keyed.stream(0, `order/${sample.image.id}`).next() }))
            .sort((a, b) => a.lot - b.lot)
            .map(({ sample }) => sample)
        )
      )
    )
  }))
