/**
 * Questions about the cues of one scene, with true answers, and grounding: a name → its box.
 */
import { capitalised, listing, withArticle } from "../../src/data/scenes/Language.ts"
import type { Scene } from "../../src/data/scenes/Scene.ts"
import { groupOf, groups, objects, settings } from "../../src/data/scenes/World.ts"
import type { Stream } from "../../src/kernels/math/Keyed.ts"
import type { TextPair } from "./CommonSense.ts"
import { boxText } from "./Places.ts"

/** One question of six kinds about what is to be seen. */
export const question = (random: Stream, scene: Scene): TextPair => {
  const present = random.pick(scene.objects)
  const group = random.next() < 0.6 ? groupOf(present) : random.pick(groups)
  const ofGroup = scene.objects.filter((name) => groupOf(name) === group)
  const asked = random.next() < 0.5 ? present : random.pick(objects)
  switch (random.int(6)) {
    case 0:
      return { question: "What is the face like?", answer: `The face is ${scene.face}.` }
    case 1:
      return {
        question: `Which things are ${group}?`,
        answer: ofGroup.length === 0
          ? "None."
          : `${capitalised(listing(random.shuffle(ofGroup).map((name) => `the ${name}`)))}.`
      }
    case 2:
      return { question: `How many things are ${group}?`, answer: String(ofGroup.length) }
    case 3:
      return { question: `Is there ${withArticle(asked)}?`, answer: scene.objects.includes(asked) ? "Yes." : "No." }
    case 4:
      return { question: `What is the ${present} like?`, answer: groupOf(present) }
    default:
      return { question: "Where is this?", answer: `${capitalised(settings[scene.background])}.` }
  }
}

/** Where a sprite is: the face once in four. */
export const grounding = (random: Stream, scene: Scene): TextPair => {
  const which = random.next() < 0.25 ? -1 : random.int(scene.objects.length)
  const placement = scene.placements[which] ?? scene.facePlacement
  const name = scene.objects[which] ?? "face"
  return { question: `Where is the ${name}?`, answer: boxText(placement) }
}
