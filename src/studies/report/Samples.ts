/**
 * All answers for browsing: an index of numbers to filter and sort by, and the samples themselves, a few in a file,
 * loaded when they are looked at.
 */
import { Effect, Option, Path } from "effect"
import { rounded } from "../../evaluation/confidence.ts"
import { Prediction, predictionsFile } from "../../evaluation/Results.ts"
import { rereading } from "../artefacts.ts"
import type { Drawing, Drawn, Size } from "../Drawing.ts"
import { PictureRow, picturesFile } from "../gallery.ts"
import { type Answers, drawnOf } from "./Answers.ts"
import * as Side from "./Side.ts"

/** Samples in a file, and how many files there are at the most. */
const [least, mostFiles] = [20, 500]

const few = (value: number) => Number(value.toPrecision(4))
const digits = (value: number, rounded = few): number | null => Number.isFinite(value) ? rounded(value) : null

/** What is drawn of an annotation, in few digits. */
export const drawnAs = (drawn: Option.Option<Drawn>) =>
  Option.match(drawn, {
    onNone: () => ({}),
    onSome: ({ boxes, shares }) => ({
      ...(shares.length > 0 && { bars: shares.map((share) => digits(share)) }),
      ...(boxes.length > 0 && {
        boxes: boxes.map(({ height, label, score, width, x, y }) => ({
          at: [x, y, width, height].map((side) => digits(side)),
          ...(label !== undefined && { label }),
          ...(score !== undefined && { score: digits(score, rounded) })
        }))
      })
    })
  })

/** How many samples lie in a file. */
export const perFile = (samples: number): number => Math.max(least, Math.ceil(samples / mostFiles))

/** The index, by columns. */
export const index = (
  { labels, methods, parts, samples, verdicts }: Answers,
  about: { readonly metric: string; readonly lower: boolean; readonly kept: string | undefined; readonly kind: string }
) => ({
  ...about,
  perFile: perFile(samples.length),
  labels,
  parts,
  verdicts,
  image: samples.map(({ image }) => image),
  part: samples.map(({ part }) => part),
  truth: samples.map(({ truth }) => truth),
  methods: methods.map(({ name, said }) => ({
    name,
    label: samples.map((_, i) => said[i]?.label ?? -1),
    // Not asked, wrong, right.
    right: samples.map((_, i) => said[i] === undefined ? -1 : said[i].right ? 1 : 0),
    verdict: samples.map((_, i) => said[i]?.verdict ?? -1),
    score: samples.map((_, i) => digits(said[i]?.score ?? NaN)),
    confidence: samples.map((_, i) => digits(said[i]?.confidence ?? NaN, rounded))
  }))
})

/** What a page shows of an answer. */
const answerOf = (drawing: Drawing, row: Prediction, size: Size | undefined) => ({
  method: row.method,
  // Where it was read, the reasoning and the annotation are all that it says.
  ...(row.annotation === null ? { text: row.text } : { annotation: row.annotation }),
  ...(row.reasoning !== null && { reasoning: row.reasoning }),
  verdict: row.verdict,
  ...(row.fault !== undefined && { fault: row.fault }),
  metrics: Object.fromEntries(Object.entries(row.metrics).map(([name, value]) => [name, digits(value)])),
  ...drawnAs(drawnOf(drawing, row, size))
})

/** Writes the files of samples; returns their names. Holds the samples of a few files at a time. */
export const write = Effect.fnUntraced(
  function*(directory: string, drawing: Drawing, { methods, parts, samples }: Answers) {
    const path = yield* Path.Path
    const answer = yield* rereading(path.join(directory, predictionsFile), Prediction)
    const pictured = samples.some(({ picture }) => picture !== undefined)
    const picture = pictured ? yield* rereading(path.join(directory, picturesFile), PictureRow) : undefined
    const each = perFile(samples.length)
    const write = Effect.fnUntraced(function*(file: number) {
      const from = file * each
      const rows = yield* Effect.forEach(samples.slice(from, from + each), (sample, i) =>
        Effect.gen(function*() {
          const shot = picture === undefined || sample.picture === undefined
            ? undefined
            : yield* picture(sample.picture)
          const places = methods.flatMap(({ said }) => said[from + i]?.place ?? [])
          const said = yield* Effect.forEach(places, answer)
          const truth = said[0]?.truth ?? ""
          return {
            image: sample.image,
            ...(sample.question !== undefined && { question: sample.question }),
            ...(sample.part >= 0 && { part: parts[sample.part] }),
            truth,
            ...drawnAs(drawing.of(truth, shot)),
            ...(shot !== undefined && { png: shot.png, width: shot.width, height: shot.height }),
            said: said.map((row) => answerOf(drawing, row, shot))
          }
        }))
      const name = `samples-${file}`
      yield* Side.write(directory, name, rows)
      return name
    })
    // The disk is what is waited for.
    return yield* Effect.forEach(Array.from({ length: Math.ceil(samples.length / each) }, (_, i) => i), write, {
      concurrency: 8
    })
  },
  Effect.scoped
)
