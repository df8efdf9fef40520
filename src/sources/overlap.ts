/**
 * Pictures that are in a data set more than once, by their bytes: in both halves, where whoever learns them by heart is
 * tested on them, or under labels so far apart that one of them is wrong.
 */
import { Effect, Option, Stream } from "effect"
import type { Sample } from "../dsl/Task.ts"
import * as Content from "../kernels/image/Content.ts"
import type { Image } from "../kernels/image/Image.ts"
import * as Apart from "./Apart.ts"

/** A picture's id, and its annotation as the task writes it. */
export interface Labelled {
  readonly id: string
  readonly label: string
}

interface Asked<A> extends Labelled {
  readonly hash: string
  readonly question: string
  readonly truth: A
}

/** What is there twice. */
export interface Overlap {
  /** Pictures to test on that are also trained on. */
  readonly count: number
  /** The ids of one of them, to test on and to train on. */
  readonly first: Option.Option<readonly [test: string, train: string]>
  /** The first of them, at most `shownShared`. */
  readonly shared: ReadonlyArray<readonly [test: string, train: string]>
  /** Pictures that have the bytes of an earlier one and an annotation that is far from its own. */
  readonly contradicting: number
  /** One of them, the earlier one, and how far they are apart. */
  readonly contradiction: Option.Option<readonly [Labelled, Labelled, distance: number]>
}

/** Pictures of both halves that are named. */
const shownShared = 20

/** SHA-256 of a picture's bytes; its id where it has none that can be read. */
const hashOf = (image: Image) => Effect.map(Content.hash(image), Option.getOrElse(() => image.id))

/**
 * Reads every picture of both halves once; remembers a hash, an id and an annotation of each.
 *
 * @param encode an annotation as the task writes it
 * @param apart of pictures of one question: how far their annotations may be from each other. Default: not at all
 */
export const overlap = <A, E, R, E2, R2>(
  train: Stream.Stream<Sample<A>, E, R>,
  test: Stream.Stream<Sample<A>, E2, R2>,
  encode: (truth: A) => string,
  apart: Apart.Apart<A> = Apart.written
): Effect.Effect<Overlap, E | E2, R | R2> =>
  Effect.gen(function*() {
    const hashed = Stream.mapEffect(
      ({ image, question = "", truth }: Sample<A>) =>
        Effect.map(hashOf(image), (hash): Asked<A> => ({ hash, question, truth, id: image.id, label: encode(truth) })),
      { concurrency: 4 }
    )
    const trained = new Map<string, string>()
    const asked = new Map<string, Pick<Asked<A>, "id" | "label" | "truth">>()
    let [count, contradicting] = [0, 0]
    const shared: Array<readonly [test: string, train: string]> = []
    let contradiction: Overlap["contradiction"] = Option.none()
    /** Of one picture several things may be asked; to one question it has one answer. */
    const compare = ({ hash, id, label, question, truth }: Asked<A>) => {
      const key = `${hash} ${question}`
      const before = asked.get(key)
      if (before === undefined) return void asked.set(key, { id, label, truth })
      if (before.label === label) return
      const distance = apart.distance(before.truth, truth)
      if (distance < apart.least) return
      contradicting++
      if (Option.isNone(contradiction)) {
        contradiction = Option.some([{ id, label }, { id: before.id, label: before.label }, distance])
      }
    }
    yield* train.pipe(
      hashed,
      Stream.runForEach((found) =>
        Effect.sync(() => {
          if (!trained.has(found.hash)) trained.set(found.hash, found.id)
          compare(found)
        })
      )
    )
    yield* test.pipe(
      hashed,
      Stream.runForEach((found) =>
        Effect.sync(() => {
          compare(found)
          const other = trained.get(found.hash)
          if (other === undefined) return
          count++
          if (shared.length < shownShared) shared.push([found.id, other])
        })
      )
    )
    return { count, first: Option.fromUndefinedOr(shared[0]), shared, contradicting, contradiction }
  })
