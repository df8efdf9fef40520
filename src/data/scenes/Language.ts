/**
 * The small English in which scenes are explained: one sentence that names the face, each object with its affect word,
 * and the setting. It is what the base model writes and what RISE-CoT starts from. It never names a feeling.
 *
 * @module
 */
import type { Stream } from "../../kernels/math/Keyed.ts"
import type { Composition } from "./Scene.ts"
import type { ObjectName } from "./World.ts"
import { groupOf, settings } from "./World.ts"

/** "a balloon", "an urn". */
export const withArticle = (noun: string): string => `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`

/** "a", "a and b", "a, b and c". */
export const listing = (items: ReadonlyArray<string>): string =>
  items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`

/** The text with its first character in upper case. */
export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** "a festive balloon". */
export const withAffect = (name: ObjectName): string => withArticle(`${groupOf(name)} ${name}`)

type Form = (face: string, things: string, setting: string) => string

const explanations: ReadonlyArray<Form> = [
  (face, things, setting) => `A ${face} face with ${things} ${setting}.`,
  (face, things, setting) => `${capitalised(things)} near a ${face} face ${setting}.`,
  (face, things, setting) => `${capitalised(setting)}, a ${face} face with ${things}.`,
  (face, things, setting) => `There is a ${face} face with ${things} ${setting}.`,
  (face, things, setting) => `The face is ${face} near ${things} ${setting}.`
]

/**
 * A true explanation of a scene: 9 to 22 tokens, objects in random order. The first form is drawn half of the time.
 */
export const explain = (random: Stream, scene: Composition): string => {
  const things = listing(random.shuffle(scene.objects).map(withAffect))
  const form = random.next() < 0.4 ? explanations[0] : random.pick(explanations)
  return form?.(scene.face, things, settings[scene.background]) ?? ""
}

/** What is to be seen, without affect words. */
export const inventory = (random: Stream, scene: Composition): string =>
  `A ${scene.face} face, ${listing(random.shuffle(scene.objects).map(withArticle))} ${settings[scene.background]}.`
