/**
 * What a run's data are, for whoever reads its report: labels in both halves, and pictures that are there twice.
 */
import { Effect, Option, Path, Schema, Stream } from "effect"
import * as Atomic from "../dsl/Atomic.ts"
import * as PlugIn from "../dsl/PlugIn.ts"
import * as Quarantine from "../dsl/Quarantine.ts"
import { Run } from "../dsl/Run.ts"
import type { Sample, Task } from "../dsl/Task.ts"
import { Apart, overlap } from "../sources/index.ts"
import { top } from "../tasks/classification/Labels.ts"
import { Box } from "../tasks/detection/index.ts"
import * as Drawing from "./Drawing.ts"

/** Name of the file. */
export const dataFile = "data.json"

/** More than a page can show: the rest is one row. */
const mostLabels = 1000

/** A label in one half. */
const Half = Schema.Struct({
  /** Pictures whose largest share is the label's (of several, where they tie), or that have a box of it. */
  pictures: Schema.Int,
  /** The sum of its shares, or its boxes. */
  amount: Schema.Finite
})
type Half = typeof Half.Type

const decodeShares = Schema.decodeUnknownOption(Schema.Array(Schema.Finite))

const Twice = Schema.Struct({ test: Schema.String, train: Schema.String })

/** What `data.json` holds. */
export const Data = Schema.Struct({
  kind: Schema.Literals(["boxes", "labels", "text"]),
  train: Schema.Struct({ pictures: Schema.Int }),
  test: Schema.Struct({ pictures: Schema.Int }),
  /** In the task's order; without labels, or where only a script knows them, empty. */
  labels: Schema.Array(Schema.Struct({ label: Schema.String, train: Half, test: Half })),
  /** Pictures to test on whose bytes are also trained on, and the first of them. */
  both: Schema.Struct({ count: Schema.Int, first: Schema.Array(Twice) }),
  /** Pictures with the bytes of an earlier one and an annotation that is far from its own. */
  contradicting: Schema.Int
})
export type Data = typeof Data.Type

/** An annotation's own shares, where it is a distribution over so many labels. */
const sharesOf = (truth: unknown, count: number): Option.Option<ReadonlyArray<number>> =>
  Option.filter(decodeShares(truth), (shares) => shares.length === count)

const countsOf = <A, E, R>(task: Task<A>, drawing: Drawing.Drawing, samples: Stream.Stream<Sample<A>, E, R>) => {
  const labels = new Map<string, Half>()
  const add = (label: string, pictures: number, amount: number) => {
    const name = labels.has(label) || labels.size < mostLabels ? label : "other labels"
    const before = labels.get(name) ?? { pictures: 0, amount: 0 }
    labels.set(name, { pictures: before.pictures + pictures, amount: before.amount + amount })
  }
  return Effect.map(
    Stream.runFold(
      Stream.mapEffect(
        samples,
        (sample) => Effect.map(PlugIn.encode(task, sample), (text) => ({ text, truth: sample.truth }))
      ),
      () => 0,
      (pictures, { text, truth }) => {
        const { boxes, shares } = Option.getOrElse(drawing.of(text, { width: 1, height: 1 }), () => ({
          boxes: [],
          shares: []
        }))
        // Written, they are whole percents: three labels with a third of the votes each would be one of 34.
        const exact = drawing.kind === "labels"
          ? Option.getOrElse(sharesOf(truth, drawing.labels.length), () => shares)
          : shares
        const first = new Set(top(exact))
        for (const [i, share] of exact.entries()) {
          if (share > 0) add(drawing.labels[i] ?? "", first.has(i) ? 1 : 0, share)
        }
        const named = boxes.map(({ label = "boxes" }) => label)
        for (const label of named) add(label, 0, 1)
        for (const label of new Set(named)) add(label, 1, 0)
        return pictures + 1
      }
    ),
    (pictures) => ({ pictures, labels })
  )
}

/** By what can be drawn of the task's annotations; nothing is known of the others. */
const apartOf = <A>({ encode }: Task<A>, drawing: Drawing.Drawing): Apart.Apart<A> => {
  const drawn = (truth: A) => Option.getOrUndefined(drawing.of(encode(truth), { width: 1, height: 1 }))
  const by = <B>(of: (drawn: Drawing.Drawn) => B, { distance, least, words }: Apart.Apart<B>): Apart.Apart<A> => ({
    least,
    words,
    distance: (one, other) => {
      const [a, b] = [drawn(one), drawn(other)]
      return a === undefined || b === undefined ? Infinity : distance(of(a), of(b))
    }
  })
  const boxesOf = ({ boxes }: Drawing.Drawn) =>
    boxes.map(({ height, label, width, x, y }) => ({
      box: Box.make("unit", [x, y, width, height]),
      ...(label !== undefined && { label })
    }))
  switch (drawing.kind) {
    case "labels":
      return by(({ shares }) => shares, Apart.ofShares)
    case "boxes":
      return by(boxesOf, Apart.ofBoxes())
    case "text":
      return Apart.written
  }
}

/** Reads both halves once, pictures too, and writes the file into the run's folder. */
export const data = <A, E, R, E2, R2>({ task, test, train }: {
  readonly task: Task<A>
  readonly train: Stream.Stream<Sample<A>, E, R>
  readonly test: Stream.Stream<Sample<A>, E2, R2>
}) =>
  Effect.gen(function*() {
    const { directory } = yield* Run
    if (Option.isNone(directory)) return
    const path = yield* Path.Path
    const drawing = Drawing.make(task.described)
    const trained = yield* countsOf(task, drawing, train)
    const tested = yield* countsOf(task, drawing, test)
    const { contradicting, count, shared } = yield* overlap(
      train,
      test,
      task.encode,
      apartOf(task, drawing)
    )
    const none: Half = { pictures: 0, amount: 0 }
    const met = new Set([...trained.labels.keys(), ...tested.labels.keys()])
    const order = [...drawing.labels.filter((label) => met.has(label)), ...met]
    const found: Data = {
      kind: drawing.kind,
      train: { pictures: trained.pictures },
      test: { pictures: tested.pictures },
      labels: [...new Set(order)].map((label) => ({
        label,
        train: trained.labels.get(label) ?? none,
        test: tested.labels.get(label) ?? none
      })),
      both: { count, first: shared.map(([test, train]) => ({ test, train })) },
      contradicting
    }
    yield* Atomic.writeJson(path.join(directory.value, dataFile), found)
    // The run reads the same rows again, and tells of those that are set aside.
  }).pipe(Quarantine.silently)
