/**
 * A reward that looks at the picture: a served model says how much of a reasoning is really there, and the plain
 * similarity is multiplied with what it says. A chain that rebuilds the label by naming what is not there earns little.
 *
 *   node examples/judge.ts URL MODEL [OUT]      (the key, if the server wants one: OPENAI_API_KEY)
 */
import { Effect } from "effect"
import { Emotion6, Judge, Policy, Question, Rise, Scenes, type Task } from "rise-vlm"

/** What the served model is asked. The reasoning is untrusted text: it is quoted, and tags are taken out of it. */
export const question = (reasoning: string) =>
  `Somebody says of this picture: ${JSON.stringify(Question.withoutTags(reasoning))} How much of what is said to be ` +
  "in the picture is really there? Answer with one whole number from 0 (nothing) to 100 (all of it), nothing else."

/** How true a reasoning is of its picture, in [0, 1]. An answer without reasoning has nothing that could be untrue. */
export const judge = <A>(_truth: A, _predicted: A, { image, reasoning }: Task.Turn<A>) =>
  Effect.scoped(Effect.gen(function*() {
    if (reasoning === undefined) return 1
    const session = yield* (yield* Policy.Policy).session
    const request = { prompt: { images: [image], text: question(reasoning) }, key: `judge/sample=${image.id}` }
    const [[said] = []] = yield* session.sample([request], { count: 1, maxTokens: 16, temperature: 0 })
    const [whole] = /^\s*\d{1,3}(?=\D|$)/.exec(said?.text ?? "") ?? []
    const share = Number(whole) / 100
    return share <= 1 ? share : yield* Effect.fail(said?.fault ?? `the judge wrote "${said?.text}", expected 0 to 100`)
  }))

/** A served model, and how much is done: the embedded scenes and checkpoint, the whole method. */
export interface Settings extends Policy.OpenAiOptions {
  readonly out: string
  readonly samples: number
  readonly steps: number
}

export const program = ({ out, samples, steps, ...server }: Settings) =>
  Effect.scoped(Effect.gen(function*() {
    const task = yield* Judge.add(Emotion6.task, { judge, layer: Policy.openai(server), concurrency: 8 })
    yield* Rise.make(task, Scenes.dataset({ split: "train", limit: samples })).pipe(
      Rise.generate({ candidates: 4 }),
      Rise.reconstruct(),
      Rise.validate(), // r = S · J for what is no leak and in the format
      Rise.reinforce({ steps, learningRate: 1e-4, promptsPerStep: 4 }),
      Rise.best(),
      Rise.filter({ tau: 0.75, least: 0.4 }),
      Rise.sft({ steps, batchSize: 8, learningRate: 1e-3 }),
      Rise.rft({ steps, groupSize: 4, learningRate: 1e-4 }), // and here, of think-answers
      Rise.run({ out })
    )
  }))

if (import.meta.main) {
  const [baseUrl = "http://localhost:8000/v1", model = "default", out = "runs/judge"] = process.argv.slice(2)
  program({ baseUrl, model, out, samples: 200, steps: 50 }).pipe(
    Effect.provide(Policy.onnx({ model: "embedded" })),
    Rise.runMain
  )
}
