/**
 * Questions about a scene whose answer is one thing in it that the question does not name: by affect word, by feeling,
 * by use and make, by place.
 *
 * Every word of a question is in the checkpoint's vocabulary, but most combinations are nothing that pretraining has
 * said. A question is only asked of a scene that holds exactly one thing that fits and none that might be meant as
 * well.
 *
 * @module
 */
import type * as Keyed from "../../kernels/math/Keyed.ts"
import { ofGroup } from "./Emotions.ts"
import type { Placement, Scene } from "./Scene.ts"
import { type Emotion, emotions, type Group, groupOf, groups, type ObjectName, objects } from "./World.ts"

/**
 * - `affect`, `feeling`: pretraining knows the word for the thing; `use`: only training ties the two; `place`: it is to
 * be seen.
 */
export type Kind = "affect" | "feeling" | "use" | "place"

/** A question about the things themselves. */
export interface OfThings {
  readonly kind: "affect" | "feeling" | "use"
  /** The text of the question. */
  readonly question: string
  /** The objects that answer it. */
  readonly fits: ReadonlyArray<ObjectName>
  /** What might be meant as well: it must not be in the picture. */
  readonly doubtful: ReadonlyArray<ObjectName>
}

/** A question about where things stand. */
export interface OfPlaces {
  readonly kind: "place"
  /** The text of the question. */
  readonly question: string
  /** How well a thing fits; the best is the answer if it leads by `margin`. */
  readonly score: (thing: Placement, face: Placement) => number
  /** Least lead of the best score over the second. */
  readonly margin: number
}

/** A question whose answer is one thing of a scene. */
export type Riddle = OfThings | OfPlaces

const affect = (group: Group): ReadonlyArray<OfThings> => {
  const fits = objects.filter((name) => groupOf(name) === group)
  return [`Where is something ${group}?`, `Where is the ${group} thing?`].map((question) => ({
    kind: "affect",
    question,
    fits,
    doubtful: []
  }))
}

/** The feeling that an affect word stands for before all others. */
const feelingOf = (group: Group): Emotion | undefined => emotions[ofGroup[group].indexOf(Math.max(...ofGroup[group]))]

const feeling = (emotion: Emotion): ReadonlyArray<OfThings> => {
  const fits = objects.filter((name) => feelingOf(groupOf(name)) === emotion)
  return fits.length === 0
    ? []
    : [`Where is something with ${emotion}?`, `Where is the thing of ${emotion}?`].map((question) => ({
      kind: "feeling",
      question,
      fits,
      doubtful: []
    }))
}

const use = (
  question: string,
  fits: ReadonlyArray<ObjectName>,
  doubtful: ReadonlyArray<ObjectName> = []
): OfThings => ({ kind: "use", question, fits, doubtful })

const uses: ReadonlyArray<OfThings> = [
  use("Where is the thing of use in rainy weather?", ["umbrella"]),
  use("Where is the thing with a dry place under it?", ["umbrella"], ["bus", "coffin"]),
  use("Where is the thing of use at night?", ["candle"], ["phone", "bus", "book"]),
  use("Where is something of paper?", ["book"], ["gift", "cigarette", "popper", "cake", "bin"]),
  use("Where is something of metal?", ["key", "dagger"], [
    "bin",
    "bus",
    "drum",
    "bomb",
    "umbrella",
    "cup",
    "phone",
    "violin",
    "champagne",
    "popper"
  ]),
  use("Where is something of wood?", ["coffin", "violin"], ["drum", "book", "dagger", "key", "umbrella", "urn"]),
  use("Where is something loud?", ["popper", "bomb", "drum"], [
    "bus",
    "violin",
    "wolf",
    "phone",
    "pig",
    "puppy",
    "champagne",
    "toilet"
  ]),
  use("Where is something with a sweet taste?", ["cake"], ["champagne", "cup", "gift", "pig", "heart"]),
  use("Where is something with a bitter taste?", ["cup"], ["cigarette", "champagne", "poop", "cake"]),
  use("Where is something with a harsh taste?", ["cigarette"], ["cup", "champagne", "poop"]),
  use("Where is the thing of the desert?", ["snake"], ["spider", "rat", "umbrella"]),
  use("Where is the thing of the sky?", ["balloon"], ["umbrella", "popper", "bomb", "penguin"]),
  use("Where is something soft?", ["kitten", "puppy", "bunny", "panda", "hamster"], [
    "penguin",
    "heart",
    "rose",
    "cake",
    "wolf",
    "pig",
    "rat",
    "poop",
    "gift"
  ]),
  use("Where is the thing with a surprise in it?", ["gift"], [
    "popper",
    "bomb",
    "cake",
    "bin",
    "coffin",
    "urn",
    "champagne",
    "book"
  ]),
  use("Where is the thing of spring?", ["bunny"], ["rose", "puppy", "kitten", "balloon", "umbrella"]),
  use("Where is the thing of a meadow?", ["rose"], ["bunny", "snake", "pig", "spider", "puppy", "rat", "wolf"]),
  use("Where is something black and white?", ["panda"], [
    "penguin",
    "shark",
    "wolf",
    "puppy",
    "bomb",
    "cup",
    "cigarette",
    "toilet",
    "drum",
    "rat"
  ]),
  use("Where is the thing of use in a quiet room?", ["toilet"], [
    "book",
    "cup",
    "candle",
    "phone",
    "umbrella",
    "violin",
    "coffin"
  ]),
  use("Where is the thing under the city?", ["rat"], ["bin", "snake", "spider", "coffin", "urn", "poop"]),
  use("Where is something brown and soft?", ["poop"], ["puppy", "hamster", "kitten", "bunny", "coffin", "cup", "urn"]),
  use("Where is something green?", ["snake"], ["champagne", "rose"]),
  use("Where is something black?", ["bomb"], [
    "spider",
    "panda",
    "penguin",
    "cigarette",
    "shark",
    "wolf",
    "rat",
    "umbrella",
    "violin",
    "dagger",
    "champagne",
    "bus",
    "coffin"
  ])
]

const middle = ({ size, x, y }: Placement): readonly [number, number] => [x + size / 2, y + size / 2]

const places: ReadonlyArray<OfPlaces> = [
  { kind: "place", question: "Where is the largest thing?", score: ({ size }) => size, margin: 4 },
  {
    kind: "place",
    question: "Where is the thing near the face?",
    // Pixels from middle to middle.
    score: (thing, face) => -Math.hypot(middle(thing)[0] - middle(face)[0], middle(thing)[1] - middle(face)[1]),
    margin: 10
  }
]

/** All of them. */
export const riddles: ReadonlyArray<Riddle> = [
  ...groups.flatMap(affect),
  ...emotions.flatMap(feeling),
  ...uses,
  ...places
]

/** The place in `objects` of the one thing that a riddle asks for; undefined where the scene leaves it open. */
export const answer = (
  riddle: Riddle,
  { facePlacement, objects: things, placements }: Pick<Scene, "facePlacement" | "objects" | "placements">
): number | undefined => {
  if (riddle.kind === "place") {
    const ranked = placements.map((placement, i) => ({ i, score: riddle.score(placement, facePlacement) })).sort((
      a,
      b
    ) => b.score - a.score)
    const [first, second] = ranked
    return first !== undefined && (second === undefined || first.score - second.score >= riddle.margin)
      ? first.i
      : undefined
  }
  const fitting = things.flatMap((name, i) => riddle.fits.includes(name) ? [i] : [])
  return fitting.length === 1 && !things.some((name) => riddle.doubtful.includes(name)) ? fitting[0] : undefined
}

/**
 * Two or three things of `pool` among which the riddle has one answer, by what they are. Where one of them is asked
 * for, it is one of `targets`, and stands anywhere in the list.
 */
export const things = (
  random: Keyed.Stream,
  riddle: Riddle,
  pool: ReadonlyArray<ObjectName>,
  targets: ReadonlyArray<ObjectName>
): ReadonlyArray<ObjectName> => {
  const count = 2 + random.int(2)
  if (riddle.kind === "place") {
    return random.shuffle([random.pick(targets), ...random.shuffle(pool)]).filter((name, i, all) =>
      all.indexOf(name) === i
    ).slice(0, count)
  }
  const target = random.pick(targets.filter((name) => riddle.fits.includes(name)))
  const others = random.shuffle(pool.filter((name) => !riddle.fits.includes(name) && !riddle.doubtful.includes(name)))
  return random.shuffle([target, ...others.slice(0, count - 1)])
}
