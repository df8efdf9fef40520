/**
 * What the pretrained checkpoint can do on scenes it has never drawn: the figures of its model card.
 */
import { Effect, Option } from "effect"
import * as Atlas from "../../src/data/scenes/Atlas.ts"
import { cuesNamed, cuesOf } from "../../src/data/scenes/Groundedness.ts"
import * as Render from "../../src/data/scenes/Render.ts"
import { type Scene, standing } from "../../src/data/scenes/Scene.ts"
import * as Truth from "../../src/data/scenes/Truth.ts"
import { side } from "../../src/data/scenes/World.ts"
import * as Reward from "../../src/dsl/Reward.ts"
import { Groundedness } from "../../src/evaluation/index.ts"
import * as Iou from "../../src/kernels/math/Iou.ts"
import * as Keyed from "../../src/kernels/math/Keyed.ts"
import { Policy, type Prompt } from "../../src/policy/index.ts"
import { Emotion6, Metric } from "../../src/tasks/classification/index.ts"
import { Lisa } from "../../src/tasks/detection/index.ts"
import * as Corpus from "./Corpus.ts"
import * as Places from "./Places.ts"

export interface Figures {
  readonly scenes: number
  /** Of cues named by "Explain this picture.", greedy. */
  readonly cueRecall: number
  readonly cuePrecision: number
  /** Share of explanations that name exactly the cues of their scene. */
  readonly exact: number
  /** Share of greedy think-answers that are strictly valid, without a grammar. */
  readonly validThinkAnswers: number
  /** The same for sampled think-answers at temperature 1. */
  readonly validSampled: number
  /** Mean IoU of "Where is the …?" over faces and objects; an unreadable box is 0. */
  readonly groundingIou: number
  /**
   * The same over objects that have others beside them, where the name has to tell which: the face alone is found
   * without.
   */
  readonly objectGroundingIou: number
  /**
   * Mean IoU of the same objects' boxes, rebuilt from a reasoning that names the object, in the prompt of reasoning
   * detection.
   */
  readonly rebuiltIou: number
  /** JSD in nats of the greedy think-answer: it has seen no emotion label, so this is what guessing earns. */
  readonly emotionJsd: number
}

const mean = (values: ReadonlyArray<number>): number =>
  values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length

/** Thousandths, xywh: what the corpus teaches. */
const readBox = (text: string): Iou.Xywh | undefined => {
  const found = /^\[(\d+), (\d+), (\d+), (\d+)\]$/.exec(text)
  return found === null ? undefined : [Number(found[1]), Number(found[2]), Number(found[3]), Number(found[4])]
}

const questionsOf = (scene: Scene) =>
  standing(scene, "face").map(({ name, placement: { size, x, y } }, i) => ({
    scene,
    chosen: i > 0 && scene.objects.length > 1,
    text: Places.whereIs(name),
    thought: Places.asked(
      Lisa.embedded.prompts.reconstruct(Places.pointed(Keyed.stream(0, `rebuild/${scene.id}/${name}`), scene, name)),
      Places.whereIs("thing")
    ),
    box: [x / side * 1000, y / side * 1000, size / side * 1000, size / side * 1000] as const
  }))

type Question = ReturnType<typeof questionsOf>[number]

/** Evaluates the policy on the first `count` held-out scenes. */
export const evaluate = Effect.fn("pretrain.evaluate")(function*(count: number) {
  const policy = yield* Policy
  const atlas = yield* Atlas.load
  const corpus = Corpus.make({ atlas, encode: Option.getOrThrow(policy.tokenizer).encode })
  const scenes = Array.from({ length: count }, (_, i) => corpus.heldOut(i))
  const session = yield* policy.session
  const ask = (text: string, name: string, temperature: number) =>
    Effect.map(
      session.sample(
        scenes.map((scene): { prompt: Prompt; key: string } => (
          { prompt: { images: [Render.image(atlas, scene)], text }, key: `${name}/${scene.id}` }
        )),
        { count: 1, maxTokens: 72, temperature }
      ),
      (groups) => groups.map((group) => group[0]?.text ?? "")
    )

  const explanations = yield* ask("Explain this picture.", "explain", 0)
  const grounded = explanations.map((text, i) => {
    const scene = scenes[i]
    return scene === undefined ? Groundedness.none : Groundedness.count(cuesNamed(text), cuesOf(scene))
  })
  const total = grounded.reduce(Groundedness.add, Groundedness.none)
  const score = Reward.r1(Emotion6.task)
  const think = (texts: ReadonlyArray<string>) =>
    texts.map((text, i) => {
      const truth = scenes[i] === undefined ? [] : Truth.truth(scenes[i])
      const { annotation, verdict } = score({ truth, text })
      return { valid: verdict === "ok" ? 1 : 0, jsd: Metric.jsd.of(truth, annotation) }
    })
  const greedy = think(yield* ask(Emotion6.task.prompts.annotate, "annotate", 0))
  const sampled = think(yield* ask(Emotion6.task.prompts.annotate, "annotate", 1))

  const overlaps = (questions: ReadonlyArray<Question>, name: string, text: (question: Question) => string) =>
    Effect.map(
      session.sample(
        questions.map((question, i) => ({
          prompt: { images: [Render.image(atlas, question.scene)], text: text(question) },
          key: `${name}/${i}`
        })),
        { count: 1, maxTokens: 24, temperature: 0 }
      ),
      (boxes) =>
        questions.map(({ box }, i) => {
          const found = readBox(boxes[i]?.[0]?.text ?? "")
          return found === undefined ? 0 : Iou.iou(found, box)
        })
    )
  const questions = scenes.flatMap(questionsOf)
  const chosen = questions.filter((question) => question.chosen)
  const grounding = yield* overlaps(questions, "ground", ({ text }) => text)

  const figures: Figures = {
    scenes: count,
    cueRecall: Groundedness.recall(total),
    cuePrecision: Groundedness.precision(total),
    exact: mean(grounded.map(({ hits, named, present }) => hits === named && hits === present ? 1 : 0)),
    validThinkAnswers: mean(greedy.map(({ valid }) => valid)),
    validSampled: mean(sampled.map(({ valid }) => valid)),
    groundingIou: mean(grounding),
    objectGroundingIou: mean(grounding.filter((_, i) => questions[i]?.chosen === true)),
    rebuiltIou: mean(yield* overlaps(chosen, "rebuild", ({ thought }) => thought)),
    emotionJsd: mean(greedy.map(({ jsd }) => jsd))
  }
  return figures
}, Effect.scoped)
