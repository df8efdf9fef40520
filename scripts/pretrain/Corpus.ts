/**
 * The pretraining corpus of the embedded checkpoint: an endless keyed sequence of supervised examples.
 *
 * Any worker can make any index; nothing is stored. What it consists of is in `mixtures`. **No picture is ever paired
 * with its emotion label**: wherever an example with a picture names emotions, labels and distribution are drawn by
 * `Answers.ts` from a stream that the scene has no part in. Feelings are tied to affect words in text only.
 */
import type { Atlas } from "../../src/data/scenes/Atlas.ts"
import { explain, inventory } from "../../src/data/scenes/Language.ts"
import { image } from "../../src/data/scenes/Render.ts"
import type { Scene } from "../../src/data/scenes/Scene.ts"
import * as Scenes from "../../src/data/scenes/Scene.ts"
import * as ThinkAnswer from "../../src/dsl/ThinkAnswer.ts"
import * as Keyed from "../../src/kernels/math/Keyed.ts"
import type { Auxiliary, SupervisedExample, TargetSegment } from "../../src/policy/Policy.ts"
import { prompts } from "../../src/tasks/classification/Prompts.ts"
import type { LabelSet } from "./Answers.ts"
import { labelSet, randomAnswer } from "./Answers.ts"
import * as Cells from "./Cells.ts"
import { commonSense } from "./CommonSense.ts"
import * as Places from "./Places.ts"
import { grounding, question } from "./Questions.ts"

export const forms = [
  "explain",
  "list",
  "question",
  "grounding",
  "reason",
  "reconstruct",
  "annotate",
  "answerOnly",
  "commonSense",
  ...Places.forms
] as const
export type Form = typeof forms[number]

/**
 * Share of each form in the stream; they sum to 1. First what is in a picture (`names`), then also where (`places`): a
 * name can only be tied to a place once it is recognised, and pictures of several things are what teaches the tie.
 */
export const mixtures = {
  names: {
    explain: 0.24,
    list: 0.04,
    question: 0.13,
    grounding: 0.2,
    reason: 0.1,
    reconstruct: 0.06,
    annotate: 0.13,
    answerOnly: 0.03,
    commonSense: 0.07
  },
  places: {
    explain: 0.12,
    list: 0.02,
    question: 0.04,
    reason: 0.03,
    reconstruct: 0.02,
    annotate: 0.05,
    answerOnly: 0.02,
    commonSense: 0.08,
    cells: 0.06,
    locate: 0.12,
    places: 0.04,
    reasonPlace: 0.1,
    reconstructPlace: 0.15,
    annotatePlace: 0.15
  }
} as const satisfies Record<string, Partial<Record<Form, number>>>
export type Mixture = keyof typeof mixtures

/** Loss weight of the tokens of a random answer: its form is to be learned, its content is noise. */
const answerWeight = 0.3
/** Loss weight of the auxiliary prediction at each visual token. */
const visualWeight = 0.5
/** The same at each mention of a thing. */
const mentionWeight = 2
/**
 * The layers after which visual tokens know what and where they are, and mentions where that is: the next one is left
 * to use it.
 */
const seenAfter = 2
const foundAfter = 3

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
  /** What is in the box that the prompt gives. */
  readonly named?: string
}

const plainTarget = (text: string): ReadonlyArray<TargetSegment> => [{ text, weight: 1 }]

const formOf = (random: Keyed.Stream, mixture: Mixture): Form => {
  const shares: Partial<Record<Form, number>> = mixtures[mixture]
  let at = random.next()
  for (const form of forms) {
    at -= shares[form] ?? 0
    if (at < 0) return form
  }
  return "explain"
}

const explainPrompts = ["Explain this picture.", "Describe this picture.", "What is in this picture?"]

/** A scene of the corpus. Ids name their purpose, so no other set of scenes shares a key with them. */
const sceneOf = (seed: number, id: string): Scene => Scenes.make(seed, id)

/** A scene of two or three things. */
const sceneOfSeveral = (seed: number, id: string): Scene => {
  for (let attempt = 0;; attempt++) {
    const scene = sceneOf(seed, `${id}/several/${attempt}`)
    if (scene.objects.length > 1) return scene
  }
}

const isPlaceForm = (form: Form): form is Places.Form => Places.forms.some((place) => place === form)

const draft = (seed: number, index: number, mixture: Mixture): Draft => {
  const id = `pretrain/${index}`
  const random = Keyed.stream(seed, `${id}/text`)
  const form = formOf(random, mixture)
  if (form === "commonSense") {
    const pair = commonSense(random)
    return { form, text: pair.question, target: plainTarget(pair.answer) }
  }
  if (isPlaceForm(form)) {
    const scene = sceneOfSeveral(seed, id)
    return { form, scene, ...Places.example(form, random, scene) }
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
      const weight = form === "grounding" ? Places.boxWeight : 1
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
        target: ThinkAnswer.segments(reasoning, { text: answer, weight: answerWeight })
      }
  }
}

export interface CorpusOptions {
  readonly atlas: Atlas
  /** The checkpoint's tokenizer; names of faces, objects and backgrounds are one token each with a leading space. */
  readonly encode: (text: string) => Int32Array
}

/** The stream of one tokenizer and atlas. */
export interface Corpus {
  /** Example number `index` of a seed. */
  readonly example: (seed: number, index: number, mixture: Mixture) => CorpusExample
  /** Number `index` of the held-out scenes that pretraining never draws, whatever its seed. */
  readonly heldOut: (index: number) => Scene
}

/** Text and targets of an example, without picture or tokens: what tokenizer building and statistics read. */
export const texts = (
  seed: number,
  index: number,
  mixture: Mixture
): { readonly prompt: string; readonly target: string; readonly form: Form } => {
  const { form, target, text } = draft(seed, index, mixture)
  return { form, prompt: text, target: target.map((segment) => segment.text).join("") }
}

export const make = ({ atlas, encode }: CorpusOptions): Corpus => {
  const tokens = new Map<string, number>()
  const closing = encode("]")[0] ?? -1
  const tokenOf = (name: string): number => {
    let token = tokens.get(name)
    if (token === undefined) {
      const ids = encode(` ${name}`)
      token = ids.length === 1 ? ids[0] ?? -1 : -1
      tokens.set(name, token)
    }
    return token
  }
  const visual = (words: ReadonlyArray<string | undefined>): Int32Array =>
    Int32Array.from(words, (word) => word === undefined ? -1 : tokenOf(word))
  const auxiliary = ({ form, named }: Draft, scene: Scene, mixture: Mixture): ReadonlyArray<Auxiliary> =>
    mixture === "names"
      ? [{ tokens: visual(form === "grounding" ? Cells.numbers : Cells.names(scene)), weight: visualWeight }]
      : [
        { tokens: visual(Cells.names(scene)), weight: visualWeight, layer: seenAfter },
        { tokens: visual(Cells.numbers), weight: visualWeight, layer: seenAfter },
        {
          tokens: new Map([
            ...Places.cellsOf(scene).map(({ cell, name }): [number, number] => [tokenOf(name), tokenOf(String(cell))]),
            ...(named === undefined ? [] : [[closing, tokenOf(named)] as const])
          ]),
          weight: mentionWeight,
          layer: foundAfter
        }
      ]
  return {
    example: (seed, index, mixture) => {
      const made = draft(seed, index, mixture)
      const base = {
        form: made.form,
        target: made.target,
        ...(made.answer === undefined ? {} : { answer: made.answer })
      }
      if (made.scene === undefined) return { ...base, prompt: { images: [], text: made.text } }
      return {
        ...base,
        scene: made.scene,
        prompt: { images: [image(atlas, made.scene)], text: made.text },
        auxiliary: auxiliary(made, made.scene, mixture)
      }
    },
    heldOut: (index) => sceneOf(0, `pretrain-held-out/${index}`)
  }
}
