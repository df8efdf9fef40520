/**
 * The task file that `rise init` writes: whole, and as a user would write it.
 */

/** Text of `mine.ts`. */
export const script = `/**
 * Which weather does a picture show, and why? Trains on pictures/train, then annotates pictures/test.
 *
 *   node mine.ts
 *
 * Started again it goes on where it was cut off, and when it had finished it only annotates. After a change to labels,
 * pictures or settings remove runs/mine, or name another folder.
 */
import { Effect, Option, Stream } from "effect"
import { Classification, ImageFolder, Pipelines, Policy, Rise } from "rise-vlm"

const labels = ["rain", "snow", "sun"] // folders of pictures/train and pictures/test are called by them

const task = Classification.make({
  name: "weather",
  labels,
  subject: "weather",
  answer: "single", // one label; "distribution", the default, is labels with percents
  // Words that the embedded checkpoint knows. Leave "prompts" out for a model that reads English.
  prompts: {
    reason: (annotation) =>
      \`People rated the things of this picture: \${annotation}. Explain why. Name the visible cues and their \` +
      "context, use no numbers and do not repeat the rating.",
    reconstruct: (reasoning) => \`Someone explains this picture: \${reasoning} What is the thing in it?\`,
    annotate: "Name the cues in this picture and think about its things, then rate: label. Write " +
      "<think>reasons</think><answer>label and percent, largest first</answer>.",
    answerOnly: "What is the thing in this picture?"
  }
})

const training = Rise.make(task, ImageFolder.read("pictures/train", task)).pipe(
  Rise.warmUp({ share: 1, steps: 150, batchSize: 16, learningRate: 6e-4, keep: 0.3, maxTokens: 61 }),
  Rise.generate({ candidates: 8, maxTokens: 40 }), //      reasonings for the known label
  Rise.reconstruct({ maxTokens: 16 }), //                  the label again, from picture and reasoning
  Rise.validate(), //                                      what a reasoning is worth
  Rise.best(),
  Rise.filter({ tau: 0.75, least: 0.6 }),
  Rise.sft({ steps: 200, batchSize: 16, learningRate: 6e-4, maxTokens: 61 }),
  Rise.rft({ steps: 50, groupSize: 8, promptsPerStep: 8, learningRate: 2.5e-4, format: 1, maxTokens: 61 }),
  Rise.run({ out: "runs/mine", resume: true }) //          the model is in runs/mine/model
)

const testing = Effect.gen(function*() {
  const test = yield* Stream.runCollect(ImageFolder.read("pictures/test", task))
  const answers = yield* Stream.fromIterable(test.map(({ image }) => image)).pipe(
    Pipelines.annotate(task),
    Stream.runCollect
  )
  const right = answers.filter(({ annotation }, i) =>
    Option.exists(annotation, (found) => task.classOf(found) === task.classOf(test[i].truth))
  )
  for (const { annotation, image, reasoning } of answers) {
    const label = Option.match(annotation, { onNone: () => "no answer", onSome: task.encode })
    console.log(\`\${image.id}  \${label}  \${Option.getOrElse(reasoning, () => "")}\`)
  }
  console.log(\`\${right.length} of \${test.length} right\`)
})

training.pipe(
  Effect.andThen(testing),
  Effect.provide(Policy.onnx({ model: "embedded" })),
  Rise.runMain
)
`
