/**
 * Pictures to test on that the model has been trained on: figures on them tell nothing of new pictures. Where data have
 * no test half, it takes another `--seed` to come upon them.
 */
import { Effect, type FileSystem, Option, type Path, Stream } from "effect"
import * as Quoted from "../data/Quoted.ts"
import * as ModelCard from "../dsl/ModelCard.ts"
import { markOf } from "../dsl/PictureMarks.ts"
import * as Quarantine from "../dsl/Quarantine.ts"
import type { Sample } from "../dsl/Task.ts"
import * as TrainedOn from "../dsl/TrainedOn.ts"
import * as Content from "../kernels/image/Content.ts"
import { warn } from "../kernels/runtime/Warning.ts"
import { localOf } from "./engine/flags.ts"
import type { Study } from "./flags.ts"
import type * as Saved from "./saved.ts"

type Asked = Pick<Study, "data" | "seed"> & Parameters<typeof Saved.modelOf>[0]

/** What is measured on. */
interface Tested<A, E, R> {
  readonly test: Stream.Stream<Sample<A>, E, R>
  /** Whether it was held out by a draw. */
  readonly drawn?: boolean
}

/** How many pictures there are, those that are among the marks, and the first of these. */
const among = <A, E, R>(test: Stream.Stream<Sample<A>, E, R>, marks: ReadonlySet<string>) =>
  test.pipe(
    Stream.mapEffect(({ image }) => Effect.map(Content.hash(image), (hash) => ({ hash, id: image.id })), {
      concurrency: 4
    }),
    Stream.runFold(
      (): { all: number; seen: number; first: string } => ({ all: 0, seen: 0, first: "" }),
      ({ all, first, seen }, { hash, id }) => {
        const is = Option.isSome(hash) && marks.has(markOf(hash))
        return { all: all + 1, seen: seen + Number(is), first: is && seen === 0 ? id : first }
      }
    ),
    Quarantine.silently
  )

const ofDirectory = <A, E, R>(
  model: string,
  { data, seed }: { readonly data: string; readonly seed: number },
  { drawn = false, test }: Tested<A, E, R>
): Effect.Effect<ReadonlyArray<string>, E, R | FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const run = yield* Effect.catch(
      TrainedOn.of(model),
      (error) =>
        Effect.as(
          warn(`${error.message}: whether the model was trained on these pictures cannot be told`),
          Option.none()
        )
    )
    if (Option.isSome(run)) {
      const { folder, marks, seed: own } = run.value
      const { all, first, seen } = yield* among(test, marks)
      if (seen === 0) return []
      const next = drawn && own !== seed
        ? `they were held out by seed ${seed}, that run had seed ${own}: of the same data --seed ${own} measures ` +
          "pictures that it was not trained on"
        : "take them out of the data, or name other pictures"
      return [
        `${seen} of the ${Quoted.count(all, "picture")} to test on ${seen === 1 ? "is" : "are"} in the half that ` +
        `${model} was trained on (run ${folder}; the first is ${Quoted.quoted(first)}), and figures on them tell ` +
        `nothing of new pictures: ${next}`
      ]
    }
    const card = yield* ModelCard.toldIn(model)
    if (!drawn || !Option.contains(card.data, ModelCard.called(data))) return []
    return Option.match(Option.filter(card.seed, (own) => own !== seed), {
      onNone: () => [],
      onSome: (own) => [
        `the model ${model} was trained with seed ${own} on data of the same name by its card (README.md), and seed ` +
        `${seed} holds out other pictures than seed ${own} did: where the data are the same, some of those to test ` +
        `on were trained on, and figures on them tell nothing of new pictures; --seed ${own} measures the others`
      ]
    })
  })

/** How many of some pictures the model of a run was trained on; none where its folder does not say. */
export const trainedOn = Effect.fnUntraced(function*<A, E, R>(
  model: string,
  pictures: Stream.Stream<Sample<A>, E, R>
) {
  const run = yield* TrainedOn.of(model)
  return yield* Effect.transposeOption(Option.map(run, ({ marks }) => among(pictures, marks)))
})

/** Says which pictures to test on the model, or the adapter on it, was trained on; returns it: for the report, too. */
export const tellTrainedOn = <A, E, R>(
  asked: Asked,
  tested: Tested<A, E, R>
): Effect.Effect<ReadonlyArray<string>, E, R | FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const { data, remote = Option.none(), seed } = asked
    // A server shows neither folder nor card.
    if (Option.isNone(data) || Option.isSome(remote)) return []
    const { adapter = Option.none(), model } = localOf(asked)
    const notes = (yield* Effect.forEach(
      [...Option.toArray(adapter), model],
      (directory) => ofDirectory(directory, { data: data.value, seed }, tested)
    )).flat()
    for (const note of notes) yield* warn(note)
    return notes
  })
