/**
 * Tasks without pictures for a model of a hundred thousand weights, in the language of every script. As a program,
 * `node letters.ts URL MODEL OUT`, it teaches pairs and goes on where it was cut off.
 */
import { Effect, Result, Schema } from "effect"
import { Dataset, Image, Policy, Rise, Task } from "../../src/index.ts"

/** Nobody looks at it: texts alone are sent. */
const blank = (id: string) => Image.rendered(id, () => ({ width: 8, height: 8, data: new Uint8Array(192) }))

/** Steps that are enough on two cores that are not idle. */
export const sizes = { pairs: 20, form: 100, letters: 40 } as const

/** Share of letters in a text. */
export const letters = (text: string): number => text.replace(/[^a-z]/gi, "").length / Math.max(1, text.length)

/** A text about a question, worth its share of letters. */
const task = (name: string, prompt: string) =>
  Task.make<string>({
    name,
    annotation: Schema.String,
    encode: (text) => text,
    decode: (text) => text === "" ? Result.fail(Task.formatReason("empty", text)) : Result.succeed(text),
    prompts: { reason: (text) => text, reconstruct: (text) => text, annotate: prompt, answerOnly: prompt },
    similarity: (_, predicted) => letters(predicted)
  })

const pairs = [["What is joy?", "a smile"], ["What is fear?", "a shadow"]] as const

/** Two pairs by heart. */
export const supervised = (steps: number) =>
  Rise.make(
    task("pairs", "{question}"),
    Dataset.fromIterable(pairs.map(([question, truth], i) => ({ image: blank(`pair-${i}`), question, truth })))
  ).pipe(
    Rise.answers(),
    Rise.sft({ steps, batchSize: 2, learningRate: 3e-3, decay: "constant", weightDecay: 0 })
  )

const prompt = "Write."

/** Four digits or letters in the form of a think-answer, by heart: without the form nothing is paid. Its last loss. */
export const form = (steps: number) =>
  Effect.gen(function*() {
    const policy = yield* Policy.Policy
    const examples = Array.from({ length: 16 }, (_, i) => ({
      prompt: { images: [], text: prompt },
      target: [{
        text: `<think>so</think><answer>${
          Array.from({ length: 4 }, (_, k) => (i >> k) % 2 === 0 ? "abcd"[k] : "1234"[k]).join("")
        }</answer>`,
        weight: 1
      }]
    }))
    yield* policy.beginStage
    const losses = yield* Effect.forEach(Array.from({ length: steps }), (_, i) =>
      Effect.map(
        policy.update(Policy.Objective.Supervised({ examples }), {
          learningRate: 1e-2 * (1 - i / steps),
          weightDecay: 0
        }),
        ({ loss }) => loss
      ))
    yield* policy.endStage
    return losses.at(-1) ?? NaN
  })

/** Thirty-two draws a step, paid by their share of letters. */
export const strengthened = (steps: number) =>
  Rise.make(task("letters", prompt), Dataset.fromIterable([{ image: blank("letters"), truth: "abcd" }])).pipe(
    Rise.rft({
      steps,
      groupSize: 32,
      promptsPerStep: 1,
      learningRate: 3e-3,
      weightDecay: 0,
      kl: 0.01,
      maxTokens: 12
    })
  )

/** The policy of all of them. */
export const policy = (baseUrl: string, model: string) =>
  Policy.tinker({ baseUrl, model, tokenizer: model, rank: 8, images: "none", reference: "stage" })

if (import.meta.main) {
  const [url = "", model = "", out = ""] = process.argv.slice(2)
  supervised(sizes.pairs).pipe(
    Rise.run({ out, resume: true, checkpoint: { every: { steps: 4 }, share: 1 } }),
    Effect.provide(policy(url, model)),
    Rise.runMain
  )
}
