/**
 * One model under training at an engine: passes, steps, draws and saved states, in an order that every engine takes.
 */
import { Effect, Semaphore } from "effect"
import * as Answers from "./Answers.ts"
import type { Futures } from "./Futures.ts"
import * as Json from "./Json.ts"
import * as Lasting from "./Lasting.ts"
import * as ModelCalls from "./ModelCalls.ts"
import * as Protobuf from "./Protobuf.ts"
import type { TinkerError } from "./TinkerError.ts"
import { type Chunk, cut, type Datum, type EngineLoss, type Sampled } from "./Wire.ts"

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

export interface Options extends Lasting.Options {
  readonly futures: Futures
  /** Largest part of an update that one request carries. */
  readonly request: { readonly data: number; readonly bytes: number }
  /** Updates that are kept before a state is saved. */
  readonly kept: number
  /** Names of states are unique under it. */
  readonly name: string
}

/** An update: sequences, the loss over them, and how its gradient is applied. */
export interface Update {
  readonly data: ReadonlyArray<Datum>
  readonly loss: EngineLoss
  readonly adam: ModelCalls.Adam
  /** The same sequences as the engine's normaliser leaves them, by the requests that they are cut into. */
  readonly scaled: (requests: ModelCalls.Step["requests"]) => ModelCalls.Step["requests"]
}

export interface Engine {
  /** Log-probabilities of every token of every sequence, at the weights as they are. */
  readonly forward: (data: ReadonlyArray<Datum>) => Effect.Effect<ReadonlyArray<Float32Array>, TinkerError>
  /**
   * One update; its metrics, gradient norm among them where the engine tells it.
   *
   * @param judge looks at the log-probabilities before anything is changed: where it fails, the model stays as it was
   */
  readonly step: <A, E>(
    update: Update,
    judge: (logprobs: ReadonlyArray<Float32Array>) => Effect.Effect<A, E>
  ) => Effect.Effect<
    { readonly judged: A; readonly metrics: Readonly<Record<string, number>> },
    E | TinkerError
  >
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

export const make = Effect.fnUntraced(function*(options: Options) {
  const { futures, kept, name, request } = options
  const calls = ModelCalls.make(futures)
  const model = yield* Lasting.make(options, futures, calls)
  /** Requests of the model, one after the other: their numbers are their order. */
  const inOrder = yield* Semaphore.make(1)
  const sampling = yield* Semaphore.make(1)
  let samplings = 0
  let states = 0
  /** Counts changes of the weights. */
  let change = 0
  let sampler:
    | { readonly change: number; readonly generation: number; readonly sessionId: string; seq: number }
    | undefined

  const save = (now: ModelCalls.Live, path: "save_weights" | "save_weights_for_sampler") =>
    Effect.map(
      calls.numbered(now, path, { path: `${name}-${++states}` }, Answers.saved),
      (saved) => saved.path
    )

  const savedState = Effect.tap(
    model.withModel((now) => save(now, "save_weights")),
    (path) => Effect.sync(() => model.begunFrom(path, true))
  )

  /** The sampling session of the weights as they are: made once for all requests. */
  const samplerOf = (now: ModelCalls.Live) =>
    sampling.withPermit(Effect.gen(function*() {
      if (sampler !== undefined && sampler.change === change && sampler.generation === now.generation) return sampler
      const made = yield* inOrder.withPermit(
        calls.numbered(now, "save_weights_for_sampler", { sampling_session_seq_id: samplings++ }, Answers.sampledFrom)
      )
      return sampler = { change, generation: now.generation, sessionId: made.sampling_session_id, seq: 0 }
    }))

  const engine: Engine = {
    forward: (data) => inOrder.withPermit(model.withModel((now) => calls.forward(now, cut(data, request)))),
    step: ({ adam, data, loss, scaled }, judge) =>
      Effect.suspend(() => {
        const step: ModelCalls.Step = { requests: scaled(cut(data, request)), loss, adam }
        return inOrder.withPermit(Effect.gen(function*() {
          if (model.updates() >= kept) yield* savedState
          const done = yield* Effect.onError(
            model.withModel((now) => calls.apply(now, step, judge)),
            () => model.takeBack
          )
          model.happened(step)
          change++
          return done
        }))
      }),
    sample: (chunks, drawing, key) =>
      model.withModel((now) =>
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
    saveState: inOrder.withPermit(savedState),
    saveSampler: inOrder.withPermit(model.withModel((now) => save(now, "save_weights_for_sampler"))),
    load: (path, moments) =>
      inOrder.withPermit(Effect.suspend(() => {
        change++
        return model.load(path, moments)
      })),
    release: inOrder.withPermit(model.release)
  }
  return engine
})
