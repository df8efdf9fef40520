/**
 * COCO's average precision for boxes: per class, predictions of the whole test set ranked by score and matched
 * greedily, precision made monotone and read at 101 recalls, then averaged over classes (and over IoU thresholds 0.5,
 * 0.55, …, 0.95).
 *
 * Follows pycocotools' `bbox` evaluation with area range "all", its order of ties included: a prediction takes the free
 * true box it overlaps most; what matches a crowd, or nothing in a class without any true box, counts neither way.
 * Overlap with a crowd is the share of the prediction inside it. A picture without predictions or without boxes is
 * evaluated like any other.
 *
 * @module
 */
import { Option } from "effect"
import type { Annotation, Target } from "./Annotation.ts"
import type { Box, Space } from "./Box.ts"

/** A picture's true and predicted targets, both in one space. */
export interface Picture<S extends Space> {
  /** The true targets, crowds included. */
  readonly truth: Annotation<S>
  /** The predictions, each with its score. */
  readonly predicted: Annotation<S>
}

/** Options of `make` and `evaluate`; the defaults are COCO's. */
export interface Options {
  /** IoU thresholds. Default COCO's ten. */
  readonly thresholds?: ReadonlyArray<number>
  /** Predictions per picture and class, the best first. Default 100. */
  readonly maximum?: number
}

/** Figures in [0, 1]. */
export interface Figures {
  /** Mean average precision over the thresholds: mAP@[.5:.95] by default. */
  readonly ap: number
  /** Mean average precision at each threshold. */
  readonly at: ReadonlyMap<number, number>
  /** Share of the true boxes found at each threshold, averaged over classes. */
  readonly recall: ReadonlyMap<number, number>
  /** Average precision over the thresholds for each class that has a true box. */
  readonly classes: ReadonlyMap<string, number>
}

/** COCO's IoU thresholds: 0.5, 0.55, …, 0.95. */
export const cocoThresholds: ReadonlyArray<number> = Array.from({ length: 10 }, (_, i) => (50 + 5 * i) / 100)

/** COCO's recalls: 0, 0.01, …, 1, as products. Some lie above i / 100: 57 boxes found of 100 do not reach 0.57. */
const recalls = Array.from({ length: 101 }, (_, i) => i * 0.01)

/** A prediction after matching: by threshold, 1 matched, 0 not, −1 counts neither way. */
interface Ranked {
  readonly score: number
  readonly outcome: Int8Array
}

/** What is known of a class: its ranked predictions and how many true boxes it has. */
interface Class {
  readonly ranked: Array<Ranked>
  positives: number
}

const score = ({ score: given }: Pick<Target<never>, "score">): number => given ?? 1

/** Overlap as COCO counts it: with a crowd, the share of the prediction inside. */
const overlap = <S extends Space>(predicted: Box<S>, truth: Box<S>, crowd: boolean): number => {
  const width = Math.min(predicted[0] + predicted[2], truth[0] + truth[2]) - Math.max(predicted[0], truth[0])
  const height = Math.min(predicted[1] + predicted[3], truth[1] + truth[3]) - Math.max(predicted[1], truth[1])
  if (!(width > 0 && height > 0)) return 0
  const area = predicted[2] * predicted[3]
  return width * height / (crowd ? area : area + truth[2] * truth[3] - width * height)
}

/** Matches the predictions of one picture and class, best first, at one threshold after the other. */
const matchPicture = <S extends Space>(
  truth: ReadonlyArray<Target<S>>,
  predicted: ReadonlyArray<Target<S>>,
  thresholds: ReadonlyArray<number>
): ReadonlyArray<Ranked> => {
  // Crowds last, so that a prediction looks for a box of its own first.
  const targets = [...truth.filter(({ crowd }) => crowd !== true), ...truth.filter(({ crowd }) => crowd === true)]
  const own = targets.findIndex(({ crowd }) => crowd === true)
  const crowdsFrom = own < 0 ? targets.length : own
  const ranked = predicted.map((target): Ranked => ({
    score: score(target),
    outcome: new Int8Array(thresholds.length)
  }))
  const shared = predicted.map(({ box }) => targets.map((target, j) => overlap(box, target.box, j >= crowdsFrom)))
  for (const [t, threshold] of thresholds.entries()) {
    const taken = new Uint8Array(targets.length)
    for (const [i, { outcome }] of ranked.entries()) {
      // pycocotools' margin: an IoU of exactly 1 passes a threshold of 1.
      let best = Math.min(threshold, 1 - 1e-10)
      let found = -1
      const row = shared[i] ?? []
      for (let j = 0; j < targets.length; j++) {
        if (j < crowdsFrom && taken[j] === 1) continue
        if (found >= 0 && found < crowdsFrom && j >= crowdsFrom) break
        const value = row[j] ?? 0
        // `>=`: of equals, the last is taken.
        if (value >= best) {
          best = value
          found = j
        }
      }
      if (found >= 0) taken[found] = 1
      outcome[t] = found < 0 ? 0 : found < crowdsFrom ? 1 : -1
    }
  }
  return ranked
}

/** Precision of one class at COCO's recalls at one threshold, from predictions in rank order, and the last recall. */
const curve = (
  { positives, ranked }: Class,
  t: number
): { readonly precisions: ReadonlyArray<number>; readonly recall: number } => {
  const recall: Array<number> = []
  const precision: Array<number> = []
  let hits = 0
  let misses = 0
  for (const { outcome } of ranked) {
    if (outcome[t] === -1) continue
    if (outcome[t] === 1) hits++
    else misses++
    recall.push(hits / positives)
    // pycocotools adds the spacing of doubles at 1 to the denominator.
    precision.push(hits / (hits + misses + Number.EPSILON))
  }
  for (let i = precision.length - 2; i >= 0; i--) precision[i] = Math.max(precision[i] ?? 0, precision[i + 1] ?? 0)
  let at = 0
  const precisions = recalls.map((wanted) => {
    while (at < recall.length && (recall[at] ?? 0) < wanted) at++
    return precision[at] ?? 0
  })
  return { precisions, recall: recall.at(-1) ?? 0 }
}

/** Collects pictures and gives the figures so far. Keeps a few bytes per prediction, no pictures. */
export interface Evaluator<S extends Space> {
  /** Adds a picture to the evaluation. */
  readonly add: (picture: Picture<S>) => void
  /** None where no picture had a true box: there is nothing to be precise about. */
  readonly figures: () => Option.Option<Figures>
  /**
   * Precision at COCO's 101 recalls, 0, 0.01, …, 1, made monotone and averaged over the classes that have a true box,
   * at the first threshold: its mean is the average precision there. Empty where no picture had a true box.
   */
  readonly precisions: () => ReadonlyArray<number>
}

/** An empty evaluation. Predictions of equal score keep the order in which pictures were added. */
export const make = <S extends Space>({ maximum = 100, thresholds = cocoThresholds }: Options = {}): Evaluator<S> => {
  const classes = new Map<string, Class>()
  const classOf = (label: string) => {
    const known = classes.get(label)
    if (known !== undefined) return known
    const created: Class = { ranked: [], positives: 0 }
    classes.set(label, created)
    return created
  }
  const average = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0) / values.length
  /** Classes with a true box, their predictions in rank order. */
  const present = () =>
    [...classes].flatMap(([label, known]) =>
      known.positives === 0
        ? []
        : [{ label, known: { ...known, ranked: known.ranked.toSorted((a, b) => b.score - a.score) } }]
    )
  return {
    add: ({ predicted, truth }) => {
      const truths = Map.groupBy(truth, ({ label }) => label ?? "")
      const predictions = Map.groupBy(predicted, ({ label }) => label ?? "")
      for (const label of new Set([...truths.keys(), ...predictions.keys()])) {
        const known = classOf(label)
        const targets = truths.get(label) ?? []
        const best = (predictions.get(label) ?? []).toSorted((a, b) => score(b) - score(a)).slice(0, maximum)
        known.positives += targets.filter(({ crowd }) => crowd !== true).length
        for (const ranked of matchPicture(targets, best, thresholds)) known.ranked.push(ranked)
      }
    },
    figures: () => {
      const found = present()
      if (found.length === 0) return Option.none()
      const curves = found.map(({ known, label }) => ({
        label,
        at: thresholds.map((_, t) => {
          const { precisions, recall } = curve(known, t)
          return { precision: precisions.reduce((sum, value) => sum + value, 0) / recalls.length, recall }
        })
      }))
      const over = (pick: "precision" | "recall") =>
        new Map(thresholds.map((threshold, t) => [threshold, average(curves.map(({ at }) => at[t]?.[pick] ?? 0))]))
      const at = over("precision")
      return Option.some({
        ap: average([...at.values()]),
        at,
        recall: over("recall"),
        classes: new Map(curves.map((known) => [known.label, average(known.at.map(({ precision }) => precision))]))
      })
    },
    precisions: () => {
      const curves = present().map(({ known }) => curve(known, 0).precisions)
      return curves.length === 0 ? [] : recalls.map((_, i) => average(curves.map((one) => one[i] ?? 0)))
    }
  }
}

/** The figures of a test set. */
export const evaluate = <S extends Space>(
  pictures: Iterable<Picture<S>>,
  options: Options = {}
): Option.Option<Figures> => {
  const evaluator = make<S>(options)
  for (const picture of pictures) evaluator.add(picture)
  return evaluator.figures()
}
