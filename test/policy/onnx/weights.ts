/** The state of a live policy, looked at and set by way of its checkpoints. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, FileSystem, type Scope } from "effect"
import { createHash } from "node:crypto"
import { Safetensors } from "../../../src/kernels/weights/index.ts"
import { Policy } from "../../../src/policy/index.ts"

/** The one file of a checkpoint. */
export const stateFile = "state.safetensors"

/** What is in it. */
export interface State {
  readonly metadata: Readonly<Record<string, string>>
  readonly tensors: Readonly<Record<string, Float32Array>>
}

export const read = Effect.fnUntraced(function*(file: string) {
  const header = yield* Safetensors.readHeader(file)
  const named = yield* Effect.forEach(
    header.tensors.keys(),
    (name) => Effect.map(Safetensors.readFloat32(header, name), (data) => [name, data] as const)
  )
  const state: State = { metadata: header.metadata, tensors: Object.fromEntries(named) }
  return state
})

export const write = (file: string, { metadata, tensors }: State) =>
  Safetensors.write(file, Object.entries(tensors).map(([name, data]) => ({ name, shape: [data.length], data })), {
    metadata
  })

/** Tells states apart by every byte of them: numbers by the million are compared one by one for seconds otherwise. */
export const fingerprint = ({ metadata, tensors }: State): Readonly<Record<string, string>> => ({
  ...metadata,
  ...Object.fromEntries(Object.entries(tensors).map(([name, data]) => [name, digest(data)]))
})

/** SHA-256 of the bytes of numbers. */
export const digest = (data: Float32Array): string => createHash("sha256").update(data).digest("hex")

const temporary = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

/** Nothing here is to fail. */
const here = <A, E>(effect: Effect.Effect<A, E, Policy | NodeServices.NodeServices | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(NodeServices.layer), Effect.orDie)

/** All that a checkpoint keeps. */
export const state: Effect.Effect<State, never, Policy> = here(Effect.gen(function*() {
  const directory = yield* temporary
  yield* (yield* Policy).checkpoint(directory)
  return yield* read(`${directory}/${stateFile}`)
}))

export const setState = (state: State): Effect.Effect<void, never, Policy> =>
  here(Effect.gen(function*() {
    const directory = yield* temporary
    yield* write(`${directory}/${stateFile}`, state)
    yield* (yield* Policy).restore(directory)
  }))

/** What training changes. */
export const weights = Effect.map(state, ({ tensors }) => tensors["weights"] ?? new Float32Array(0))

/** Other weights; moments and reference stay. */
export const setWeights = (weights: Float32Array) =>
  Effect.flatMap(state, ({ metadata, tensors }) => setState({ metadata, tensors: { ...tensors, weights } }))
