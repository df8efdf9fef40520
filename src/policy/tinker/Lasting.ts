/**
 * A model at an engine that outlasts what the engine forgets. Servers restart, sessions end: until the next saved state
 * the updates are therefore kept here, and a model that is lost is made anew from the last state and led through them
 * again.
 */
import { type Duration, Effect, Result, Schedule, Schema, Semaphore } from "effect"
import { warn } from "../../kernels/runtime/Warning.ts"
import * as Answers from "./Answers.ts"
import type { Futures } from "./Futures.ts"
import type { Live, ModelCalls, Step } from "./ModelCalls.ts"
import { TinkerError } from "./TinkerError.ts"

/** What the SDK sends; servers only look whether there is one. */
export const SDK_VERSION = "0.38.0"

export interface Options {
  readonly baseModel: string
  /** Rank of the adapter; 0 trains all weights, where the engine does. */
  readonly rank: number
  readonly seed: number
  /** Between two signs of life. */
  readonly heartbeat: Duration.Duration
  /** Whether the engine may put a new model where gradients of one that is gone are left. */
  readonly leftovers: boolean
}

const Session = Schema.Struct({ session_id: Schema.String })
const Alive = Schema.Unknown
/** An update of no sequences, which changes no weights. */
const nothing: Step = {
  requests: [],
  loss: { lossFn: "importance_sampling" },
  adam: { learningRate: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 0 }
}
/** Times a lost model is brought back within one operation. */
const RETURNS = 3

/** Says when there is room again, where an engine holds as many models as it can. */
const withRoom = (error: TinkerError): TinkerError =>
  /maximum number of (lora )?adapters/i.test(error.message)
    ? new TinkerError({
      ...error,
      reason:
        `${error.reason} (it holds as many models as it can: wait until another run ends; those of clients that ` +
        "were killed go after five minutes. Or start it with room for more)"
    })
    : error

const isLoss = (error: unknown): boolean => error instanceof TinkerError && error.kind === "lost"

export const make = Effect.fnUntraced(function*(
  { baseModel, heartbeat, leftovers, rank, seed }: Options,
  futures: Futures,
  calls: ModelCalls
) {
  const scope = yield* Effect.scope
  const returning = yield* Semaphore.make(1)
  let live: Live | undefined
  let generation = 0
  let models = 0
  /** The state that the model began from, and what has happened to it since. */
  let base: { readonly path: string; readonly moments: boolean } | undefined
  let journal: Array<Step> = []

  const openSession = Effect.map(
    futures.call({
      path: "create_session",
      body: { tags: ["rise"], sdk_version: SDK_VERSION, user_metadata: {} },
      key: "session"
    }, Session),
    ({ session_id: sessionId }) => sessionId
  )

  /** Signs of life for whichever session there is, as long as the policy lives. */
  const beat = Effect.suspend(() =>
    live === undefined ? Effect.void : futures.call({
      path: "session_heartbeat",
      body: { session_id: live.sessionId },
      key: "heartbeat"
    }, Alive)
  ).pipe(
    // A session that is gone is noticed by whoever asks for work.
    Effect.ignore,
    Effect.repeat(Schedule.spaced(heartbeat)),
    Effect.delay(heartbeat)
  )

  const makeModel = (sessionId: string) =>
    Effect.mapError(
      futures.run({
        path: "create_model",
        body: {
          session_id: sessionId,
          model_seq_id: models++,
          base_model: baseModel,
          lora_config: { rank, seed },
          user_metadata: {}
        },
        key: `model/${models}`
      }, Answers.made),
      withRoom
    )

  const newModel = (sessionId: string) =>
    Effect.map(makeModel(sessionId), ({ model_id: modelId }): Live => ({ sessionId, modelId, generation, seq: 0 }))

  /**
   * Empties the place that the next model gets of what an update that was cut off has accumulated there. By a model
   * that is thrown away: the step that empties it counts as one, and leaves its mark on the moments.
   */
  const sweep = Effect.fnUntraced(function*(sessionId: string) {
    const broom = yield* newModel(sessionId)
    yield* calls.apply(broom, nothing, () => Effect.void).pipe(
      // An engine that takes no step without a gradient says that there is none.
      Effect.catchIf(({ kind }) => kind === "failed" || kind === "status", () => Effect.void),
      Effect.ensuring(calls.unload(broom))
    )
  })

  /** Makes the model: anew, or as it was. */
  const bringUp = Effect.gen(function*() {
    const sessionId = yield* openSession
    if (leftovers) yield* sweep(sessionId)
    generation++
    const made = yield* newModel(sessionId)
    if (base !== undefined) {
      yield* calls.numbered(made, "load_weights", { path: base.path, optimizer: base.moments }, Answers.nothing)
    }
    for (const step of journal) yield* calls.apply(made, step, () => Effect.void)
    live = made
    return made
  })

  /** The model as it should be. Of many that find it lost, one brings it back. */
  const current = (lost?: number): Effect.Effect<Live, TinkerError> =>
    returning.withPermit(Effect.suspend(() => {
      if (live !== undefined && live.generation !== lost) return Effect.succeed(live)
      const again = lost === undefined ? Effect.void : warn(
        `${baseModel}: the engine has lost the session; it is opened again from ${
          base === undefined ? "the base model" : base.path
        } and led through ${journal.length} updates`
      )
      return Effect.andThen(again, bringUp)
    }))

  /** Takes the model away: the next work makes it anew. */
  const leave = Effect.suspend(() => {
    const before = live
    live = undefined
    return before === undefined ? Effect.void : calls.unload(before)
  })

  const begunFrom = (path: string, moments: boolean) => {
    base = { path, moments }
    journal = []
  }

  yield* Effect.forkIn(beat, scope)
  /** An engine that is away is not waited for. */
  const leaveSoon = Effect.asVoid(Effect.timeoutOption(leave, "5 seconds"))
  yield* Effect.addFinalizer(() => leaveSoon)

  return {
    /** Work on the model as it should be; where the engine has lost it, it is brought back and the work done again. */
    withModel: <A, E>(work: (now: Live) => Effect.Effect<A, E>): Effect.Effect<A, E | TinkerError> =>
      Effect.gen(function*() {
        let lost: number | undefined
        for (let attempt = 0;; attempt++) {
          const now: Live = yield* current(lost)
          const result = yield* Effect.result(work(now))
          if (Result.isSuccess(result)) return result.success
          if (!isLoss(result.failure) || attempt >= RETURNS) return yield* Effect.fail(result.failure)
          lost = now.generation
        }
      }),
    /** A step that is done: it is done again where the model is brought back. */
    happened: (step: Step) => void journal.push(step),
    /** Updates since the last saved state. */
    updates: () => journal.length,
    /** What was saved needs no repetition. */
    begunFrom,
    /**
     * The model as it was before something that failed on the way: what it had accumulated of gradients by then would
     * be part of the next step. It is made anew when there is work.
     */
    takeBack: leaveSoon,
    /**
     * Goes on from a saved state. It is only taken into a new model: some engines allow nothing before it. One that
     * holds a single model has to be rid of the old one first.
     */
    load: (path: string, moments: boolean) =>
      Effect.gen(function*() {
        begunFrom(path, moments)
        yield* leave
        yield* current()
      }),
    /** Gives the model back, with what it has learned. The next work begins from the base model. */
    release: Effect.suspend(() => {
      base = undefined
      journal = []
      return leave
    })
  }
})
