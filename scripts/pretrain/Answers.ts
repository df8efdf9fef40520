/**
 * Answers that teach the annotation format and nothing else: label lists and distributions drawn at random.
 *
 * Nothing here ever sees a scene, so no picture can be paired with its emotion label.
 */
import { emotions } from "../../src/data/scenes/World.ts"
import type { Stream } from "../../src/kernels/math/Keyed.ts"
import { percents } from "../../src/tasks/classification/Codec.ts"

/** A subject to rate and the labels that a prompt lists. */
export interface LabelSet {
  readonly subject: string
  readonly labels: ReadonlyArray<string>
}

/** Label sets besides the emotions, so that the prompt's list is what decides, not habit. */
export const otherSets: ReadonlyArray<LabelSet> = [
  { subject: "weather", labels: ["sunny", "rainy", "windy", "snowy", "foggy", "cloudy", "dry"] },
  {
    subject: "colours",
    labels: ["red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "white", "black"]
  },
  { subject: "taste", labels: ["sweet", "sour", "salty", "bitter", "spicy", "fresh"] },
  { subject: "season", labels: ["spring", "summer", "autumn", "winter"] },
  { subject: "sounds", labels: ["loud", "quiet", "soft", "harsh", "deep"] },
  { subject: "materials", labels: ["wood", "metal", "glass", "paper", "stone", "cloth"] },
  { subject: "place", labels: ["city", "forest", "beach", "desert", "farm", "harbour"] }
]

export const feelings: LabelSet = { subject: "feelings", labels: emotions }

const everyLabel: ReadonlyArray<string> = [...emotions, ...otherSets.flatMap((set) => set.labels)]

/**
 * Draws what a prompt lists: the seven emotions as they are (one half), a shuffled part of them (a fifth), another
 * subject's labels, or a mix of everything.
 */
export const labelSet = (random: Stream): LabelSet => {
  const kind = random.next()
  if (kind < 0.5) return feelings
  if (kind < 0.7) return { subject: "feelings", labels: random.shuffle(emotions).slice(0, 3 + random.int(5)) }
  const other = random.pick(otherSets)
  if (kind < 0.85) return { subject: other.subject, labels: random.shuffle(other.labels).slice(0, 3 + random.int(5)) }
  const subject = random.next() < 0.5 ? "feelings" : other.subject
  return { subject, labels: random.shuffle(everyLabel).slice(0, 3 + random.int(5)) }
}

/**
 * A random distribution over one to four of the labels, as it is written: `joy 67 surprise 20 neutral 13`, largest
 * first. Two thirds are votes of 15 raters, the rest any integers.
 */
export const randomAnswer = (random: Stream, labels: ReadonlyArray<string>): string => {
  const count = Math.min(labels.length, 1 + random.int(4))
  const chosen = random.shuffle(labels).slice(0, count)
  const grain = random.next() < 2 / 3 ? 15 : 100
  // Cuts of a stick of `grain` votes: every split with positive parts is equally likely.
  const cuts = random.shuffle(Array.from({ length: grain - 1 }, (_, i) => i + 1)).slice(0, count - 1).sort((a, b) =>
    a - b
  )
  const votes = [...cuts, grain].map((cut, i) => cut - (cuts[i - 1] ?? 0)).sort((a, b) => b - a)
  const shares = percents(votes)
  return chosen.map((label, i) => `${label} ${shares[i]}`).join(" ")
}
