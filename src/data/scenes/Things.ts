/**
 * Multi-object detection on the embedded scenes, in the sizes of the paper's COCO-Sub. Synthetic, and to be called so
 * wherever it is reported.
 *
 * A sample is a scene with everything in it boxed and named: the face and one to three objects.
 *
 * - `train`, 2,000: three art styles.
 * - `test`, 800: one half in those styles (*seen*), one half in the fourth (*unseen*).
 *
 * @module
 */
import { Stream } from "effect"
import type { DataError } from "../../dsl/DataError.ts"
import type { Sample } from "../../dsl/Task.ts"
import * as Keyed from "../../kernels/math/Keyed.ts"
import type { Instances } from "../Instances.ts"
import * as Reader from "../Options.ts"
import type { Atlas, AtlasError } from "./Atlas.ts"
import { boxOf, instances } from "./Boxes.ts"
import { drawn } from "./drawn.ts"
import { cuesOf } from "./Groundedness.ts"
import { withArticle } from "./Language.ts"
import { image } from "./Render.ts"
import { arrange, compose, type Scene, standing } from "./Scene.ts"
import { heldOutStyle, type ObjectName, objects, trainingStyles } from "./World.ts"

/** Samples of each split: those of COCO-Sub. */
export const sizes = { train: 2000, test: 800 } as const

/**
 * Objects whose written name opens with a token of its own: "an" has none, so the umbrella and the urn stay at home.
 */
const named: ReadonlyArray<ObjectName> = objects.filter((name) => withArticle(name).startsWith("a "))

const face = withArticle("face")

/** The labels as they are written: 34 objects and the face. */
export const labels: ReadonlyArray<string> = [face, ...named.map(withArticle)]

/** Options of `dataset`. */
export interface DatasetOptions {
  /** The half: to train on, or to test on. */
  readonly split: "train" | "test"
  /** Draws another data set of the same world. Default 0. */
  readonly seed?: number
  /** At most so many samples, from the start. In `test` the two parts alternate. */
  readonly limit?: number
}

const draw = (
  seed: number,
  split: "train" | "test",
  index: number
): { readonly scene: Scene; readonly part?: "seen" | "unseen" } => {
  const id = `things/${split}/${index}`
  const part = index % 2 === 0 ? "seen" : "unseen"
  const drawn = split === "test" && part === "unseen" ? [heldOutStyle] : trainingStyles
  const scene = arrange(seed, id, compose(Keyed.stream(seed, id), { styles: drawn, objects: named }))
  return split === "train" ? { scene } : { scene, part }
}

/** Everything in a scene by reading order: what stands higher comes first, so that there is one way to write it. */
export const truth = (scene: Scene): Instances => {
  const sorted = standing(scene, "face").toSorted((a, b) =>
    a.placement.y - b.placement.y || a.placement.x - b.placement.x
  )
  return instances(sorted.map(({ name, placement }) => ({ label: withArticle(name), box: boxOf(placement) })))
}

/** A data set with the sprites at hand. */
export const fromAtlas = (
  atlas: Atlas,
  { limit = Infinity, seed = 0, split }: DatasetOptions
): Stream.Stream<Sample<Instances>> =>
  Stream.range(0, Math.min(limit, sizes[split]) - 1).pipe(
    Stream.map((index) => draw(seed, split, index)),
    Stream.map(({ part, scene }) => ({
      image: image(atlas, scene),
      truth: truth(scene),
      cues: cuesOf(scene),
      ...(part === undefined ? {} : { part })
    }))
  )

/** What the options may be. */
const rules = { ...Reader.scenes, limit: Reader.count }

/**
 * Samples with the boxes of everything in them, in pixels. Replayable.
 *
 * Fails with a `DataError` on an option that cannot mean anything, before anything is drawn.
 */
export const dataset = (options: DatasetOptions): Stream.Stream<Sample<Instances>, AtlasError | DataError> =>
  drawn("Scenes.Things.dataset", rules, options, fromAtlas)
