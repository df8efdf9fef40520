/**
 * What the embedded world is made of: faces, objects in affect groups, backgrounds and art styles.
 *
 * Names are the words that captions, questions and groundedness use. Faces are named by what is to be seen (a
 * "frowning" face), never by a feeling.
 *
 * @module
 */

/** What a data set of scenes is to be called wherever results on it are reported. */
export const title = "embedded scenes (synthetic)"

/** Expressions of the face, by what is to be seen. */
export const faces = [
  "smiling",
  "laughing",
  "crying",
  "frowning",
  "scowling",
  "screaming",
  "gasping",
  "sick",
  "blank",
  "sleeping"
] as const
/** One of `faces`. */
export type Face = typeof faces[number]

/** Affect words: all that a reader needs to know of an object. */
export const groups = ["festive", "menacing", "mournful", "filthy", "cuddly", "plain"] as const
/** One of the affect `groups`. */
export type Group = typeof groups[number]

/**
 * Objects of each affect group. `unseen` ones never come with an emotion label, neither in training nor in
 * pretraining; several look like another group's (a wolf beside puppies), so that their pixels do not give the label
 * away.
 */
export const members = {
  festive: { seen: ["balloon", "popper", "cake", "gift"], unseen: ["champagne", "drum"] },
  menacing: { seen: ["snake", "bomb", "dagger", "spider"], unseen: ["wolf", "shark"] },
  mournful: { seen: ["coffin", "urn", "rose", "candle"], unseen: ["heart", "violin"] },
  filthy: { seen: ["poop", "toilet", "rat", "cigarette"], unseen: ["pig", "bin"] },
  cuddly: { seen: ["puppy", "kitten", "bunny", "panda"], unseen: ["hamster", "penguin"] },
  plain: { seen: ["umbrella", "key", "book", "cup"], unseen: ["bus", "phone"] }
} as const satisfies Record<Group, { seen: ReadonlyArray<string>; unseen: ReadonlyArray<string> }>

/** An object of any group, seen or unseen. */
export type ObjectName = typeof members[Group]["seen" | "unseen"][number]

/** Objects that come with emotion labels. */
export const seenObjects: ReadonlyArray<ObjectName> = groups.flatMap((group): ReadonlyArray<ObjectName> =>
  members[group].seen
)
/** Objects that never come with an emotion label. */
export const unseenObjects: ReadonlyArray<ObjectName> = groups.flatMap((group): ReadonlyArray<ObjectName> =>
  members[group].unseen
)
/** All objects, the seen ones first. */
export const objects: ReadonlyArray<ObjectName> = [...seenObjects, ...unseenObjects]

const groupByObject: ReadonlyMap<ObjectName, Group> = new Map(
  groups.flatMap((group) => [...members[group].seen, ...members[group].unseen].map((name) => [name, group] as const))
)

/** The affect word of an object. */
export const groupOf = (name: ObjectName): Group => groupByObject.get(name) ?? "plain"

const unseenSet: ReadonlySet<ObjectName> = new Set(unseenObjects)
/** Whether the object never comes with an emotion label. */
export const isUnseen = (name: ObjectName): boolean => unseenSet.has(name)

/** Art styles, one per icon set. */
export const styles = ["noto", "blob", "fluent", "twemoji"] as const
/** One of the art `styles`. */
export type Style = typeof styles[number]

/** Never in emotion training; the base knows it from pretraining. */
export const heldOutStyle: Style = "blob"
/** The styles of emotion training: all but the one held out. */
export const trainingStyles: ReadonlyArray<Style> = styles.filter((style) => style !== heldOutStyle)

/** What a scene can stand in front of. */
export const backgrounds = ["sky", "sunset", "night", "storm", "meadow", "room"] as const
/** One of `backgrounds`. */
export type Background = typeof backgrounds[number]

/** How a sentence says where the scene is. */
export const settings: Record<Background, string> = {
  sky: "under a clear sky",
  sunset: "at sunset",
  night: "at night",
  storm: "in a storm",
  meadow: "on a meadow",
  room: "in a room"
}

/** Side of a scene in pixels: 4 × 4 visual tokens of 28 px. */
export const side = 112

/** The order of a scene annotation's seven probabilities, Emotion6's. */
export const emotions = ["anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral"] as const
/** One of `emotions`. */
export type Emotion = typeof emotions[number]
