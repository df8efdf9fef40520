/** Masked answers end: the embedded checkpoint on pictures unlike any that it knows, within whatever budget fits. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Result } from "effect"
import * as PolicyGrammar from "../../../src/dsl/grammar/PolicyGrammar.ts"
import * as Reward from "../../../src/dsl/Reward.ts"
import * as Image from "../../../src/kernels/image/Image.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { Objective, OnnxPolicy, Policy, type Prompt, type Rollout } from "../../../src/policy/index.ts"
import { Emotion6 } from "../../../src/tasks/classification/index.ts"
import { follow } from "../../tasks/walks.ts"
import { sharing } from "../workers.ts"

const runtime = sharing()

const { task } = Emotion6
const layer = (decode: "loop" | "step") =>
  OnnxPolicy.layer({ model: "assets/scene-vl-places", seed: 5, decode }).pipe(
    Layer.provide(runtime(2)),
    Layer.provide(NodeServices.layer)
  )

const noise = (seed: number): Prompt => ({
  images: [
    Image.rendered(`noise ${seed}`, () => {
      const draw = Keyed.stream(seed, "noise")
      return { width: 112, height: 112, data: Uint8Array.from({ length: 112 * 112 * 3 }, () => draw.int(256)) }
    })
  ],
  text: task.prompts.annotate
})
const prompts = Array.from({ length: 6 }, (_, i) => noise(i))
const requests = prompts.map((prompt, i) => ({ prompt, key: `budget/${i}` }))

const drawn = Effect.gen(function*() {
  const policy = yield* Policy
  const grammar = (yield* PolicyGrammar.ofAnswer(task, "think"))!
  const session = yield* policy.session
  const found = []
  for (const [maxTokens, temperature] of [[9, 1], [24, 1], [9, 0], [24, 0]] as const) {
    const groups = yield* session.sample(requests, { count: 2, maxTokens, temperature, grammar })
    const items = groups.flatMap((group, i) =>
      group.map((completion) => ({ prompt: prompts[i]!, completion, temperature, grammar, maxTokens }))
    )
    found.push(...items)
  }
  return { found, grammar, session }
})

describe("answers of the embedded checkpoint to noise", () => {
  it.effect("end within the budget, keep the format, and are scored as they were drawn", () =>
    Effect.gen(function*() {
      const { endOfTurn } = Option.getOrThrow((yield* Policy).tokenizer)
      const { found, grammar, session } = yield* drawn
      for (const { completion: { finish, text, tokens }, maxTokens } of found) {
        assert.isAtMost(tokens.length, maxTokens)
        assert.strictEqual(tokens.at(-1), endOfTurn, text)
        assert.isDefined(follow(grammar, tokens), text)
        const read = Reward.parseThinkAnswer(task, text)
        assert.isTrue(Result.isSuccess(read.annotation), text)
        if (tokens.length === maxTokens) assert.strictEqual(finish, "length")
      }
      assert.isAbove(found.filter(({ completion }) => completion.finish === "length").length, 30, "budgets press")
      const sampled = found.filter(({ temperature }) => temperature > 0)
      const scored = yield* session.logprobs(
        sampled.map(({ completion: { tokens }, ...rest }) => ({ tokens, ...rest }))
      )
      sampled.forEach(({ completion: { logprobs } }, i) =>
        logprobs.forEach((logprob, t) => assert.closeTo(logprob, scored[i]![t]!, 1e-4))
      )
    }).pipe(Effect.scoped, Effect.provide(layer("loop"))), 60_000)

  it.effect("are the same decoded one token a run", () =>
    Effect.gen(function*() {
      const texts = Effect.scoped(Effect.map(drawn, ({ found }) => found.map(({ completion: { text } }) => text)))
      const [loop, steps] = [
        yield* Effect.provide(texts, layer("loop")),
        yield* Effect.provide(texts, layer("step"))
      ]
      assert.deepStrictEqual(steps, loop)
    }), 300_000)

  it.effect("leave the answer more than its shortest form", () =>
    Effect.scoped(Effect.gen(function*() {
      const { found } = yield* drawn
      const closed = found.filter(({ completion: { finish }, maxTokens }) => finish === "length" && maxTokens >= 24)
      assert.isAbove(closed.length, 3)
      const least = found.filter(({ maxTokens }) => maxTokens === 9)
      const words = (of: typeof found) =>
        Math.max(...of.map(({ completion: { text } }) => /<answer>(.*)<\/answer>/.exec(text)![1]!.split(" ").length))
      assert.isAbove(words(closed), 2, "more than one label")
      assert.isAbove(words(closed), words(least))
    })).pipe(Effect.provide(layer("loop"))), 60_000)

  it.effect(
    "are trained on as they were drawn: before the first update nothing has moved",
    () =>
      Effect.gen(function*() {
        const policy = yield* Policy
        const rollouts = yield* Effect.scoped(
          Effect.map(drawn, ({ found }) =>
            found.filter(({ temperature }) => temperature > 0).map((draw, i) => (
              { ...draw, advantage: i % 2 === 0 ? 1 : -1 }
            )))
        )
        const learn = (rollouts: ReadonlyArray<Rollout>) =>
          policy.update(
            Objective.GroupRelative({
              rollouts,
              loss: "grpo",
              // Any ratio but 1 is clipped.
              clip: { low: 1e-3, high: 1e-3 },
              kl: 0.1,
              innerUpdates: 1,
              maxTokens: 64
            }),
            { learningRate: 1e-3 }
          )
        const before = yield* policy.snapshot
        yield* policy.beginStage
        const { clipFraction, gradNorm, kl } = yield* learn(rollouts)
        assert.strictEqual(clipFraction, 0)
        assert.isAtMost(Math.abs(kl), 1e-6)
        assert.isAbove(gradNorm!, 0)
        yield* policy.revert(before)
        const unlimited = yield* learn(rollouts.map(({ maxTokens: _, ...rest }) => rest))
        assert.isAbove(unlimited.clipFraction, 0, "scored without their budget they are not what was drawn")
      }).pipe(Effect.provide(layer("loop"))),
    300_000
  )
})

describe("a budget", () => {
  it.effect(
    "that no text fits into is refused with the least one, and that one is enough",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const policy = yield* Policy
        const session = yield* policy.session
        for (
          const grammar of [
            (yield* PolicyGrammar.ofAnswer(task, "think"))!,
            (yield* PolicyGrammar.ofAnswer(task, "answer"))!,
            yield* PolicyGrammar.ofReasoning(task.name)
          ]
        ) {
          const of = (maxTokens: number) => session.sample(requests.slice(0, 2), { count: 1, maxTokens, grammar })
          const error = yield* Effect.flip(of(1))
          assert.strictEqual(error._tag, "PolicyError")
          const least = Number(
            /^policy sample: maxTokens is 1, expected at least (\d+): the shortest text/.exec(error.message)![1]
          )
          for (const [{ finish, tokens } = assert.fail()] of yield* of(least)) {
            assert.strictEqual(tokens.length, least)
            assert.strictEqual(finish, "length")
          }
          const [item] = requests
          const scoring = yield* Effect.flip(
            session.logprobs([{ prompt: item!.prompt, tokens: new Int32Array(least + 1), grammar, maxTokens: least }])
          )
          assert.match(
            scoring.message,
            /^policy logprobs: item 0: \d+ tokens under a grammar, expected at most maxTokens/
          )
        }
        const { encode, vocabularySize: vocabulary } = Option.getOrThrow(policy.tokenizer)
        const [word] = encode(" face")
        const allowed = Uint8Array.from({ length: vocabulary }, (_, token) => Number(token === word))
        const dead = { id: "dead", states: 1, vocabulary, allowed, next: new Int32Array(vocabulary) }
        const error = yield* Effect.flip(
          Effect.asVoid(session.sample(requests, { count: 1, maxTokens: 99, grammar: dead }))
        )
        assert.match(error.message, /no text of the grammar dead ever ends/)
      })).pipe(Effect.provide(layer("loop"))),
    300_000
  )
})
