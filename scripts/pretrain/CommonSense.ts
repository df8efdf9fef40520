/**
 * Text without pictures: which feelings go with an expression, an affect word or a setting, one cue at a time, and
 * which affect word goes with a thing. No numbers, no combinations of cues, no object named beside a feeling.
 */
import { capitalised } from "../../src/data/scenes/Language.ts"
import type { Background, Emotion, Face, Group } from "../../src/data/scenes/World.ts"
import { backgrounds, emotions, faces, groupOf, groups, objects, settings } from "../../src/data/scenes/World.ts"
import type { Stream } from "../../src/kernels/math/Keyed.ts"

/** The feeling that comes to mind first, and one that may come with it. */
type Feelings = readonly [Emotion, Emotion?]

export const ofFace: Record<Face, Feelings> = {
  smiling: ["joy"],
  laughing: ["joy", "surprise"],
  crying: ["sadness"],
  frowning: ["sadness", "anger"],
  scowling: ["anger"],
  screaming: ["fear", "surprise"],
  gasping: ["surprise"],
  sick: ["disgust"],
  blank: ["neutral"],
  sleeping: ["neutral"]
}

export const ofGroup: Record<Group, Feelings> = {
  festive: ["joy", "surprise"],
  menacing: ["fear", "anger"],
  mournful: ["sadness"],
  filthy: ["disgust", "anger"],
  cuddly: ["joy"],
  plain: ["neutral"]
}

export const ofBackground: Record<Background, Feelings> = {
  sky: ["joy"],
  sunset: ["joy", "neutral"],
  night: ["fear", "neutral"],
  storm: ["fear", "sadness"],
  meadow: ["joy", "neutral"],
  room: ["neutral"]
}

export interface TextPair {
  readonly question: string
  readonly answer: string
}

const written = ([first, second]: Feelings) => second === undefined ? first : `${first} and ${second}`

/** Draws one question and its answer. */
export const commonSense = (random: Stream): TextPair => {
  const kind = random.next()
  if (kind < 0.3) {
    const group = random.pick(groups)
    const question = random.pick([
      `What feelings does something ${group} bring?`,
      `A thing is ${group}. What feelings does it bring?`
    ])
    return { question, answer: written(ofGroup[group]) }
  }
  if (kind < 0.55) {
    const face = random.pick(faces)
    return { question: `What feelings does a ${face} face show?`, answer: written(ofFace[face]) }
  }
  if (kind < 0.65) {
    const background = random.pick(backgrounds)
    return { question: `What feelings come ${settings[background]}?`, answer: written(ofBackground[background]) }
  }
  if (kind < 0.8) {
    const emotion = random.pick(emotions)
    const things = groups.filter((group) => ofGroup[group][0] === emotion).map((group) => `something ${group}`)
    const signs = faces.filter((face) => ofFace[face][0] === emotion).map((face) => `a ${face} face`)
    const answer = random.pick([...signs, ...things])
    return { question: `What goes with ${emotion}?`, answer: `${capitalised(answer)}.` }
  }
  const name = random.pick(objects)
  return { question: `What is the ${name} like?`, answer: groupOf(name) }
}
