/**
 * Reasoning detection on the embedded scenes. Synthetic, and to be called so wherever it is reported.
 *
 * There are as many samples as in the emotion data, not as few as in the paper's LISA (239): a model that has to learn
 * from them what things are for, where the paper's knows, learns 239 pictures by heart.
 *
 * A sample is a scene with two or three things, a question that names none of them (`Riddles`) and the box of the one
 * that it asks for.
 *
 * - `train`, 1,386: seen objects, three art styles.
 * - `test`, 594: one half *seen* (seen objects in combinations of face and objects that training never draws), one half
 *   *unseen* (the answer is an object that no training sample holds), all four art styles.
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
import { image } from "./Render.ts"
import { answer, type Riddle, riddles, things } from "./Riddles.ts"
import type { Composition, Scene } from "./Scene.ts"
import { arrange } from "./Scene.ts"
import { isHeldOut } from "./Scenes.ts"
import { backgrounds, faces, isUnseen, objects, seenObjects, styles, trainingStyles, unseenObjects } from "./World.ts"

/** Samples of each split. */
export const sizes = { train: 1386, test: 594 } as const

/** Options of `dataset`. */
export interface DatasetOptions {
  /** The half: to train on, or to test on. */
  readonly split: "train" | "test"
  /** Draws another data set of the same world. Default 0. */
  readonly seed?: number
  /** At most so many samples, from the start. In `test` the two parts alternate. */
  readonly limit?: number
}

type Part = "train" | "seen" | "unseen"

/** Riddles that can ask for one of these objects. */
const askable = (targets: ReadonlyArray<string>): ReadonlyArray<Riddle> =>
  riddles.filter((riddle) => riddle.kind === "place" || riddle.fits.some((name) => targets.includes(name)))

const worlds = {
  train: { styles: trainingStyles, pool: seenObjects, targets: seenObjects, riddles: askable(seenObjects) },
  seen: { styles, pool: seenObjects, targets: seenObjects, riddles: askable(seenObjects) },
  unseen: { styles, pool: objects, targets: unseenObjects, riddles: askable(unseenObjects) }
} as const

/** A scene, its question, and the place in its `objects` of the answer. */
export interface Asked {
  readonly scene: Scene
  /** The question, with what fits it. */
  readonly riddle: Riddle
  /** Index of the answer in the scene's `objects`. */
  readonly target: number
  /** Part of the test half; absent in training. */
  readonly part?: "seen" | "unseen"
}

const accepted = (part: Part, composition: Composition): boolean =>
  part === "unseen" || isHeldOut(composition) === (part === "seen")

const draw = (seed: number, part: Part, index: number): Asked => {
  const id = `reasoning/${part}/${index}`
  const world = worlds[part]
  // Its own key: every riddle is as likely as any other, however many scenes it takes to fit one.
  const riddle = Keyed.stream(seed, `${id}/riddle`).pick(world.riddles)
  for (let attempt = 0;; attempt++) {
    const random = Keyed.stream(seed, `${id}/${attempt}`)
    const composition: Composition = {
      style: random.pick(world.styles),
      background: random.pick(backgrounds),
      face: random.pick(faces),
      objects: things(random, riddle, world.pool, world.targets)
    }
    if (!accepted(part, composition)) continue
    const scene = arrange(seed, attempt === 0 ? id : `${id}/${attempt}`, composition)
    const target = answer(riddle, scene)
    if (target === undefined || (part === "unseen" && !isUnseen(scene.objects[target] ?? "key"))) continue
    return { scene: { ...scene, id }, riddle, target, ...(part === "train" ? {} : { part }) }
  }
}

/** The samples of a split as data; nothing is drawn yet. */
export const asked = ({ limit = Infinity, seed = 0, split }: DatasetOptions): ReadonlyArray<Asked> =>
  Array.from(
    { length: Math.min(limit, sizes[split]) },
    (_, index) =>
      split === "train" ? draw(seed, "train", index) : draw(seed, index % 2 === 0 ? "seen" : "unseen", index >> 1)
  )

/** A data set with the sprites at hand. */
export const fromAtlas = (atlas: Atlas, options: DatasetOptions): Stream.Stream<Sample<Instances>> =>
  Stream.suspend(() => Stream.fromIterable(asked(options))).pipe(
    Stream.map(({ part, riddle, scene, target }) => ({
      image: image(atlas, scene),
      question: riddle.question,
      truth: instances([{ box: boxOf(scene.placements[target] ?? scene.facePlacement) }]),
      cues: cuesOf(scene),
      ...(part === undefined ? {} : { part })
    }))
  )

/** What the options may be. */
const rules = { ...Reader.scenes, limit: Reader.count }

/**
 * Samples with a question and the one box that answers it, in pixels. Replayable: the same options give the same
 * samples.
 *
 * ```ts
 * Scenes.Reasoning.dataset({ split: "train" }).pipe(BoxTruth.inFrame(() => Box.thousandths))
 * ```
 *
 * Fails with a `DataError` on an option that cannot mean anything, before anything is drawn.
 */
export const dataset = (options: DatasetOptions): Stream.Stream<Sample<Instances>, AtlasError | DataError> =>
  drawn("Scenes.Reasoning.dataset", rules, options, fromAtlas)
