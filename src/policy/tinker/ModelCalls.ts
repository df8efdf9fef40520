/**
 * What a model at an engine can be asked for, each request with its number: the same number with the same content is
 * the same request, however often it is sent.
 */
import { Effect, type Schema } from "effect"
import * as Answers from "./Answers.ts"
import type { Call, Futures, Reading } from "./Futures.ts"
import * as Json from "./Json.ts"
import * as Protobuf from "./Protobuf.ts"
import { TinkerError } from "./TinkerError.ts"
import type { Datum, EngineLoss, ForwardBackward, Passed } from "./Wire.ts"

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

/** One optimiser step: what is accumulated, and how it is applied. */
export interface Step {
  /** The sequences of each request. */
  readonly requests: ReadonlyArray<ReadonlyArray<Datum>>
  readonly loss: EngineLoss
  readonly adam: Adam
}

/** A model as the engine holds it. */
export interface Live {
  readonly sessionId: string
  readonly modelId: string
  /** How often it was made anew. */
  readonly generation: number
  /** Number of its last request. */
  seq: number
}

const passed: Reading<Passed> = { protobuf: Protobuf.readPassed, json: Json.readPassed }

export const make = (futures: Futures) => {
  /** Whether the server takes protobuf: asked with the first pass. */
  let spelling: "protobuf" | "json" = "protobuf"

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

  const passOf = (pass: ForwardBackward): Call => {
    const key = `${pass.modelId}/${pass.seqId}`
    if (spelling === "protobuf") return { path: "forward_backward", body: Protobuf.forwardBackward(pass), key }
    return { ...Json.forwardBackward(pass), key }
  }

  /** One pass over one request's sequences. The first finds out how the server wants it spelled. */
  const pass = (now: Live, data: ReadonlyArray<Datum>, loss: EngineLoss, forwardOnly: boolean) =>
    Effect.suspend(() => {
      const seqId = ++now.seq
      const given = (): Call => passOf({ ...loss, modelId: now.modelId, seqId, data, forwardOnly })
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
        ),
        Effect.map(({ logprobs }) => logprobs)
      )
    })

  /** Log-probabilities of every token, request by request. */
  const passes = (
    now: Live,
    requests: ReadonlyArray<ReadonlyArray<Datum>>,
    loss: EngineLoss,
    forwardOnly: boolean
  ) => Effect.map(Effect.forEach(requests, (data) => pass(now, data, loss, forwardOnly)), (found) => found.flat())

  return {
    numbered,
    /** Forward only. */
    forward: (now: Live, requests: Step["requests"]) => passes(now, requests, { lossFn: "cross_entropy" }, true),
    /** Gradients are accumulated; what was told on the way of the sequences is looked at before they are applied. */
    apply: Effect.fnUntraced(function*<A, E>(
      now: Live,
      { adam, loss, requests }: Step,
      judge: (logprobs: ReadonlyArray<Float32Array>) => Effect.Effect<A, E>
    ) {
      const judged = yield* Effect.flatMap(passes(now, requests, loss, false), judge)
      const metrics = yield* numbered(now, "optim_step", {
        adam_params: {
          learning_rate: adam.learningRate,
          beta1: adam.beta1,
          beta2: adam.beta2,
          eps: adam.epsilon,
          weight_decay: adam.weightDecay,
          grad_clip_norm: adam.clipNorm
        }
      }, Answers.metrics)
      return { judged, metrics }
    }),
    unload: ({ modelId }: Live) =>
      futures.run({ path: "unload_model", body: { model_id: modelId }, key: `${modelId}/unload` }, Answers.nothing)
        .pipe(
          // Engines give up idle models by themselves.
          Effect.ignore
        )
  }
}

export type ModelCalls = ReturnType<typeof make>
