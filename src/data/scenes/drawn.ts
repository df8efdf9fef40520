/** A data set of scenes, drawn from the sprites once its options are known to be sound. */
import { Effect, Stream } from "effect"
import type { DataError } from "../../dsl/DataError.ts"
import type { Sample } from "../../dsl/Task.ts"
import type * as Rules from "../../kernels/math/Rules.ts"
import * as Reader from "../Options.ts"
import { type Atlas, type AtlasError, load } from "./Atlas.ts"

/**
 * Fails on an option that cannot mean anything before the sprites are read.
 *
 * @param source names the data set where an option is refused
 */
export const drawn = <A, O extends object>(
  source: string,
  rules: Rules.Table,
  options: O,
  fromAtlas: (atlas: Atlas, options: O) => Stream.Stream<Sample<A>>
): Stream.Stream<Sample<A>, AtlasError | DataError> =>
  Stream.unwrap(
    Effect.andThen(
      Reader.check(source, rules, options),
      Effect.map(load, (atlas) => fromAtlas(atlas, options))
    )
  )
