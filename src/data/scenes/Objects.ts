/**
 * Object classification over art styles on the embedded scenes, in the sizes of the paper's ImageNet-Sub. Synthetic,
 * and to be called so wherever it is reported.
 *
 * A sample is a scene with one object, of one of 20 classes, beside the face that every scene has.
 *
 * - `train`, 500: 25 of each class, three art styles.
 * - `test`, 200: 10 of each class, one half in those styles (*seen*), one half in the fourth (*unseen*).
 *
 * @module
 */
import { Stream } from "effect"
import type { DataError } from "../../dsl/DataError.ts"
import type { Sample } from "../../dsl/Task.ts"
import * as Keyed from "../../kernels/math/Keyed.ts"
import * as Reader from "../Options.ts"
import { oneHot } from "../Shares.ts"
import { sizes as perClass } from "../Subset.ts"
import type { Atlas, AtlasError } from "./Atlas.ts"
import { drawn } from "./drawn.ts"
import { cuesOf } from "./Groundedness.ts"
import { withArticle } from "./Language.ts"
import { image } from "./Render.ts"
import { arrange, type Scene } from "./Scene.ts"
import { backgrounds, faces, heldOutStyle, type ObjectName, trainingStyles } from "./World.ts"

/** The objects that are classes. */
export const classes = [
  "balloon",
  "cake",
  "gift",
  "drum",
  "snake",
  "bomb",
  "spider",
  "wolf",
  "candle",
  "rose",
  "violin",
  "toilet",
  "rat",
  "kitten",
  "panda",
  "penguin",
  "key",
  "book",
  "cup",
  "phone"
] as const satisfies ReadonlyArray<ObjectName>

/** The labels as they are written: the checkpoint has no token for a name that opens a text, so the article does. */
export const labels: ReadonlyArray<string> = classes.map(withArticle)

/** Options of `dataset`. */
export interface DatasetOptions {
  /** The half: to train on, or to test on. */
  readonly split: "train" | "test"
  /** Draws another data set of the same world. Default 0. */
  readonly seed?: number
}

const draw = (
  seed: number,
  split: "train" | "test",
  index: number,
  name: ObjectName
): { readonly scene: Scene; readonly part?: "seen" | "unseen" } => {
  const id = `objects/${split}/${name}/${index}`
  const random = Keyed.stream(seed, id)
  const part = index % 2 === 0 ? "seen" : "unseen"
  const style = random.pick(split === "test" && part === "unseen" ? [heldOutStyle] : trainingStyles)
  const scene = arrange(seed, id, {
    style,
    background: random.pick(backgrounds),
    face: random.pick(faces),
    objects: [name]
  })
  return split === "train" ? { scene } : { scene, part }
}

/** A data set with the sprites at hand: class by turns, so that its beginning holds them all. */
export const fromAtlas = (
  atlas: Atlas,
  { seed = 0, split }: DatasetOptions
): Stream.Stream<Sample<ReadonlyArray<number>>> =>
  Stream.range(0, perClass[split] - 1).pipe(
    Stream.flatMap((index) =>
      Stream.fromIterable(classes.map((name) => ({ name, ...draw(seed, split, index, name) })))
    ),
    Stream.map(({ name, part, scene }) => ({
      image: image(atlas, scene),
      truth: oneHot(classes, name),
      cues: cuesOf(scene),
      ...(part === undefined ? {} : { part })
    }))
  )

/** What the options may be. */
const rules = Reader.scenes

/**
 * Samples whose truth has all mass on the class of their object, in the order of `labels`. Replayable.
 *
 * Fails with a `DataError` on an option that cannot mean anything, before anything is drawn.
 */
export const dataset = (
  options: DatasetOptions
): Stream.Stream<Sample<ReadonlyArray<number>>, AtlasError | DataError> =>
  drawn("Scenes.Objects.dataset", rules, options, fromAtlas)
