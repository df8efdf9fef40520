/**
 * What a KL penalty holds on to: the weights that a training stage started from.
 *
 * A policy with an adapter shares its frozen base with the reference: while the adapter is untouched the reference is the
 * base with the adapter off, afterwards it needs a copy of the adapter alone.
 */
import { Effect } from "effect"
import { HostTensor, Runtime } from "../../kernels/runtime/index.ts"
import { type Lora, ParameterStore } from "../../kernels/train/index.ts"
import * as Adapter from "./Adapter.ts"
import type { Draft } from "./PackedBatches.ts"
import type { PolicyContext } from "./Context.ts"
import * as Images from "./Images.ts"
import * as LossAndGradients from "./LossAndGradients.ts"

export interface Reference {
  /** Keeps the weights as they are now. */
  readonly hold: Effect.Effect<void>
  /** Whether anything is held. */
  readonly held: () => boolean
  /** Log-probabilities of every candidate's tokens under the weights held, in the order of drafts. */
  readonly score: (drafts: ReadonlyArray<Draft>) => ReturnType<typeof LossAndGradients.score>
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

  const copied = (): Readonly<Record<string, HostTensor.HostTensor>> => {
    copy ??= HostTensor.shared.float32(trained.data.length)
    copy.set(trained.data)
    return ParameterStore.tensors(trained, copy)
  }

  const weightsNow = (): Omit<Held, "images"> => {
    if (adapter === undefined) return { name: "reference", weights: copied(), lora: undefined }
    const base = ParameterStore.tensors(model.store)
    return adapter.reference === "base" || Adapter.isIdentity(adapter)
      ? { name: "base", weights: base, lora: undefined }
      : { name: "reference", weights: { ...base, ...copied() }, lora: adapter.lora }
  }

  const hold = Effect.gen(function*() {
    const now = weightsNow()
    const own = model.towerTrained
      ? yield* Images.make({ config: model.config, process: model.preprocessor.process, sessions, frozen: true, mapped: model.mapped, ...now })
      : images
    held = { ...now, images: own }
  }).pipe(Effect.provideService(Runtime.Runtime, runtime))

  return {
    hold,
    held: () => held !== undefined,
    score: (drafts) =>
      held === undefined
        ? Effect.succeed([])
        : LossAndGradients.score({ ...context, images: held.images }, drafts, held)
  }
}
