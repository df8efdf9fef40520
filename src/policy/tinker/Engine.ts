/**
 * One model under training at an engine: its session with heartbeats, the numbers of its requests, and what brings it
 * back when the engine has lost it.
 *
 * An engine forgets: servers restart, sessions end. Until the next saved state the updates are therefore kept here, and
 * a model that is lost is made anew from the last state and led through them again.
 */
import { type Duration, Effect, Result, Schedule, Schema, Semaphore } from "effect"
import { warn } from "../../kernels/runtime/Warning.ts"
import * as Answers from "./Answers.ts"
import type { Call, Futures, Reading } from "./Futures.ts"
import * as Json from "./Json.ts"
import * as Protobuf from "./Protobuf.ts"
import { TinkerError } from "./TinkerError.ts"
import { type Chunk, cut, type Datum, type ForwardBackward, type LossFn, type Passed, type Sampled } from "./Wire.ts"

/** What the SDK sends; servers only look whether there is one. */
export const SDK_VERSION = "0.38.0"

/** The optimiser's settings, which travel with every step. */
export interface Adam {
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
  /** 0: gradients are not clipped. */
  readonly clipNorm: number
}

/** How texts are drawn. */
export interface Drawing {
  readonly count: number
  readonly maxTokens: number
  readonly temperature: number
  readonly topP: number
  readonly seed: number
  /** Token ids that end a text. */
  readonly stop: ReadonlyArray<number>
}

export interface Options {
  readonly futures: Futures
  readonly baseModel: string
  /** Rank of the adapter; 0 trains all weights, where the engine does. */
  readonly rank: number
  readonly seed: number
  /** Between two signs of life. */
  readonly heartbeat: Duration.Duration
  /** Largest part of an update that one request carries. */
  readonly request: { readonly data: number; readonly bytes: number }
  /** Updates that are kept before a state is saved. */
  readonly kept: number
  /** Names of states are unique under it. */
  readonly name: string
}

/** One optimiser step: what is accumulated, and how it is applied. */
interface Step {
  readonly requests: ReadonlyArray<ReadonlyArray<Datum>>
  readonly lossFn: LossFn
  readonly adam: Adam
}

export interface Engine {
  /** Log-probabilities of every token of every sequence, at the weights as they are. */
  readonly forward: (data: ReadonlyArray<Datum>) => Effect.Effect<ReadonlyArray<Float32Array>, TinkerError>
  /** One update; its metrics, gradient norm among them where the engine tells it. */
  readonly step: (
    data: ReadonlyArray<Datum>,
    lossFn: LossFn,
    adam: Adam,
    scaled: (requests: ReadonlyArray<ReadonlyArray<Datum>>) => ReadonlyArray<ReadonlyArray<Datum>>
  ) => Effect.Effect<Readonly<Record<string, number>>, TinkerError>
  /**
   * Draws behind a prompt, from the weights as they are. From older ones it does not: SkyRL 0.4 loads what is sampled
   * from into the model that is trained.
   */
  readonly sample: (
    chunks: ReadonlyArray<Chunk>,
    drawing: Drawing,
    key: string
  ) => Effect.Effect<Sampled, TinkerError>
  /** Keeps weights and moments at the engine, under a path that outlives the session. */
  readonly saveState: Effect.Effect<string, TinkerError>
  /** Keeps weights to draw from, or to download, under such a path. */
  readonly saveSampler: Effect.Effect<string, TinkerError>
  /** Goes on from a saved state, with or without its moments. */
  readonly load: (path: string, moments: boolean) => Effect.Effect<void, TinkerError>
  /** Gives the model back, with what it has learned. The next work begins from the base model. */
  readonly release: Effect.Effect<void>
}

const Session = Schema.Struct({ session_id: Schema.String })
const Alive = Schema.Unknown
/** Times a lost model is brought back within one operation. */
const RETURNS = 3

export const make = Effect.fnUntraced(function*(options: Options) {
  const { baseModel, futures, heartbeat, kept, name, rank, request, seed } = options
  const scope = yield* Effect.scope
  /** Requests of the model, one after the other: their numbers are their order. */
  const inOrder = yield* Semaphore.make(1)
  const returning = yield* Semaphore.make(1)
  /** Whether the server takes protobuf: asked with the first pass. */
  let spelling: "protobuf" | "json" = "protobuf"

  /** What the engine holds for us. */
  interface Live {
    readonly sessionId: string
    readonly modelId: string
    /** How often it was made anew. */
    readonly generation: number
    seq: number
  }
  let live: Live | undefined
  let generation = 0
  let models = 0
  let samplings = 0
  let states = 0
  /** The state that the model began from, and what has happened to it since. */
  let base: { readonly path: string; readonly moments: boolean } | undefined
  let journal: Array<Step> = []
  /** Counts changes of the weights. */
  let change = 0
  let sampler:
    | { readonly change: number; readonly generation: number; readonly sessionId: string; seq: number }
    | undefined

  const openSession = Effect.gen(function*() {
    const { session_id: sessionId } = yield* futures.call({
      path: "create_session",
      body: { tags: ["rise"], sdk_version: SDK_VERSION, user_metadata: {} },
      key: "session"
    }, Session)
    return sessionId
  })

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
    }, Answers.made)

  /** The next request of a model, with its number. */
  const numbered = <A>(
    now: Live,
    path: string,
    body: Readonly<Record<string, Schema.Json>>,
    reading: Reading<A>
  ) =>
    Effect.suspend(() => {
      const seq = ++now.seq
      return futures.run({
        path,
        body: { ...body, model_id: now.modelId, seq_id: seq },
        key: `${now.modelId}/${seq}`
      }, reading)
    })

  const unload = ({ modelId }: Live) =>
    futures.run({ path: "unload_model", body: { model_id: modelId }, key: `${modelId}/unload` }, Answers.nothing).pipe(
      // Engines give up idle models by themselves.
      Effect.ignore
    )

  const passOf = (pass: ForwardBackward): Call => {
    const key = `${pass.modelId}/${pass.seqId}`
    if (spelling === "protobuf") return { path: "forward_backward", body: Protobuf.forwardBackward(pass), key }
    return { ...Json.forwardBackward(pass), key }
  }

  const passed: Reading<Passed> = { protobuf: Protobuf.readPassed, json: Json.readPassed }

  /** One pass over one request's sequences. The first finds out how the server wants it spelled. */
  const pass = (now: Live, data: ReadonlyArray<Datum>, lossFn: LossFn, forwardOnly: boolean) =>
    Effect.suspend(() => {
      const seqId = ++now.seq
      const given = (): Call => passOf({ modelId: now.modelId, seqId, data, lossFn, forwardOnly })
      return futures.run(given(), passed).pipe(
        Effect.catch((error) => {
          const refusedBytes = error.status === 415 || error.status === 422
          if (spelling === "json" || !refusedBytes) return Effect.fail(error)
          spelling = "json"
          return futures.run(given(), passed)
        }),
        Effect.filterOrFail(
          ({ logprobs }) => logprobs.length === data.length,
          ({ logprobs }) =>
            new TinkerError({
              url: "forward_backward",
              kind: "malformed",
              reason: `log-probabilities of ${logprobs.length} sequences, expected those of ${data.length}`,
              attempts: 1
            })
        )
      )
    })

  const apply = Effect.fnUntraced(function*(now: Live, { adam, lossFn, requests }: Step) {
    for (const data of requests) yield* pass(now, data, lossFn, false)
    return yield* numbered(now, "optim_step", {
      adam_params: {
        learning_rate: adam.learningRate,
        beta1: adam.beta1,
        beta2: adam.beta2,
        eps: adam.epsilon,
        weight_decay: adam.weightDecay,
        grad_clip_norm: adam.clipNorm
      }
    }, Answers.metrics)
  })

  /** Makes the model: anew, or as it was. */
  const bringUp = Effect.gen(function*() {
    const sessionId = yield* openSession
    const { model_id: modelId } = yield* makeModel(sessionId)
    const made: Live = { sessionId, modelId, generation: ++generation, seq: 0 }
    if (base !== undefined) {
      yield* numbered(made, "load_weights", { path: base.path, optimizer: base.moments }, Answers.nothing)
    }
    for (const step of journal) yield* apply(made, step)
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

  const withModel = <A>(
    work: (now: Live) => Effect.Effect<A, TinkerError>
  ): Effect.Effect<A, TinkerError> =>
    Effect.gen(function*() {
      let lost: number | undefined
      for (let attempt = 0;; attempt++) {
        const now: Live = yield* current(lost)
        const result = yield* Effect.result(work(now))
        if (Result.isSuccess(result)) return result.success
        if (result.failure.kind !== "lost" || attempt >= RETURNS) return yield* result.failure
        lost = now.generation
      }
    })

  const trained = <A>(work: (now: Live) => Effect.Effect<A, TinkerError>) => inOrder.withPermit(withModel(work))

  const stateName = () => `${name}-${++states}`

  const save = (now: Live, path: "save_weights" | "save_weights_for_sampler") =>
    Effect.map(numbered(now, path, { path: stateName() }, Answers.saved), (saved) => saved.path)

  /** What was saved needs no repetition. */
  const begunFrom = (path: string, moments: boolean) => {
    base = { path, moments }
    journal = []
  }

  const engine: Engine = {
    forward: (data) =>
      trained((now) =>
        Effect.map(
          Effect.forEach(cut(data, request), (part) => pass(now, part, "cross_entropy", true)),
          (passed) => passed.flatMap(({ logprobs }) => logprobs)
        )
      ),
    step: (data, lossFn, adam, scaled) =>
      Effect.suspend(() => {
        const step: Step = { requests: scaled(cut(data, request)), lossFn, adam }
        return inOrder.withPermit(Effect.gen(function*() {
          if (journal.length >= kept) {
            const path = yield* withModel((now) => save(now, "save_weights"))
            begunFrom(path, true)
          }
          const metrics = yield* withModel((now) => apply(now, step))
          journal.push(step)
          change++
          return metrics
        }))
      }),
    sample: (chunks, drawing, key) =>
      withModel((now) =>
        Effect.gen(function*() {
          const drawnFrom = yield* samplerOf(now)
          return yield* futures.run({
            path: "asample",
            key,
            body: {
              sampling_session_id: drawnFrom.sessionId,
              seq_id: drawnFrom.seq++,
              prompt: Json.prompt(chunks),
              num_samples: drawing.count,
              sampling_params: {
                max_tokens: drawing.maxTokens,
                temperature: drawing.temperature,
                top_p: drawing.topP,
                seed: drawing.seed,
                stop: [...drawing.stop]
              }
            }
          }, { protobuf: Protobuf.readSampled, json: Json.readSampled })
        })
      ),
    saveState: trained((now) =>
      Effect.tap(save(now, "save_weights"), (path) => Effect.sync(() => begunFrom(path, true)))
    ),
    saveSampler: trained((now) => save(now, "save_weights_for_sampler")),
    load: (path, moments) =>
      inOrder.withPermit(Effect.gen(function*() {
        const before = live
        begunFrom(path, moments)
        change++
        // A state is only taken into a new model: some engines allow nothing before it. One that holds a single model
        // has to be rid of the old one first.
        live = undefined
        if (before !== undefined) yield* unload(before)
        yield* current()
      })),
    release: inOrder.withPermit(Effect.suspend(() => {
      const before = live
      live = undefined
      base = undefined
      journal = []
      return before === undefined ? Effect.void : unload(before)
    }))
  }

  const sampling = yield* Semaphore.make(1)
  /** The sampling session of the weights as they are: made once for all requests. */
  const samplerOf = (now: Live) =>
    sampling.withPermit(Effect.gen(function*() {
      if (sampler !== undefined && sampler.change === change && sampler.generation === now.generation) return sampler
      const made = yield* inOrder.withPermit(
        numbered(now, "save_weights_for_sampler", { sampling_session_seq_id: samplings++ }, Answers.sampledFrom)
      )
      return sampler = { change, generation: now.generation, sessionId: made.sampling_session_id, seq: 0 }
    }))

  yield* Effect.forkIn(beat, scope)
  yield* Effect.addFinalizer(() => live === undefined ? Effect.void : Effect.timeoutOption(unload(live), "5 seconds"))
  return engine
})
