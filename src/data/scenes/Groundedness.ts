/**
 * The cues that a text names, and those of a scene: what a reasoning's groundedness is counted from.
 *
 * A cue is the face's expression, an object or the background, under its name in `World.ts`.
 *
 * @module
 */
import type { Composition } from "./Scene.ts"
import { backgrounds, faces, objects } from "./World.ts"

/** Inflections and longer names that mean a cue, besides its own name and its plural. */
const aliases: Readonly<Record<string, ReadonlyArray<string>>> = {
  smiling: ["smile", "smiles", "smiled", "smiley"],
  laughing: ["laugh", "laughs", "laughed", "laughter"],
  crying: ["cry", "cries", "cried"],
  frowning: ["frown", "frowns", "frowned"],
  scowling: ["scowl", "scowls", "scowled"],
  screaming: ["scream", "screams", "screamed"],
  gasping: ["gasp", "gasps", "gasped"],
  sick: ["sickness"],
  sleeping: ["sleep", "sleeps", "asleep"],
  popper: ["party popper", "party poppers"],
  cake: ["birthday cake", "birthday cakes"],
  rose: ["wilted rose", "wilted roses"],
  heart: ["broken heart", "broken hearts"],
  bin: ["trash bin", "rubbish bin"],
  sky: ["clear sky", "clear skies"],
  storm: ["stormy sky", "stormy skies"],
  night: ["night sky", "starry sky"]
}

const plural = (noun: string): string =>
  /(s|x|z|ch|sh)$/.test(noun) ?
    `${noun}es`
    : /[^aeiou]y$/.test(noun) ?
    `${noun.slice(0, -1)}ies`
    : /f$/.test(noun) ?
    `${noun.slice(0, -1)}ves`
    : `${noun}s`

/** Phrase, as lower-case words joined by spaces → cue. */
const phrases: ReadonlyMap<string, string> = new Map([
  ...faces.map((name) => [name as string, name as string] as const),
  ...[...objects, ...backgrounds].flatMap((name) => [[name, name], [plural(name), name]] as const),
  ...Object.entries(aliases).flatMap(([cue, others]) => others.map((other) => [other, cue] as const))
])
const longest = Math.max(...[...phrases.keys()].map((phrase) => phrase.split(" ").length))

/**
 * The cues that a text names, whatever their case and number. Reads from left to right and always takes the longest
 * phrase, so a "stormy sky" is a storm and not a sky.
 */
export const cuesNamed = (text: string): ReadonlySet<string> => {
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? []
  const found = new Set<string>()
  for (let at = 0; at < words.length;) {
    let taken = 1
    for (let length = Math.min(longest, words.length - at); length > 0; length--) {
      const cue = phrases.get(words.slice(at, at + length).join(" "))
      if (cue !== undefined) {
        found.add(cue)
        taken = length
        break
      }
    }
    at += taken
  }
  return found
}

/** What is to be seen in a scene, by name. */
export const cuesOf = (scene: Composition): ReadonlyArray<string> => [scene.face, ...scene.objects, scene.background]
