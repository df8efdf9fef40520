/** What is read of the results that engines give in JSON. */
import { Result, Schema } from "effect"
import type { Reading } from "./Futures.ts"
import * as Json from "./Json.ts"

/** Reads a field of the result, or of the answer that announced it: servers put it into either. */
const eitherOf = <A>(schema: Schema.ConstraintDecoder<A>): Reading<A> => ({
  json: (value, taken) => Result.orElse(Json.decoded(schema, value), () => Json.decoded(schema, taken))
})

/** A model that was made. */
export const made = eitherOf(Schema.Struct({ model_id: Schema.String }))

/** Where something was saved. */
export const saved = eitherOf(Schema.Struct({ path: Schema.String }))

/** Weights that can be drawn from. */
export const sampledFrom = eitherOf(Schema.Struct({ sampling_session_id: Schema.String }))

/** Work that is done and tells nothing. */
export const nothing: Reading<void> = { json: () => Result.succeed(undefined) }

const Metrics = Schema.Struct({
  metrics: Schema.optional(Schema.NullOr(Schema.Record(Schema.String, Schema.Unknown)))
})

/** The numbers among what an optimiser step tells. */
export const metrics: Reading<Readonly<Record<string, number>>> = {
  json: (value) => Result.map(Json.decoded(Metrics, value), ({ metrics }) => Json.numberEntries(metrics))
}
