/**
 * The paper's subsets and few-shot splits, by keyed draw: which pictures are drawn depends on the seed and their ids,
 * never on their order or number.
 *
 * - ImageNet-Sub: 20 classes, 25 pictures each to train on and 10 to test on.
 * - COCO-Sub: 80 classes, the same; a picture with several classes is drawn for one of them and used once.
 *
 * @module
 */
import { Effect, Stream } from "effect"
import type { DataError, Dataset } from "../dsl/Dataset.ts"
import * as Keyed from "../kernels/math/Keyed.ts"
import * as Rules from "../kernels/math/Rules.ts"
import type { Instances } from "./Instances.ts"
import * as Reader from "./Options.ts"

/** Pictures of each class on either side. */
export const sizes = { train: 25, test: 10 } as const

/** ImageNet-Sub's classes in the order of their WordNet ids, and the folders that ImageNet keeps them in. */
export const imagenetFolders: Readonly<Record<string, string>> = {
  "analog clock": "n02708093",
  backpack: "n02769748",
  ballpoint: "n02783161",
  "Band Aid": "n02786058",
  barbell: "n02790996",
  "barber chair": "n02791124",
  "beer bottle": "n02823428",
  "beer glass": "n02823750",
  binoculars: "n02841315",
  "bolo tie": "n02865351",
  bookcase: "n02870880",
  bottlecap: "n02877765",
  brassiere: "n02892767",
  broom: "n02906734",
  bucket: "n02909870",
  buckle: "n02910353",
  candle: "n02948072",
  "can opener": "n02951585",
  carton: "n02971356",
  "cellular telephone": "n02992529"
}

/** ImageNet-Sub's 20 classes, in the order of their WordNet ids. */
export const imagenetLabels: ReadonlyArray<string> = Object.keys(imagenetFolders)

/** Options of `draw`. */
export interface Options<A> {
  /** The classes of the subset. */
  readonly labels: ReadonlyArray<string>
  /** The classes that a sample can be drawn for. */
  readonly classesOf: (truth: A) => Iterable<string>
  /** Seed of the draw, together with the image ids. */
  readonly seed: number
  /** Pictures of each class to train on. Default 25. */
  readonly train?: number
  /** Pictures of each class to test on. Default 10. */
  readonly test?: number
}

/** A drawn subset. No picture is on both sides. */
export interface Subset<out A, out E, out R> {
  /** The drawn pictures to train on. */
  readonly train: Dataset<A, E, R>
  /** The drawn pictures to test on. */
  readonly test: Dataset<A, E, R>
  /** How many pictures of each class were found for either side; fewer than wanted where the data has no more. */
  readonly counts: Effect.Effect<ReadonlyMap<string, { readonly train: number; readonly test: number }>, E, R>
}

/** What the options may be. */
const rules: Rules.Table = {
  labels: Rules.any,
  classesOf: Rules.any,
  seed: Rules.required(Rules.whole()),
  train: Reader.count,
  test: Reader.count
}

interface Entry {
  readonly id: string
  readonly lot: number
}

/**
 * Draws a subset. Rare classes draw first, so that common ones do not take their pictures. Reads the data once more per
 * pass and remembers ids, no pictures. Fails on an option that cannot mean anything.
 */
export const draw = <A>(options: Options<A>) => <E, R>(data: Dataset<A, E, R>): Subset<A, E | DataError, R> => {
  const { classesOf, labels, seed, test = sizes.test, train = sizes.train } = options
  const drawn = Reader.check("Subset", rules, options).pipe(
    Effect.andThen(Stream.runFold(
      data,
      () => new Map<string, Array<Entry>>(labels.map((label) => [label, []])),
      (classes, { image: { id }, truth }) => {
        const lot = Keyed.stream(seed, `subset/${id}`).next()
        for (const name of new Set(classesOf(truth))) classes.get(name)?.push({ id, lot })
        return classes
      }
    )),
    Effect.map((classes) => {
      const sides = { train: new Set<string>(), test: new Set<string>() }
      const counts = new Map<string, { readonly train: number; readonly test: number }>()
      const place = new Map(labels.map((label, i) => [label, i]))
      const rarest = [...classes].sort(([a, x], [b, y]) =>
        x.length - y.length || (place.get(a) ?? 0) - (place.get(b) ?? 0)
      )
      for (const [label, entries] of rarest) {
        const free = entries.filter(({ id }) => !sides.train.has(id) && !sides.test.has(id)).sort((a, b) =>
          a.lot - b.lot || (a.id < b.id ? -1 : 1)
        )
        // The test side first: a smaller training set must not change what is tested on.
        const tested = free.slice(0, test)
        const trained = free.slice(test, test + train)
        for (const { id } of tested) sides.test.add(id)
        for (const { id } of trained) sides.train.add(id)
        counts.set(label, { train: trained.length, test: tested.length })
      }
      return { sides, counts: new Map(labels.map((label) => [label, counts.get(label) ?? { train: 0, test: 0 }])) }
    })
  )
  const side = (name: "train" | "test"): Dataset<A, E | DataError, R> =>
    Stream.unwrap(Effect.map(drawn, ({ sides }) => Stream.filter(data, ({ image }) => sides[name].has(image.id))))
  return { train: side("train"), test: side("test"), counts: Effect.map(drawn, ({ counts }) => counts) }
}

/** The classes of the things in a picture; a crowd counts for none. */
export const classesOfInstances = ({ instances }: Instances): ReadonlyArray<string> =>
  instances.flatMap(({ crowd, label }) => crowd === true || label === undefined ? [] : [label])

/** How many of each class are drawn: of data that comes in halves, one side from each with 0 for the other. */
export interface Sizes {
  /** Pictures of each class to train on. Default 25. */
  readonly train?: number
  /** Pictures of each class to test on. Default 10. */
  readonly test?: number
}

/** ImageNet-Sub from distributions with all mass on one label. */
export const imagenetSub = (options: Sizes & { readonly seed: number; readonly labels?: ReadonlyArray<string> }) => {
  const { labels = imagenetLabels } = options
  return draw<ReadonlyArray<number>>({
    ...options,
    labels,
    classesOf: (shares) => [labels[shares.indexOf(Math.max(...shares))] ?? ""]
  })
}

/** COCO-Sub from pictures with boxes; pictures without a boxed thing of these classes are never drawn. */
export const cocoSub = (options: Sizes & { readonly seed: number; readonly labels: ReadonlyArray<string> }) =>
  draw<Instances>({ ...options, classesOf: classesOfInstances })

/** The few-shot settings of the paper's tables. */
export type Shots = 4 | 16 | "full"
