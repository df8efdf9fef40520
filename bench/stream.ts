/**
 * `stream/overhead`: what the pipeline itself costs. Groups flow through generate, reconstruct and validate with a
 * policy that answers at once; the peer is a plain loop that asks the same policy and applies the same reward law.
 */
import { Effect, Layer, Option, Result, Schema, Stream } from "effect"
import * as Reward from "../src/dsl/Reward.ts"
import * as Rise from "../src/dsl/Rise.ts"
import { Run } from "../src/dsl/Run.ts"
import * as Task from "../src/dsl/Task.ts"
import * as Image from "../src/kernels/image/Image.ts"
import { type Completion, Policy, type SampleOptions, type SampleRequest } from "../src/policy/Policy.ts"
import { type Bench, BenchError, timed } from "./harness/Contest.ts"

const SAMPLES = 2000
const GROUP = 8
/** Prompts of one call, as the pipeline batches by default. */
const PROMPTS = 32

const mood = Task.make<string>({
  name: "mood",
  annotation: Schema.String,
  encode: (mood) => mood,
  decode: (text) => Result.succeed(text),
  prompts: {
    reason: (mood) => `Why is this ${mood}?`,
    reconstruct: (reasoning) => `Which mood, given: ${reasoning}`,
    annotate: "Think, then name the mood.",
    answerOnly: "Name the mood."
  },
  similarity: (truth, predicted) => truth === predicted ? 1 : 0
})

const samples: ReadonlyArray<Task.Sample<string>> = Array.from({ length: SAMPLES }, (_, i) => ({
  image: Image.rendered(`sample-${i}`, () => ({ width: 1, height: 1, data: new Uint8Array(3) })),
  truth: "joy"
}))

const completion = (text: string): Completion => ({
  text,
  tokens: Int32Array.of(1),
  logprobs: Float32Array.of(0),
  finish: "stop"
})
const chain = completion("we can see a bright festive smile here")
const annotation = completion("joy")

/** Answers every prompt at once. */
const answer = (
  requests: ReadonlyArray<SampleRequest>,
  { count }: SampleOptions
): ReadonlyArray<ReadonlyArray<Completion>> =>
  requests.map(({ prompt }) => Array.from({ length: count }, () => prompt.text.startsWith("Why") ? chain : annotation))

const absent = Effect.die("the instant policy only samples")
const instant = Layer.succeed(
  Policy,
  Policy.of({
    session: Effect.succeed({
      version: 0,
      sample: (requests, options) => Effect.sync(() => answer(requests, options)),
      logprobs: () => absent
    }),
    beginStage: Effect.void,
    update: () => absent,
    endStage: absent,
    snapshot: absent,
    revert: () => absent,
    saveSnapshot: () => absent,
    loadSnapshot: () => absent,
    checkpoint: () => absent,
    restore: () => absent,
    save: () => absent,
    identity: { engine: "bench" },
    tokenizer: Option.none()
  })
)

const counted = (groups: number) =>
  groups === SAMPLES ? Effect.void : Effect.fail(new BenchError(`${groups} groups came out, expected ${SAMPLES}`))

const pipeline = Effect.gen(function*() {
  const groups = yield* Rise.make(mood, Stream.fromIterable(samples)).pipe(
    Rise.generate({ candidates: GROUP }),
    Rise.reconstruct(),
    Rise.validate()
  ).items.pipe(
    Stream.runFold(() => 0, (n, { candidates }) => n + (candidates.every(({ reward }) => reward === 1) ? 1 : 0))
  )
  yield* counted(groups)
}).pipe(Effect.provide(Layer.merge(instant, Run.layerMemory({ seed: 0 }))))

/** The same by hand: batches, keys, two rounds of questions, eq. 1. */
const loop = Effect.suspend(() => {
  const score = Reward.cot(mood)
  let groups = 0
  for (let at = 0; at < SAMPLES; at += PROMPTS) {
    const batch = samples.slice(at, at + PROMPTS)
    const chains = answer(
      batch.map(({ image, truth }) => ({
        prompt: { images: [image], text: mood.prompts.reason(mood.encode(truth)) },
        key: `generate/sample=${image.id}`
      })),
      { count: GROUP, maxTokens: 160 }
    )
    const requests = batch.flatMap(({ image }, i) =>
      (chains[i] ?? []).map(({ text }, g) => ({
        prompt: { images: [image], text: mood.prompts.reconstruct(text) },
        key: `generate/sample=${image.id}/candidate=${g}/reconstruct`
      }))
    )
    const written = answer(requests, { count: 1, maxTokens: 160 })
    batch.forEach(({ truth }, i) => {
      const rewards = (chains[i] ?? []).map(({ text }, g) =>
        score({ truth, reasoning: text, reconstruction: written[i * GROUP + g]?.[0]?.text ?? "" }).reward
      )
      if (rewards.every((reward) => reward === 1)) groups++
    })
  }
  return counted(groups)
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
