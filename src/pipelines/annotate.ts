/**
 * Annotating pictures nobody has labelled: think-answers, greedy or several drawn, read and streamed in order.
 */
import { Effect, Option, Result, Stream } from "effect"
import * as Answer from "../dsl/Answer.ts"
import * as PolicyGrammar from "../dsl/grammar/PolicyGrammar.ts"
import * as PlugIn from "../dsl/PlugIn.ts"
import * as Provided from "../dsl/Provided.ts"
import { lengths } from "../dsl/stages/Settings.ts"
import type { Task, TaskError } from "../dsl/Task.ts"
import * as Asking from "../evaluation/Asking.ts"
import type { Image } from "../kernels/image/Image.ts"
import { Decode, type ImageError } from "../kernels/image/index.ts"
import { type Completion, Policy, type Prepared } from "../policy/Policy.ts"
import { type Annotated, look, read, type Reading, unread } from "./Annotated.ts"
import { type AnnotateOptions, check } from "./annotateOptions.ts"
import { batchOf, beginningOf } from "./batches.ts"
import { combined } from "./combined.ts"
import * as Pictured from "./Pictured.ts"

export type { Annotated } from "./Annotated.ts"
export type { AnnotateOptions } from "./annotateOptions.ts"
export type { Pictured, Questioned } from "./Pictured.ts"

/** Pictures that are read at a time, ahead of the batch that is computed. */
const READERS = 4

/**
 * Annotates a stream of images, in order; where each has a question of its own, of `{ image, question }`. While a batch
 * is computed the next is read; memory does not grow with their number. An image that cannot be read, or that a server
 * refuses, is an answer with its fault. With `samples` several answers are drawn for each picture and combined: a
 * distribution's mean, the label that most of them say, the boxes that are most like the others'.
 *
 * ```ts
 * Image.folder("photos").pipe(Pipelines.annotate(task))
 * ```
 */
export const annotate =
  <A>(task: Task<A>, options: AnnotateOptions = {}) => <E, R>(pictures: Stream.Stream<Pictured.Pictured, E, R>) =>
    Stream.unwrap(Effect.gen(function*() {
      yield* check(options)
      const {
        batch = 32,
        form = "think",
        grammar: mode = "mask",
        maxTokens = lengths.thinkAnswer,
        question,
        samples = 1,
        skip = 0
      } = options
      yield* Provided.policy("annotate")
      const { tokenizer, ...policy } = yield* Policy
      const grammar = yield* PolicyGrammar.where(mode, PolicyGrammar.ofAnswer(task, form))
      const session = yield* policy.session
      const { ask } = yield* Asking.make({
        session,
        sampling: { maxTokens, temperature: samples > 1 ? 1 : 0, grammar }
      })
      const reading: Reading<A> = { task, form, tokenizer }

      const images = Stream.mapEffect(pictures, (pictured) => Pictured.read(pictured, question))
      const requests = ({ image, ...asked }: Pictured.Questioned) =>
        Effect.map(
          Answer.ask(task, form, { image, ...asked }),
          (prompt) => {
            const key = `annotate/sample=${image.id}`
            return samples === 1
              ? [{ prompt, key }]
              : Array.from({ length: samples }, (_, draw) => ({ prompt, key: `${key}/draw=${draw}` }))
          }
        )
      const readOne = (image: Image, completion: Completion | undefined, size: Annotated<A>["size"]) =>
        PlugIn.run(
          task,
          { image },
          () => completion === undefined ? unread(image, "no answer") : read(reading, image, completion, size)
        )

      const answered = (
        { image, ...asked }: Pictured.Questioned,
        completions: ReadonlyArray<Completion>,
        size: Annotated<A>["size"]
      ): Effect.Effect<Annotated<A>, TaskError> =>
        Effect.gen(function*() {
          const first = yield* readOne(image, completions[0], size)
          if (samples === 1) return { ...first, ...asked }
          const others = yield* Effect.forEach(completions.slice(1), (other) => readOne(image, other, size))
          return { ...yield* combined(task, asked.question, [first, ...others]), ...asked }
        })

      const one = Effect.fnUntraced(function*(asked: Pictured.Questioned) {
        const size = yield* Effect.option(Decode.size(asked.image))
        return yield* answered(asked, yield* ask(yield* requests(asked)), size)
      })
      if (session.oneByOne !== undefined) {
        return images.pipe(
          Stream.drop(skip),
          // A request that fails lets those before it end: their answers are paid for.
          Stream.mapEffect((asked) => Effect.result(one(asked)), { concurrency: session.oneByOne }),
          Stream.mapEffect(Effect.fromResult)
        )
      }

      const together = Effect.fnUntraced(function*(
        seen: ReadonlyArray<{
          readonly asked: Pictured.Questioned
          readonly found: Result.Result<Prepared, ImageError>
        }>
      ) {
        const good = seen.flatMap(({ asked, found }) =>
          Result.isSuccess(found) ? [{ ...asked, image: found.success.image }] : []
        )
        const completions = yield* ask((yield* Effect.forEach(good, requests)).flat())
        let at = 0
        return yield* Effect.forEach(seen, ({ asked, found }): Effect.Effect<Annotated<A>, TaskError> => {
          if (Result.isFailure(found)) {
            return Effect.succeed({ ...asked, ...unread(asked.image, found.failure.message) })
          }
          const { height, width } = found.success
          const own = completions.slice(at, at + samples)
          at += samples
          return answered(asked, own, Option.some({ width, height }))
        })
      })
      return images.pipe(
        Stream.zipWithIndex,
        Stream.drop(beginningOf(skip, batch)),
        Stream.groupAdjacentBy(([, at]) => batchOf(at, batch)),
        Stream.mapEffect(([, group]) =>
          Effect.forEach(
            group,
            ([asked]) => Effect.map(Effect.result(look(session, asked.image)), (found) => ({ asked, found })),
            { concurrency: READERS }
          )
        ),
        Stream.buffer({ capacity: 1 }),
        Stream.mapEffect(together),
        Stream.flattenIterable,
        Stream.drop(skip - beginningOf(skip, batch))
      )
    }))
