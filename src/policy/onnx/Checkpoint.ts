/**
 * The state of training on disk: one safetensors file with what training changes and, within a stage, moments and KL
 * reference.
 */
import { Effect, Path, Schema } from "effect"
import { makeFolder } from "../../kernels/runtime/makeFolder.ts"
import * as SystemFault from "../../kernels/runtime/SystemFault.ts"
import { AdamW, type ParameterStore } from "../../kernels/train/index.ts"
import { Safetensors } from "../../kernels/weights/index.ts"
import { PolicyError } from "../Policy.ts"
import type * as KlReference from "./KlReference.ts"

/** Everything that is needed to go on as if nothing had stopped. */
export interface State {
  readonly weights: Float32Array
  readonly optimizer: AdamW.State
  readonly reference: KlReference.State
}

const fileName = "state.safetensors"

const About = Schema.fromJsonString(Schema.Struct({
  /** Optimiser steps taken; with 0 there are no moments. */
  step: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  reference: Schema.Literals(["none", "base", "weights"])
}))

const make = (directory: string) =>
  makeFolder(directory).pipe(
    Effect.mapError((cause) =>
      new PolicyError({
        operation: "checkpoint",
        reason: `${directory} cannot be made: ${SystemFault.words(cause)}`,
        cause
      })
    )
  )

const vector = (name: string, data: Float32Array) => ({ name, shape: [data.length], data })

/** Writes the file whole or not at all. How often weights have changed is no part of it: the same state, same bytes. */
export const write = Effect.fnUntraced(function*(directory: string, { optimizer, reference, weights }: State) {
  const path = yield* Path.Path
  yield* make(directory)
  const about = yield* Schema.encodeEffect(About)({ step: optimizer.step, reference: reference.kind })
  yield* Safetensors.write(path.join(directory, fileName), [
    vector("weights", weights),
    ...(optimizer.step === 0
      ? []
      : [vector("firstMoment", optimizer.firstMoment), vector("secondMoment", optimizer.secondMoment)]),
    ...(reference.kind === "weights" ? [vector("reference", reference.weights)] : [])
  ], { metadata: { state: about } })
})

/** Reads all of it, as it fits `trained`. */
export const read = Effect.fnUntraced(function*(directory: string, trained: ParameterStore.ParameterStore) {
  const path = yield* Path.Path
  const file = path.join(directory, fileName)
  const header = yield* Safetensors.readHeader(file)
  const { reference, step } = yield* Schema.decodeUnknownEffect(About)(header.metadata["state"]).pipe(
    Effect.mapError((cause) =>
      new PolicyError({ operation: "restore", reason: `${file} is no checkpoint of this version`, cause })
    )
  )
  const vector = (name: string, length: number) => Safetensors.readFloat32(header, name, new Float32Array(length))
  const state: State = {
    weights: yield* vector("weights", trained.data.length),
    optimizer: step === 0 ? AdamW.fresh(trained) : {
      step,
      firstMoment: yield* vector("firstMoment", trained.trainableLength),
      secondMoment: yield* vector("secondMoment", trained.trainableLength)
    },
    reference: reference === "weights"
      ? { kind: reference, weights: yield* vector("reference", trained.data.length) }
      : { kind: reference }
  }
  return state
})

const snapshotName = "snapshot.safetensors"

/** Writes weights that were kept aside, whole or not at all. */
export const writeSnapshot = Effect.fnUntraced(function*(directory: string, weights: Float32Array) {
  const path = yield* Path.Path
  yield* make(directory)
  yield* Safetensors.write(path.join(directory, snapshotName), [vector("weights", weights)])
})

/** Reads them, as they fit `trained`. */
export const readSnapshot = Effect.fnUntraced(function*(directory: string, trained: ParameterStore.ParameterStore) {
  const path = yield* Path.Path
  const header = yield* Safetensors.readHeader(path.join(directory, snapshotName))
  return yield* Safetensors.readFloat32(header, "weights", new Float32Array(trained.data.length))
})
