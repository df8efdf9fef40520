/**
 * A point of the curves: `node bench/curves/pipeline.ts SAMPLES` streams so many through generate, reconstruct and
 * validate with a policy that answers at once. Prints samples per second, the most that this process has had resident,
 * and what of its heap was in use behind the last sample, the stream still open and what is unused collected: what
 * would grow with the data.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Layer, Stream } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import { BenchError } from "../harness/Contest.ts"
import * as Instant from "../harness/Instant.ts"
import { peakGib } from "../harness/Own.ts"

const samples = Number(process.argv[2])
/** Of each sample, as many as the other curves have. */
const CANDIDATES = 8

setFlagsFromString("--expose-gc")
const collect: unknown = runInNewContext("gc")

/** GiB of the heap that are in use. */
const inUse = Effect.sync(() => {
  if (typeof collect === "function") collect()
  return process.memoryUsage().heapUsed / 2 ** 30
})

const main = Effect.gen(function*() {
  const start = performance.now()
  const { groups, heapGib, seconds } = yield* Rise.make(
    Instant.mood,
    Stream.map(Stream.range(1, samples), Instant.sample)
  ).pipe(
    Rise.generate({ candidates: CANDIDATES }),
    Rise.reconstruct(),
    Rise.validate()
  ).items.pipe(
    Stream.runFoldEffect(
      () => ({ groups: 0, heapGib: 0, seconds: 0 }),
      (found) =>
        found.groups + 1 < samples
          ? Effect.succeed({ ...found, groups: found.groups + 1 })
          : Effect.suspend(() => {
            const seconds = (performance.now() - start) / 1000
            return Effect.map(inUse, (heapGib) => ({ groups: found.groups + 1, heapGib, seconds }))
          })
    )
  )
  if (groups !== samples) return yield* Effect.fail(new BenchError(`${groups} of ${samples} groups came out`))
  const rate = Math.round(samples / seconds)
  return yield* Console.log(JSON.stringify({ samples: rate, gib: peakGib(), heapGib: Number(heapGib.toFixed(3)) }))
})

main.pipe(Effect.provide(Layer.merge(Instant.layer, Run.layerMemory({ seed: 0 }))), NodeRuntime.runMain)
