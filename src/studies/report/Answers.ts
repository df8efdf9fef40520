/**
 * `predictions.jsonl` in one pass: of every answer a few numbers and where its line lies, and what all answers of a
 * method come to. Texts and pictures are left on the disk.
 */
import { Effect, Option, Stream } from "effect"
import { sampleKey } from "../../dsl/sampleKeys.ts"
import { Prediction, predictionsFile } from "../../evaluation/Results.ts"
import * as Divergence from "../../kernels/math/Divergence.ts"
import { AveragePrecision, Box } from "../../tasks/detection/index.ts"
import { type Place, placed } from "../artefacts.ts"
import type { Drawing, Drawn, DrawnBox, Size } from "../Drawing.ts"
import { PictureRow, picturesFile } from "../gallery.ts"

/** Bins of the calibration, over confidences in [0, 1]. */
export const calibrationBins = 10

/** More labels make no table that could be read. */
export const mostInMatrix = 40

/** Answers of one confidence: how sure they were, and how right. */
export interface Bin {
  n: number
  /** Sums of how sure the answer was of its first label, and of the share that the truth gives that label. */
  said: number
  true: number
}

/** A sample that was answered. */
export interface Asked {
  readonly image: string
  readonly question: string | undefined
  /** Index of its part; -1 where it has none. */
  readonly part: number
  /** Indices of the labels that are its truth. */
  readonly truth: ReadonlyArray<number>
  readonly picture: Place | undefined
}

/** An answer. */
export interface Said {
  readonly place: Place
  /** Index of the label that it names first; -1 where it names none. */
  readonly label: number
  readonly right: boolean
  /** Index of its verdict. */
  readonly verdict: number
  /** By the task's first metric. */
  readonly score: number
  /** How sure it was, in [0, 1]; NaN where that is not known. */
  readonly confidence: number
}

/** What a method has answered. */
export interface Method {
  readonly name: string
  /** By sample. */
  readonly said: Array<Said | undefined>
  /** True label down, first label of the answer across; the last column is for answers that cannot be read. */
  readonly matrix: ReadonlyArray<ReadonlyArray<number>>
  readonly bins: ReadonlyArray<Bin>
  /** Precision at the recalls 0, 0.01, …, 1 for an overlap of a half; empty where nothing ranks the boxes. */
  readonly precisions: ReadonlyArray<number>
}

/** All of it. */
export interface Answers {
  readonly samples: ReadonlyArray<Asked>
  readonly parts: ReadonlyArray<string>
  readonly verdicts: ReadonlyArray<string>
  /** The task's labels and, behind them, those that only answers bear. */
  readonly labels: ReadonlyArray<string>
  readonly methods: ReadonlyArray<Method>
}

/** Numbers by the names that are met. */
const numbering = (known: ReadonlyArray<string> = []) => {
  const names = new Map(known.map((name, i) => [name, i]))
  return {
    of: (name: string) => {
      const found = names.get(name) ?? names.size
      names.set(name, found)
      return found
    },
    names: () => [...names.keys()]
  }
}

/** Indices of the largest shares. */
const tops = (shares: ReadonlyArray<number>): ReadonlyArray<number> => {
  const most = Math.max(...shares)
  return shares.flatMap((share, i) => share === most ? [i] : [])
}

const targetsOf = (boxes: ReadonlyArray<DrawnBox>) =>
  boxes.map(({ height, label, score, width, x, y }) => ({
    box: Box.make("unit", [x, y, width, height]),
    ...(label !== undefined && { label }),
    ...(score !== undefined && { score })
  }))

/** Whether an answer is right: by accuracy, by boxes that all overlap by half, else by a reward of a half. */
export const isRight = ({ annotation, metrics }: Pick<Prediction, "annotation" | "metrics">): boolean => {
  if (annotation === null) return false
  const { accuracy, "precision@0.5": precision, "recall@0.5": recall, reward = 0 } = metrics
  if (accuracy !== undefined) return accuracy === 1
  return recall !== undefined ? recall === 1 && (precision ?? 1) === 1 : reward >= 0.5
}

const tally = (name: string, labels: number) => ({
  name,
  said: new Array<Said | undefined>(),
  matrix: Array.from({ length: labels }, () => Array.from({ length: labels + 1 }, () => 0)),
  bins: Array.from({ length: calibrationBins }, (): Bin => ({ n: 0, said: 0, true: 0 })),
  ap: AveragePrecision.make<"unit">({ thresholds: [0.5] }),
  ranked: true
})

/** Where the pictures of the test half lie. */
const pictures = (file: string) =>
  Stream.runFold(
    Stream.filter(placed(file, PictureRow), ({ row }) => row.half === "test"),
    () => new Map<string, { readonly place: Place; readonly width: number; readonly height: number }>(),
    (found, { place, row: { height, image, question, width } }) =>
      found.set(sampleKey({ image, question }), { place, width, height })
  )

/** What can be drawn of an answer: with its scores, where there are any. */
export const drawnOf = (drawing: Drawing, { annotation, ranked }: Prediction, size?: Size): Option.Option<Drawn> =>
  Option.orElse(
    ranked === undefined ? Option.none() : drawing.ranked(ranked, size),
    () => annotation === null ? Option.none() : drawing.of(annotation, size)
  )

/**
 * Reads them.
 *
 * @param at where a file of the run lies
 * @param metric the task's first metric
 */
export const read = Effect.fnUntraced(function*(at: (name: string) => string, drawing: Drawing, metric: string) {
  const shots = yield* pictures(at(picturesFile))
  const [parts, verdicts, labels] = [numbering(), numbering(), numbering(drawing.labels)]
  const inMatrix = drawing.kind === "labels" && drawing.labels.length <= mostInMatrix ? drawing.labels.length : 0
  const keys = new Map<string, number>()
  const samples: Array<Asked & { readonly drawn: Option.Option<Pick<Drawn, "shares" | "boxes">> }> = []
  const methods = new Map<string, ReturnType<typeof tally>>()
  yield* Stream.runForEach(placed(at(predictionsFile), Prediction), ({ place, row }) =>
    Effect.sync(() => {
      const key = sampleKey(row)
      const shot = shots.get(key)
      const number = keys.get(key) ?? samples.length
      if (number === samples.length) {
        keys.set(key, number)
        const drawn = drawing.of(row.truth, shot)
        const truth = Option.match(drawn, {
          onNone: () => [],
          onSome: ({ boxes, shares }) =>
            shares.length > 0
              ? tops(shares)
              : [...new Set(boxes.flatMap(({ label }) => label === undefined ? [] : [labels.of(label)]))]
        })
        const { image, question } = row
        const part = row.part === null ? -1 : parts.of(row.part)
        samples.push({ image, question, part, truth, picture: shot?.place, drawn })
      }
      const sample = samples[number]
      const method = methods.get(row.method) ?? tally(row.method, inMatrix)
      methods.set(row.method, method)
      if (sample === undefined) return
      const answer = Option.getOrUndefined(drawnOf(drawing, row, shot))
      const truth = Option.getOrUndefined(sample.drawn)
      let [label, confidence] = [-1, NaN]
      if (answer !== undefined && answer.shares.length > 0) {
        const shares = Divergence.normalise(answer.shares)
        label = tops(shares)[0] ?? -1
        confidence = drawing.single === true ? row.confidence ?? NaN : shares[label] ?? NaN
        const given = truth === undefined ? [] : Divergence.normalise(truth.shares)
        const bin = method.bins[Math.min(calibrationBins - 1, Math.floor(confidence * calibrationBins))]
        if (bin !== undefined && given.length > 0) {
          bin.n++
          bin.said += confidence
          bin.true += given[label] ?? 0
        }
      } else if (answer !== undefined && answer.boxes.length > 0) {
        const scores = answer.boxes.flatMap(({ score }) => score === undefined ? [] : [score])
        const [first] = answer.boxes
        if (first?.label !== undefined) label = labels.of(first.label)
        if (scores.length === answer.boxes.length) confidence = scores.reduce((a, b) => a + b, 0) / scores.length
        else method.ranked = false
      }
      const cells = method.matrix[sample.truth[0] ?? -1]
      // A truth is written in whole percents, in which three equal shares are no tie: accuracy knows the votes.
      const isTop = sample.truth.includes(label) || row.metrics["accuracy"] === 1
      const column = label < 0 ? inMatrix : isTop ? sample.truth[0] ?? label : label
      if (cells !== undefined) cells[column] = (cells[column] ?? 0) + 1
      if (drawing.kind === "boxes" && truth !== undefined) {
        method.ap.add({ truth: targetsOf(truth.boxes), predicted: targetsOf(answer?.boxes ?? []) })
      }
      method.said[number] = {
        place,
        label,
        right: isRight(row),
        verdict: verdicts.of(row.verdict),
        score: row.metrics[metric] ?? row.metrics["reward"] ?? NaN,
        confidence
      }
    }))
  const answers: Answers = {
    samples: samples.map(({ drawn: _, ...sample }) => sample),
    parts: parts.names(),
    verdicts: verdicts.names(),
    labels: labels.names(),
    methods: [...methods.values()].map(({ ap, bins, matrix, name, ranked, said }) => ({
      name,
      said,
      matrix,
      bins: drawing.kind === "labels" ? bins : [],
      precisions: drawing.kind === "boxes" && ranked ? ap.precisions() : []
    }))
  }
  return answers
})
