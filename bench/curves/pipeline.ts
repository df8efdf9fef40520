/**
 * A point of the curves: `node bench/curves/pipeline.ts SAMPLES` streams so many through generate, reconstruct and
 * validate with a policy that answers at once. Prints samples per second and the most that this process has had
 * resident.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Stream } from "effect"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import { BenchError } from "../harness/Contest.ts"
import * as Instant from "../harness/Instant.ts"
import { peakGib } from "../harness/Own.ts"

const samples = Number(process.argv[2])
/** Of each sample, as many as the other curves have. */
const CANDIDATES = 8

const main = Effect.gen(function*() {
  const start = performance.now()
  const groups = yield* Rise.make(Instant.mood, Stream.map(Stream.range(1, samples), Instant.sample)).pipe(
    Rise.generate({ candidates: CANDIDATES }),
    Rise.reconstruct(),
    Rise.validate()
  ).items.pipe(Stream.runCount)
  const seconds = (performance.now() - start) / 1000
  if (groups !== samples) return yield* Effect.fail(new BenchError(`${groups} of ${samples} groups came out`))
  return yield* Console.log(JSON.stringify({ samples: Math.round(samples / seconds), gib: peakGib() }))
})

main.pipe(Effect.provide(Layer.merge(Instant.layer, Run.layerMemory({ seed: 0 }))), NodeRuntime.runMain)
