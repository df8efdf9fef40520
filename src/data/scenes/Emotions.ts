/**
 * What each cue feels like alone, and where context overturns the face.
 *
 * Vectors are over anger, disgust, fear, joy, sadness, surprise, neutral. The table is this project's own convention:
 * truth in this world is synthetic. `docs/scenes.md` compares it with human ratings of the same emoji.
 *
 * @module
 */
import type { Background, Emotion, Face, Group, ObjectName } from "./World.ts"
import { emotions, groupOf } from "./World.ts"

/** A distribution over `emotions`, in that order. Sums to 1. */
export type Feelings = ReadonlyArray<number>

type Parts = Partial<Record<Emotion, number>>

const vector = (parts: Parts): Feelings => emotions.map((emotion) => parts[emotion] ?? 0)

/** What each face feels like alone. */
export const ofFace: Record<Face, Feelings> = {
  smiling: vector({ joy: 0.8, surprise: 0.08, neutral: 0.12 }),
  laughing: vector({ joy: 0.78, surprise: 0.2, neutral: 0.02 }),
  crying: vector({ sadness: 0.75, fear: 0.13, anger: 0.12 }),
  frowning: vector({ sadness: 0.6, anger: 0.15, disgust: 0.1, neutral: 0.15 }),
  scowling: vector({ anger: 0.7, disgust: 0.2, sadness: 0.1 }),
  screaming: vector({ fear: 0.6, surprise: 0.28, sadness: 0.12 }),
  gasping: vector({ surprise: 0.8, fear: 0.1, joy: 0.1 }),
  sick: vector({ disgust: 0.78, sadness: 0.12, fear: 0.1 }),
  blank: vector({ neutral: 0.85, sadness: 0.08, disgust: 0.07 }),
  sleeping: vector({ neutral: 0.9, joy: 0.1 })
}

/** What the objects of each affect group feel like, before the accent of the object. */
export const ofGroup: Record<Group, Feelings> = {
  festive: vector({ joy: 0.72, surprise: 0.28 }),
  menacing: vector({ fear: 0.68, anger: 0.32 }),
  mournful: vector({ sadness: 0.85, neutral: 0.15 }),
  filthy: vector({ disgust: 0.82, anger: 0.18 }),
  cuddly: vector({ joy: 0.85, neutral: 0.15 }),
  plain: vector({ neutral: 1 })
}

/** What each background feels like alone. */
export const ofBackground: Record<Background, Feelings> = {
  sky: vector({ joy: 0.5, neutral: 0.5 }),
  sunset: vector({ joy: 0.35, sadness: 0.15, neutral: 0.5 }),
  night: vector({ fear: 0.45, sadness: 0.15, neutral: 0.4 }),
  storm: vector({ fear: 0.5, sadness: 0.25, anger: 0.15, surprise: 0.1 }),
  meadow: vector({ joy: 0.55, neutral: 0.45 }),
  room: vector({ neutral: 1 })
}

/** The one feeling that sets an object apart from its group, a tenth of its vector. */
const accents: Record<ObjectName, Emotion> = {
  balloon: "joy",
  popper: "surprise",
  cake: "joy",
  gift: "surprise",
  champagne: "joy",
  drum: "surprise",
  snake: "fear",
  bomb: "surprise",
  dagger: "anger",
  spider: "disgust",
  wolf: "fear",
  shark: "fear",
  coffin: "fear",
  urn: "neutral",
  rose: "joy",
  candle: "neutral",
  heart: "anger",
  violin: "neutral",
  poop: "surprise",
  toilet: "neutral",
  rat: "fear",
  cigarette: "anger",
  pig: "joy",
  bin: "neutral",
  puppy: "joy",
  kitten: "joy",
  bunny: "surprise",
  panda: "neutral",
  hamster: "surprise",
  penguin: "joy",
  umbrella: "neutral",
  key: "neutral",
  book: "neutral",
  cup: "joy",
  bus: "neutral",
  phone: "surprise"
}
const accentShare = 0.1

/** An object alone: nine tenths its group, a tenth its accent. */
export const ofObject = (name: ObjectName): Feelings =>
  ofGroup[groupOf(name)].map((share, i) =>
    share * (1 - accentShare) + (emotions[i] === accents[name] ? accentShare : 0)
  )

/** A face and an affect group that mean something else together, and what. */
export interface Interaction {
  readonly face: Face
  readonly group: Group
  /** The story behind it. */
  readonly because: string
  /** What the two mean together. */
  readonly feelings: Feelings
}

const interaction = (face: Face, group: Group, because: string, parts: Parts): Interaction => ({
  face,
  group,
  because,
  feelings: vector(parts)
})

/**
 * Where the pair overturns the face. Stated for groups, so that an object nobody labelled behaves like the affect word
 * it carries.
 */
export const interactions: ReadonlyArray<Interaction> = [
  interaction("smiling", "menacing", "a sinister smile", { fear: 0.6, anger: 0.4 }),
  interaction("smiling", "mournful", "a brave face at a loss", { sadness: 0.75, neutral: 0.25 }),
  interaction("smiling", "filthy", "pleased with the dirt", { disgust: 0.75, surprise: 0.25 }),
  interaction("laughing", "menacing", "the laugh of a villain", { fear: 0.6, anger: 0.4 }),
  interaction("laughing", "mournful", "mocking grief", { anger: 0.6, disgust: 0.4 }),
  interaction("crying", "festive", "tears of joy", { joy: 0.8, surprise: 0.2 }),
  interaction("crying", "menacing", "a cry for help", { fear: 0.75, sadness: 0.25 }),
  interaction("crying", "filthy", "fouled", { disgust: 0.65, sadness: 0.35 }),
  interaction("crying", "cuddly", "moved to tears", { joy: 0.7, sadness: 0.3 }),
  interaction("frowning", "festive", "left out of the party", { anger: 0.65, sadness: 0.35 }),
  interaction("frowning", "menacing", "standing up to it", { anger: 0.65, fear: 0.35 }),
  interaction("frowning", "cuddly", "comforted", { joy: 0.6, neutral: 0.4 }),
  interaction("scowling", "festive", "envy", { disgust: 0.55, anger: 0.45 }),
  interaction("scowling", "mournful", "bitter grief", { sadness: 0.65, anger: 0.35 }),
  interaction("scowling", "filthy", "revolted", { disgust: 0.8, anger: 0.2 }),
  interaction("scowling", "cuddly", "playing grumpy", { joy: 0.6, neutral: 0.4 }),
  interaction("screaming", "festive", "the thrill of it", { joy: 0.6, surprise: 0.4 }),
  interaction("screaming", "mournful", "a wail", { sadness: 0.8, fear: 0.2 }),
  interaction("screaming", "filthy", "shrieking at the dirt", { disgust: 0.75, surprise: 0.25 }),
  interaction("screaming", "cuddly", "squealing with delight", { joy: 0.7, surprise: 0.3 }),
  interaction("gasping", "festive", "a surprise party", { joy: 0.65, surprise: 0.35 }),
  interaction("gasping", "menacing", "sudden danger", { fear: 0.8, surprise: 0.2 }),
  interaction("gasping", "mournful", "sudden loss", { sadness: 0.7, surprise: 0.3 }),
  interaction("gasping", "filthy", "what a stench", { disgust: 0.75, surprise: 0.25 }),
  interaction("sick", "menacing", "poisoned", { fear: 0.75, disgust: 0.25 }),
  interaction("sick", "mournful", "sick with grief", { sadness: 0.8, disgust: 0.2 }),
  interaction("blank", "menacing", "cold blood", { fear: 0.7, anger: 0.3 }),
  interaction("blank", "mournful", "numb with grief", { sadness: 0.85, neutral: 0.15 }),
  interaction("sleeping", "menacing", "danger unnoticed", { fear: 0.8, surprise: 0.2 }),
  interaction("sleeping", "mournful", "a wake", { sadness: 0.9, neutral: 0.1 }),
  interaction("sleeping", "filthy", "asleep in the dirt", { disgust: 0.8, neutral: 0.2 }),
  interaction("sleeping", "cuddly", "snuggled up", { joy: 0.8, neutral: 0.2 })
]

const overturned: ReadonlyMap<string, Feelings> = new Map(
  interactions.map(({ face, feelings, group }) => [`${face}/${group}`, feelings])
)

/** What the pair means if context overturns it, else undefined. */
export const overturn = (face: Face, group: Group): Feelings | undefined => overturned.get(`${face}/${group}`)
