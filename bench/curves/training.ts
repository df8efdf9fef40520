/**
 * A point of the curves: `node bench/curves/training.ts WORK`, as JSON (`Work` in axes.ts). Prints tokens per second of
 * drawing groups and of learning from them, and the most that this process has had resident.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import { Policy, type Prompt } from "../../src/policy/index.ts"
import { onnx } from "../../src/policy/layers.ts"
import { BenchError, median } from "../harness/Contest.ts"
import * as Inputs from "../harness/Inputs.ts"
import { learn } from "../harness/Learn.ts"
import { peakGib } from "../harness/Own.ts"
import { picture } from "../harness/Picture.ts"
import * as RandomModel from "../harness/RandomModel.ts"
import type { Work } from "./axes.ts"

const { candidates, prompt: length, side, workers } = JSON.parse(process.argv[2] ?? "{}") as Work

const PROMPTS = 4
const NEW = 48
const TURNS = 3
/** Words beside a picture. */
const QUESTION = 40

/** As many words as fit into a prompt of so many tokens. */
const wordsFor = Effect.fnUntraced(function*(model: string, tokens: number) {
  let [fit, over] = [0, tokens]
  while (over - fit > 1) {
    const words = Math.floor((fit + over) / 2)
    const [found] = yield* Inputs.of(model, [{ images: [], text: RandomModel.words(0, words) }])
    if ((found?.tokens.length ?? Infinity) <= tokens) fit = words
    else over = words
  }
  return fit > 0 ? fit : yield* Effect.fail(new BenchError(`no prompt has ${tokens} tokens`))
})

const seconds = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const start = performance.now()
    const value = yield* effect
    return [(performance.now() - start) / 1000, value] as const
  })

const measured = (words: number) =>
  Effect.gen(function*() {
    const policy = yield* Policy
    yield* policy.beginStage
    const turn = Effect.fnUntraced(function*(at: number) {
      const prompts = Array.from({ length: PROMPTS }, (_, i): Prompt => ({
        images: side === undefined ? [] : [picture(`turn=${at}/picture=${i}`, side)],
        text: RandomModel.words(i, words)
      }))
      const [drawing, groups] = yield* seconds(Effect.scoped(Effect.flatMap(policy.session, (session) =>
        session.sample(prompts.map((prompt, i) => ({ prompt, key: `turn=${at}/prompt=${i}` })), {
          count: candidates,
          maxTokens: NEW
        }))))
      const rollouts = groups.flatMap((group, i) =>
        group.map((completion, g) => ({
          prompt: prompts[i] ?? { images: [], text: "" },
          completion,
          advantage: g % 2 - 0.5
        }))
      )
      const tokens = rollouts.reduce((n, { completion }) =>
        n + completion.tokens.length, 0)
      const [learning] = yield* seconds(policy.update(
        learn(rollouts, NEW),
        { learningRate: 1e-6 }
      ))
      return { drawn: tokens / drawing, learned: tokens / learning }
    })
    yield* turn(0)
    const turns = yield* Effect.forEach(Array.from({ length: TURNS }, (_, i) => i + 1), turn)
    return { drawn: median(turns.map(({ drawn }) => drawn)), learned: median(turns.map(({ learned }) => learned)) }
  })

const main = Effect.gen(function*() {
  const model = yield* RandomModel.make(0, {
    config: { max_position_embeddings: 4096 },
    processor: { min_pixels: 3136, max_pixels: 1024 * 1024 }
  })
  const words = length === undefined ? QUESTION : yield* wordsFor(model, length)
  const { drawn, learned } = yield* measured(words).pipe(
    Effect.provide(onnx({ model, seed: 1, workers }))
  )
  yield* Console.log(JSON.stringify({ drawn: Math.round(drawn), learned: Math.round(learned), gib: peakGib() }))
})

main.pipe(Effect.scoped, NodeRuntime.runMain)
