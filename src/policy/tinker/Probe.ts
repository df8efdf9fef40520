/**
 * What an engine does, found out before it is trusted: whether it takes pictures, what it divides a loss by, and which
 * of its own losses are ours. Some engines accept a picture and drop it, some divide by what only they know; both would
 * train something else without a word. Done on a model of its own, at learning rate 0, which is given back.
 */
import { Effect, Schema } from "effect"
import { Image } from "../../kernels/image/index.ts"
import { PolicyError } from "../Policy.ts"
import * as Batch from "./Batch.ts"
import type { Engine } from "./Engine.ts"
import * as Exact from "./Exact.ts"
import type { Adam } from "./ModelCalls.ts"
import * as Normaliser from "./Normaliser.ts"
import type { Prompts } from "./Prompts.ts"
import { type Datum, lengthOfAll } from "./Wire.ts"

/** What was found. */
export interface Found {
  /** What the engine divides by; undefined where it tells no gradient norm, so that nothing can be measured. */
  readonly normaliser: Normaliser.Normaliser | undefined
  /** Whether pictures reach the model; undefined where the directory is of a model that reads none. */
  readonly pictures: boolean | undefined
  /** Losses of its own that were measured to be ours. */
  readonly exact: ReadonlyArray<Exact.Exact>
  /**
   * Whether a new model may begin with gradients of one that is gone, as in a slot of SkyRL's JAX backend. True where
   * that is not known.
   */
  readonly leftovers: boolean
}

/** What is taken for granted of an engine that was asked nothing. */
export const unasked: Found = { normaliser: undefined, pictures: undefined, exact: [], leftovers: true }

/** The cause of an engine that cannot be opened because pictures do not reach its model. */
export class NoPictures extends Schema.TaggedError<NoPictures>()("NoPictures", {
  /** What it did with one. */
  found: Schema.String
}) {
  override get message() {
    return `it ${this.found}`
  }
}

/** Whether that is why an engine could not be opened. */
export const isBlind = ({ cause }: PolicyError): boolean => cause instanceof NoPictures

const still: Adam = { learningRate: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 0 }

/** The gradient norm among metrics, however an engine calls it: "skyrl.ai/grad_norm". */
export const gradNormOf = (metrics: Readonly<Record<string, number>>): number | undefined =>
  Object.entries(metrics).find(([name]) => /grad(ient)?_?norm/i.test(name))?.[1]

/** A grey square: any picture shows whether one counts. */
const square = Image.rendered("probe", () => ({ width: 56, height: 56, data: new Uint8Array(56 * 56 * 3).fill(127) }))

/** One picture, forward only: as many log-probabilities as there are tokens, those of the picture included. */
const pictures = Effect.fnUntraced(function*(engine: Engine, prompts: Prompts, engineName: string) {
  if (!prompts.readsPictures) return undefined
  const chunks = yield* prompts.chunks({ images: [square], text: "a" })
  const datum = Batch.datum({ chunks, tokens: prompts.text(" a b c") }, { weights: [1, 1, 1] })
  const expected = lengthOfAll(datum.chunks)
  const refused = (found: string) =>
    new PolicyError({
      operation: "load",
      cause: new NoPictures({ found }),
      reason: `${engineName} does not take pictures: for a picture of ${
        lengthOfAll(chunks.filter(({ type }) => type === "image"))
      } visual tokens in a sequence of ${expected} it ${found}. It would train on text alone without a word. Serve ` +
        "the model with a backend that reads images (SkyRL: FSDP), or give a tokenizer directory of a model without"
    })
  const logprobs = yield* Effect.catch(
    engine.forward([datum]),
    (error) => {
      if (error.kind !== "failed" && error.kind !== "status" || error.status === 401 || error.status === 403) {
        return Effect.fail(error)
      }
      // Only where the same without a picture is answered, the picture was what it refused.
      const text = { chunks: [{ type: "text", tokens: prompts.text("a") }] as const, tokens: prompts.text(" a b c") }
      const weights = Array.from(text.tokens, () => 1)
      return Effect.flatMap(
        engine.forward([Batch.datum(text, { weights })]),
        () => Effect.fail(refused(`answered "${error.said}"`))
      )
    }
  )
  const found = logprobs[0]?.length ?? 0
  if (found !== expected) return yield* refused(`told log-probabilities of ${found} tokens, expected ${expected}`)
  return true
})

/** Gradient norms of a few sequences, as multiples of the first one's; then those of the engine's own losses. */
const losses = Effect.fnUntraced(function*(engine: Engine, prompts: Prompts, engineName: string) {
  const tokens = prompts.text("one two three four five six seven eight")
  const behind = prompts.text(" nine ten").slice(0, 2)
  const sequence = { chunks: [{ type: "text", tokens }] as const, tokens: behind }
  const plain = Batch.datum(sequence, { weights: [1, 1] })
  const [logprobs = new Float32Array(0)] = yield* engine.forward([plain])
  const now = Batch.following(sequence, logprobs)
  const scored = (factor: number): Datum => Batch.datum(sequence, { logprobs: now, advantages: [factor, -factor / 2] })
  /** The same, and as many tokens again without an advantage. */
  const length = lengthOfAll(plain.chunks)
  const tail = Int32Array.from({ length: length }, (_, i) => tokens[i % tokens.length] ?? 0)
  const long = { ...sequence, tokens: Int32Array.from([...behind, ...tail]) }
  const zeros = Array.from(tail, () => 0)
  const [all = new Float32Array(0)] = yield* engine.forward([Batch.datum(long, { weights: [1, 1, ...zeros] })])
  const longer = Batch.datum(long, { logprobs: Batch.following(long, all), advantages: [1, -0.5, ...zeros] })
  const norm = (requests: ReadonlyArray<ReadonlyArray<Datum>>) =>
    Effect.map(
      engine.step({
        data: requests.flat(),
        loss: { lossFn: "importance_sampling" },
        adam: still,
        scaled: () => requests
      }, () => Effect.void),
      ({ metrics }) => gradNormOf(metrics)
    )
  // Somebody who was cut off between a pass and its step may have left a gradient where this model is now.
  yield* Effect.ignore(norm([]))
  const first = yield* norm([[scored(1)]])
  if (first === undefined) return { normaliser: undefined, exact: [], leftovers: true }
  const ratio = (requests: ReadonlyArray<ReadonlyArray<Datum>>) =>
    Effect.map(norm(requests), (found) => (found ?? NaN) / first)
  const found = Normaliser.of({
    doubled: yield* ratio([[scored(2)]]),
    twice: yield* ratio([[scored(1), scored(1)]]),
    apart: yield* ratio([[scored(1)], [scored(1)]]),
    longer: yield* ratio([[longer]]),
    mixed: yield* ratio([[scored(1), longer]])
  })
  if (typeof found !== "string") {
    const own = [now, Batch.following(long, all)]
    const exact = yield* Exact.measured(engine, [sequence, long], own, still, gradNormOf)
    // A pass without its step, as an interrupt leaves it: the model is given back, and the next one asked for its own.
    const cutOff = { data: [scored(1)], loss: { lossFn: "importance_sampling" }, adam: still } as const
    yield* Effect.ignore(engine.step({ ...cutOff, scaled: (requests) => requests }, () => Effect.fail("cut off")))
    // Nothing is to be done again on the next one.
    yield* engine.release
    const left = yield* Effect.orElseSucceed(norm([]), () => undefined)
    return { normaliser: found, exact, leftovers: left !== 0 }
  }
  return yield* new PolicyError({
    operation: "load",
    reason:
      `${engineName} does not follow its loss: ${found}. Training there would follow another gradient than ours; ` +
      "report it to the engine, or use another one"
  })
})

/** Asks all of it. Fails where the engine would train something else. */
export const probe = Effect.fnUntraced(function*(engine: Engine, prompts: Prompts, engineName: string) {
  const found: Found = {
    pictures: yield* pictures(engine, prompts, engineName),
    ...yield* losses(engine, prompts, engineName)
  }
  return found
})
