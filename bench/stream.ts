/**
 * `stream/overhead`: what the pipeline itself costs. Groups flow through generate, reconstruct and validate with a
 * policy that answers at once; the peer is a plain loop that asks the same policy and applies the same reward law.
 */
import { Effect, Layer, Option, Stream } from "effect"
import * as Reward from "../src/dsl/Reward.ts"
import * as Rise from "../src/dsl/Rise.ts"
import { Run } from "../src/dsl/Run.ts"
import { Batching } from "../src/dsl/stages/Sampling.ts"
import type * as Task from "../src/dsl/Task.ts"
import { type Bench, BenchError, timed } from "./harness/Contest.ts"
import * as Instant from "./harness/Instant.ts"

const SAMPLES = 2000
const GROUP = 8
const samples: ReadonlyArray<Task.Sample<string>> = Array.from({ length: SAMPLES }, (_, i) => Instant.sample(i))

const counted = (groups: number) =>
  groups === SAMPLES ? Effect.void : Effect.fail(new BenchError(`${groups} groups came out, expected ${SAMPLES}`))

const pipeline = Effect.gen(function*() {
  const groups = yield* Rise.make(Instant.mood, Stream.fromIterable(samples)).pipe(
    Rise.generate({ candidates: GROUP }),
    Rise.reconstruct(),
    Rise.validate()
  ).items.pipe(
    Stream.runFold(() => 0, (n, { candidates }) => n + (candidates.every(({ reward }) => reward === 1) ? 1 : 0))
  )
  yield* counted(groups)
}).pipe(Effect.provide(Layer.merge(Instant.layer, Run.layerMemory({ seed: 0 }))))

/** The same by hand: batches of as many prompts, keys, two rounds of questions, eq. 1. */
const loop = Effect.gen(function*() {
  const { prompts } = yield* Batching
  const score = Reward.cot(Instant.mood)
  let groups = 0
  for (let at = 0; at < SAMPLES; at += prompts) {
    const batch = samples.slice(at, at + prompts)
    const chains = Instant.answer(
      batch.map(({ image, truth }) => ({
        prompt: { images: [image], text: Instant.mood.prompts.reason(Instant.mood.encode(truth)) },
        key: `generate/sample=${image.id}`
      })),
      { count: GROUP, maxTokens: 160 }
    )
    const requests = batch.flatMap(({ image }, i) =>
      (chains[i] ?? []).map(({ text }, g) => ({
        prompt: { images: [image], text: Instant.mood.prompts.reconstruct(text) },
        key: `generate/sample=${image.id}/candidate=${g}/reconstruct`
      }))
    )
    const written = Instant.answer(requests, { count: 1, maxTokens: 160 })
    batch.forEach(({ truth }, i) => {
      const rewards = (chains[i] ?? []).map(({ text }, g) =>
        score({ truth, reasoning: text, reconstruction: written[i * GROUP + g]?.[0]?.text ?? "" }).reward
      )
      if (rewards.every((reward) => reward === 1)) groups++
    })
  }
  yield* counted(groups)
})

export const benches: ReadonlyArray<Bench> = [{
  name: "stream/overhead",
  shape: `${SAMPLES} samples × ${GROUP} candidates through generate, reconstruct and validate, a policy that answers ` +
    `at once`,
  unit: "items/s",
  amount: SAMPLES,
  ours: Effect.succeed(timed("Effect Stream", pipeline)),
  peer: Effect.succeed(Option.some(timed("plain loop", loop)))
}]
