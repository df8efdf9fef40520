/**
 * Long passes over data: what is done of one is kept now and then, and an interrupted pass goes on there.
 */
import { Context, Effect, Option, Schema, Stream } from "effect"
import { Run } from "../Run.ts"
import { RunFileError } from "../RunError.ts"
import { Batching } from "./Sampling.ts"

/** Samples that an earlier attempt at the pass has done. */
export const Done = Context.Reference<number>("rise/PassDone", { defaultValue: () => 0 })

/** What is left of a pass's data. Samples are references: no picture of those that are done is read. */
export const left = <A, E, R>(data: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
  Stream.unwrap(Effect.map(Done, (done) => done === 0 ? data : Stream.drop(data, done)))

/**
 * Folds what comes of a pass, one item a sample, whose data are what is `left`. It is kept where a batch ends: those
 * that follow hold the same samples as if nothing had stopped.
 */
export const fold = <A, S, E, R, E2, R2>(
  { codec, each, initial, items, stage }: {
    /** By its name in the ledger, without the method. */
    readonly stage: string
    readonly items: Stream.Stream<A, E, R>
    readonly initial: S
    readonly codec: Schema.Codec<S, Schema.Json>
    /** Takes one item; what it appends to the run's files is kept with the state. */
    readonly each: (state: S, item: A) => Effect.Effect<S, E2, R2>
  }
) =>
  Effect.gen(function*() {
    const { midStage } = yield* Run
    const { prompts } = yield* Batching
    const { kept, passed } = yield* midStage(stage)
    const before = Option.isNone(kept) ? initial : yield* Schema.decodeUnknownEffect(codec)(kept.value.state).pipe(
      Effect.mapError((cause) =>
        new RunFileError({ path: stage, reason: "what was kept of it is not what this version writes", cause })
      )
    )
    const encode = Schema.encodeSync(codec)
    const done = Option.match(kept, { onNone: () => 0, onSome: ({ step }) => step })
    let step = done
    return yield* items.pipe(
      Stream.provideService(Done, done),
      Stream.runFoldEffect(() => before, (state, item) =>
        Effect.gen(function*() {
          const next = yield* each(state, item)
          step++
          if (step % prompts === 0) yield* passed({ step, state: () => encode(next) })
          return next
        }))
    )
  })
