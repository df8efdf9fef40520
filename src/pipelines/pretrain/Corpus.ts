/**
 * The pretraining corpus of the embedded checkpoint: an endless keyed sequence of supervised examples.
 *
 * Any worker can make any index; nothing is stored. Shares of the mixture are in `shares`. **No picture is ever paired with
 * its emotion label**: wherever an example with a picture names emotions, labels and distribution are drawn by
 * `Answers.ts` from a stream that the scene has no part in. Feelings are tied to affect words in text only.
 */
import type { Atlas } from "../../data/scenes/Atlas.ts"
import { explain, inventory } from "../../data/scenes/Language.ts"
import { image } from "../../data/scenes/Render.ts"
import type { Placement, Scene } from "../../data/scenes/Scene.ts"
import * as Scenes from "../../data/scenes/Scene.ts"
import { side } from "../../data/scenes/World.ts"
import * as Keyed from "../../kernels/math/Keyed.ts"
import type { SupervisedExample, TargetSegment } from "../../kernels/policy/Policy.ts"
import { prompts } from "../../tasks/classification/Prompts.ts"
import type { LabelSet } from "./Answers.ts"
import { labelSet, randomAnswer } from "./Answers.ts"
import { commonSense } from "./CommonSense.ts"
import { grounding, question } from "./Questions.ts"

export const forms = [
  "explain", "list", "question", "grounding", "reason", "reconstruct", "annotate", "answerOnly", "commonSense"
] as const
export type Form = typeof forms[number]

/** Share of each form in the stream; they sum to 1. */
export const shares: Record<Form, number> = {
  explain: 0.24,
  list: 0.04,
  question: 0.13,
  grounding: 0.2,
  reason: 0.1,
  reconstruct: 0.06,
  annotate: 0.13,
  answerOnly: 0.03,
  commonSense: 0.07
}

/** Loss weight of a box's tokens: four numbers that must all be right, among sentences that forgive a synonym. */
const boxWeight = 2
/** Loss weight of the tokens of a random answer: its form is to be learned, its content is noise. */
const answerWeight = 0.3
/** Loss weight of the auxiliary prediction at each visual token. */
const visualWeight = 0.5

export interface CorpusExample extends SupervisedExample {
  readonly form: Form
  /** What is in the picture; absent for text alone. */
  readonly scene?: Scene
  /** The random answer that the prompt or the target holds. */
  readonly answer?: string
}

/** What an example consists of before pictures and token ids: pure text and data. */
interface Draft {
  readonly form: Form
  readonly text: string
  readonly target: ReadonlyArray<TargetSegment>
  readonly scene?: Scene
  readonly answer?: string
}

const plainTarget = (text: string): ReadonlyArray<TargetSegment> => [{ text, weight: 1 }]

const formOf = (random: Keyed.Stream): Form => {
  let at = random.next()
  for (const form of forms) {
    at -= shares[form]
    if (at < 0) return form
  }
  return "explain"
}

const explainPrompts = ["Explain this picture.", "Describe this picture.", "What is in this picture?"]

/** A scene of the corpus. Ids name their purpose, so no other set of scenes shares a key with them. */
const sceneOf = (seed: number, id: string): Scene => Scenes.make(seed, id)

const draft = (seed: number, index: number): Draft => {
  const id = `pretrain/${index}`
  const random = Keyed.stream(seed, `${id}/text`)
  const form = formOf(random)
  if (form === "commonSense") {
    const pair = commonSense(random)
    return { form, text: pair.question, target: plainTarget(pair.answer) }
  }
  const scene = sceneOf(seed, id)
  switch (form) {
    case "explain":
      return { form, scene, text: random.pick(explainPrompts), target: plainTarget(explain(random, scene)) }
    case "list":
      return { form, scene, text: "Name the things in this picture.", target: plainTarget(inventory(random, scene)) }
    case "question":
    case "grounding": {
      const pair = form === "question" ? question(random, scene) : grounding(random, scene)
      const weight = form === "grounding" ? boxWeight : 1
      return { form, scene, text: pair.question, target: [{ text: pair.answer, weight }] }
    }
    default: {
      // Its own key, without the scene: labels and distribution cannot depend on the picture.
      const answers = Keyed.stream(seed, `${id}/answer`)
      const set = labelSet(answers)
      const answer = randomAnswer(answers, set.labels)
      return { form, scene, answer, ...withAnswer(form, set, answer, explain(random, scene)) }
    }
  }
}

const withAnswer = (
  form: "reason" | "reconstruct" | "annotate" | "answerOnly",
  set: LabelSet,
  answer: string,
  reasoning: string
): { readonly text: string; readonly target: ReadonlyArray<TargetSegment> } => {
  const ask = prompts(set.subject, set.labels)
  switch (form) {
    case "reason":
      return { text: ask.reason(answer), target: plainTarget(reasoning) }
    case "reconstruct":
      return { text: ask.reconstruct(reasoning), target: [{ text: answer, weight: answerWeight }] }
    case "answerOnly":
      return { text: ask.answerOnly, target: [{ text: answer, weight: answerWeight }] }
    case "annotate":
      return {
        text: ask.annotate,
        target: [
          { text: `<think>${reasoning}</think><answer>`, weight: 1 },
          { text: answer, weight: answerWeight },
          { text: "</answer>", weight: 1 }
        ]
      }
  }
}

/** Side of the cell that one visual token sees, in pixels. */
const cellSide = 28
const cellsAcross = side / cellSide

const covered = ({ size, x, y }: Placement, column: number, row: number): number => {
  const width = Math.min(x + size, (column + 1) * cellSide) - Math.max(x, column * cellSide)
  const height = Math.min(y + size, (row + 1) * cellSide) - Math.max(y, row * cellSide)
  return width <= 0 || height <= 0 ? 0 : (width * height) / (cellSide * cellSide)
}

/**
 * The name to predict at each visual token, row by row: the sprite that covers most of its cell if that is at least a
 * fifth, the background's name where less than a twentieth is covered, and none (undefined) between.
 */
export const cellNames = (scene: Scene): ReadonlyArray<string | undefined> => {
  const sprites = [
    { name: scene.face as string, placement: scene.facePlacement },
    ...scene.objects.map((name, i) => ({ name: name as string, placement: scene.placements[i] ?? scene.facePlacement }))
  ]
  return Array.from({ length: cellsAcross * cellsAcross }, (_, cell) => {
    const shares = sprites.map(({ name, placement }) => ({
      name,
      share: covered(placement, cell % cellsAcross, Math.floor(cell / cellsAcross))
    }))
    const best = shares.reduce((a, b) => b.share > a.share ? b : a)
    if (best.share >= 0.2) return best.name
    return best.share < 0.05 ? scene.background : undefined
  })
}

/**
 * The cells' numbers as words, row by row from 1: what the visual tokens of grounding examples predict. Positions are
 * relative, so where a patch lies has to be worked out from its neighbours; this teaches the first layers to.
 */
const cellNumbers = Array.from({ length: cellsAcross * cellsAcross }, (_, cell) => String(cell + 1))

export interface CorpusOptions {
  readonly atlas: Atlas
  /** The checkpoint's tokenizer; names of faces, objects and backgrounds are one token each with a leading space. */
  readonly encode: (text: string) => Int32Array
}

/** The stream of one tokenizer and atlas. */
export interface Corpus {
  /** Example number `index` of a seed. */
  readonly example: (seed: number, index: number) => CorpusExample
  /** Number `index` of the held-out scenes that pretraining never draws, whatever its seed. */
  readonly heldOut: (index: number) => Scene
}

/** Text and targets of an example, without picture or tokens: what tokenizer building and statistics read. */
export const texts = (seed: number, index: number): { readonly prompt: string; readonly target: string; readonly form: Form } => {
  const { form, target, text } = draft(seed, index)
  return { form, prompt: text, target: target.map((segment) => segment.text).join("") }
}

export const make = ({ atlas, encode }: CorpusOptions): Corpus => {
  const tokens = new Map<string, number>()
  const tokenOf = (name: string): number => {
    let token = tokens.get(name)
    if (token === undefined) {
      const ids = encode(` ${name}`)
      token = ids.length === 1 ? ids[0] ?? -1 : -1
      tokens.set(name, token)
    }
    return token
  }
  return {
    example: (seed, index) => {
      const made = draft(seed, index)
      const base = { form: made.form, target: made.target, ...(made.answer === undefined ? {} : { answer: made.answer }) }
      if (made.scene === undefined) return { ...base, prompt: { images: [], text: made.text } }
      return {
        ...base,
        scene: made.scene,
        prompt: { images: [image(atlas, made.scene)], text: made.text },
        visual: {
          tokens: Int32Array.from(
            made.form === "grounding" ? cellNumbers : cellNames(made.scene),
            (name) => name === undefined ? -1 : tokenOf(name)
          ),
          weight: visualWeight
        }
      }
    },
    heldOut: (index) => sceneOf(0, `pretrain-held-out/${index}`)
  }
}
