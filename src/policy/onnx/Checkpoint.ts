/**
 * The state of training on disk: one safetensors file with what training changes and, within a stage, moments and KL
 * reference.
 */
import { Effect, FileSystem, Path, Schema } from "effect"
import * as SystemFault from "../../kernels/runtime/SystemFault.ts"
import { AdamW, type ParameterStore } from "../../kernels/train/index.ts"
import { Safetensors } from "../../kernels/weights/index.ts"
import { PolicyError } from "../Policy.ts"
import type * as KlReference from "./KlReference.ts"

/** Everything that is needed to go on as if nothing had stopped. */
export interface State {
  readonly version: number
  readonly weights: Float32Array
  readonly optimizer: AdamW.State
  readonly reference: KlReference.State
}

const fileName = "state.safetensors"

const About = Schema.fromJsonString(Schema.Struct({
  version: Schema.Int,
  /** Optimiser steps taken; with 0 there are no moments. */
  step: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  reference: Schema.Literals(["none", "base", "weights"])
}))

/** Writes the file whole or not at all. */
export const write = Effect.fnUntraced(function*(directory: string, { optimizer, reference, version, weights }: State) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* fs.makeDirectory(directory, { recursive: true }).pipe(
    Effect.mapError((cause) =>
      new PolicyError({
        operation: "checkpoint",
        reason: `${directory} cannot be made: ${SystemFault.words(cause)}`,
        cause
      })
    )
  )
  const vector = (name: string, data: Float32Array) => ({ name, shape: [data.length], data })
  const about = yield* Schema.encodeEffect(About)({ version, step: optimizer.step, reference: reference.kind })
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
  const { reference, step, version } = yield* Schema.decodeUnknownEffect(About)(header.metadata["state"]).pipe(
    Effect.mapError((cause) =>
      new PolicyError({ operation: "restore", reason: `${file} is no checkpoint of this version`, cause })
    )
  )
  const vector = (name: string, length: number) => Safetensors.readFloat32(header, name, new Float32Array(length))
  const state: State = {
    version,
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
