/**
 * What a KL penalty holds on to: the weights that a training stage started from.
 *
 * A policy with an adapter shares its frozen base with the reference: while the adapter is untouched the reference is
 * the base with the adapter off, afterwards it needs a copy of the adapter alone.
 */
import { Effect } from "effect"
import { HostTensor, Runtime } from "../../kernels/runtime/index.ts"
import { type Lora, ParameterStore } from "../../kernels/train/index.ts"
import * as Adapter from "./Adapter.ts"
import type { PolicyContext } from "./Context.ts"
import * as Images from "./Images.ts"
import type { Draft } from "./PackedBatches.ts"
import * as Score from "./Score.ts"

/** Nothing; the base without its adapter; or weights in the layout of what training changes. */
export type State = { readonly kind: "none" | "base" } | { readonly kind: "weights"; readonly weights: Float32Array }

export interface Reference {
  /** Keeps the weights as they are now. */
  readonly hold: Effect.Effect<void>
  /** Keeps nothing any more. */
  readonly release: Effect.Effect<void>
  /** What is held, not a copy of it, to be held again by `restore` of another process. */
  readonly state: () => State
  readonly restore: (state: State) => Effect.Effect<void, ParameterStore.ParameterError>
  /** Whether anything is held. */
  readonly held: () => boolean
  /** Log-probabilities of every candidate's tokens under the weights held, in the order of drafts. */
  readonly score: (drafts: ReadonlyArray<Draft>) => ReturnType<typeof Score.score>
}

interface Held {
  readonly name: string
  readonly weights: Readonly<Record<string, HostTensor.HostTensor>>
  readonly lora: Lora.Lora | undefined
  /** Images under the reference's own tower; the policy's where the tower is frozen. */
  readonly images: Images.Images
}

export const make = (context: PolicyContext): Reference => {
  const { images, model, runtime, sessions } = context
  const { adapter, trained } = model
  let copy: Float32Array<SharedArrayBuffer> | undefined
  let held: Held | undefined

  const copied = (weights: Float32Array): Readonly<Record<string, HostTensor.HostTensor>> => {
    copy ??= HostTensor.shared.float32(trained.data.length)
    copy.set(weights)
    return ParameterStore.tensors(trained, copy)
  }

  const base = () => ParameterStore.tensors(model.store)

  const begin = Effect.fnUntraced(function*(now: Omit<Held, "images">) {
    const own = model.towerTrained
      ? yield* Images.make({
        config: model.config,
        cut: model.preprocessor.cut,
        sessions,
        frozen: true,
        memory: context.memory,
        mapped: model.mapped,
        ...now
      })
      : images
    held = { ...now, images: own }
  }, Effect.provideService(Runtime.Runtime, runtime))

  const holdBase = Effect.suspend(() => begin({ name: "base", weights: base(), lora: undefined }))
  const holdWeights = (weights: Float32Array) =>
    Effect.suspend(() =>
      begin({
        name: "reference",
        weights: adapter === undefined ? copied(weights) : { ...base(), ...copied(weights) },
        lora: adapter?.lora
      })
    )

  const release = Effect.sync(() => {
    held = undefined
  })

  return {
    hold: Effect.suspend(() =>
      adapter !== undefined && (adapter.reference === "base" || Adapter.isIdentity(adapter))
        ? holdBase
        : holdWeights(trained.data)
    ),
    release,
    state: () =>
      held === undefined ?
        { kind: "none" }
        : held.name === "base" || copy === undefined ?
        { kind: "base" }
        : { kind: "weights", weights: copy },
    restore: Effect.fnUntraced(function*(state) {
      switch (state.kind) {
        case "none":
          return yield* release
        case "base":
          // Without an adapter the base is what is trained.
          if (adapter === undefined) {
            return yield* new ParameterStore.ParameterError({
              parameter: "the KL reference",
              reason: "is the base of an adapter, and there is none"
            })
          }
          return yield* holdBase
        case "weights":
          yield* ParameterStore.check(trained, state.weights, "the KL reference's ")
          return yield* holdWeights(state.weights)
      }
    }),
    held: () => held !== undefined,
    score: (drafts) =>
      held === undefined
        ? Effect.succeed([])
        : Score.score({ ...context, images: held.images }, drafts, held)
  }
}
