import { Effect, Schema } from "effect"
import { Parquet } from "../../../src/data/index.ts"
import { fixtures, put, samples } from "../data.ts"
import type { Target } from "../Target.ts"

export const target: Target = {
  name: "parquet",
  kind: "bytes",
  seeds: fixtures(
    "parquet-gzip.parquet",
    "parquet-snappy.parquet",
    "parquet-zstd.parquet",
    "huggingface-classes.parquet",
    "huggingface-objects.parquet",
    "huggingface-structs.parquet",
    "huggingface-text.parquet"
  ),
  run: Effect.fnUntraced(function*(input, folder) {
    const file = yield* put(folder, "a.parquet", input)
    return yield* samples(Parquet.read([file], { annotation: Schema.Unknown }), Schema.Unknown)
  })
}
