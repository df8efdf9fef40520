/** A policy that answers at once, and a task for it: what is measured with them is the pipeline alone. */
import { Effect, Layer, Option, Result, Schema } from "effect"
import * as Task from "../../src/dsl/Task.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import { type Completion, Policy, type SampleOptions, type SampleRequest } from "../../src/policy/Policy.ts"

/** A mood in a word. */
export const mood = Task.make<string>({
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

/** A sample of it. */
export const sample = (i: number): Task.Sample<string> => ({
  image: Image.rendered(`sample-${i}`, () => ({ width: 1, height: 1, data: new Uint8Array(3) })),
  truth: "joy"
})

const completion = (text: string): Completion => ({
  text,
  tokens: Int32Array.of(1),
  logprobs: Float32Array.of(0),
  finish: "stop"
})
const chain = completion("we can see a bright festive smile here")
const annotation = completion("joy")

/** Answers every prompt at once. */
export const answer = (
  requests: ReadonlyArray<SampleRequest>,
  { count }: SampleOptions
): ReadonlyArray<ReadonlyArray<Completion>> =>
  requests.map(({ prompt }) => Array.from({ length: count }, () => prompt.text.startsWith("Why") ? chain : annotation))

const absent = Effect.die("the instant policy only samples")
/** The policy. */
export const layer = Layer.succeed(
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
