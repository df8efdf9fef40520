/**
 * The task file that `rise init` writes: whole, and as a user would write it. docs/write-a-task.md explains the same.
 */

/** Text of `mine.ts`. */
export const script = `/**
 * Which weather does a picture show, and why? Trains on pictures/train, measures on pictures/test, annotates them.
 *
 *   node mine.ts
 *
 * Started again it goes on where it was cut off, and when it had finished it only measures and annotates. After a
 * change to labels, pictures or settings remove runs/mine, or name another folder.
 */
import { Console, Effect, Stream } from "effect"
import { Classification, Image, ImageFolder, Policy, Rise } from "rise-vlm"

const labels = ["rain", "snow", "sun"] // folders of pictures/train and pictures/test are called by them

// Asked in the few words that the embedded checkpoint knows. For a model that reads English it is Classification.make,
// with a subject: "weather". Without "answer", answers are labels with percents.
const task = Classification.forEmbedded({ name: "weather", labels, answer: "single" })
const train = ImageFolder.read("pictures/train", { labels })
const test = ImageFolder.read("pictures/test", { labels })

const program = Effect.gen(function*() {
  yield* Rise.make(task, train).pipe(
    Rise.warmUp({ share: 1, steps: 150, batchSize: 16, learningRate: 6e-4, keep: 0.3, maxTokens: 61 }),
    Rise.generate({ candidates: 8, maxTokens: 40 }), //  reasonings for the known label
    Rise.reconstruct({ maxTokens: 16 }), //              the label again, from picture and reasoning
    Rise.validate(), //                                  what a reasoning is worth
    Rise.best(),
    Rise.filter({ tau: 0.75, least: 0.6 }),
    Rise.sft({ steps: 200, batchSize: 16, learningRate: 6e-4, maxTokens: 61 }),
    Rise.rft({ steps: 50, groupSize: 8, promptsPerStep: 8, learningRate: 2.5e-4, format: 1, maxTokens: 61 }),
    Rise.run({ out: "runs/mine", resume: true }) //      the model is in runs/mine/model
  )
  // As it writes by itself, and "masked": held to the labels, as annotate holds it.
  const rows = yield* Rise.evaluate({ task, data: test, maxTokens: 61 })
  yield* Console.log(Rise.table(rows, ["accuracy", "accuracy masked", "valid"]))
  yield* Image.folder("pictures/test", { recursive: true }).pipe(
    Rise.annotate(task),
    Stream.runForEach(({ image, text }) => Console.log(\`\${image.id}: \${text}\`))
  )
})

// trainable: "all" lets the vision tower learn, too, which has seen nothing but emoji; of a large model leave it out.
program.pipe(Effect.provide(Policy.onnx({ model: "embedded", trainable: "all" })), Rise.runMain)
`
