/**
 * Checkpoints and snapshots of a model at an engine: what is on this side is a path, weights and moments stay there.
 */
import { Effect, FileSystem, Path, Schema } from "effect"
import { makeFolder } from "../../kernels/runtime/makeFolder.ts"
import { Json } from "../../kernels/weights/index.ts"
import { PolicyError } from "../Policy.ts"

const fileName = "engine.json"

/** Where the engine keeps what is too large to be here. */
const State = Schema.Struct({
  engine: Schema.Literal("tinker"),
  /** The base model, as the engine calls it. */
  model: Schema.String,
  /** Of the adapter, 0: all weights are trained; absent in states of before it was written down. */
  rank: Schema.optionalKey(Schema.Int),
  /** Weights, and moments of a checkpoint. */
  path: Schema.String,
  /** Weights that the KL penalty of the stage holds on to. */
  reference: Schema.NullOr(Schema.String)
})
export type State = typeof State.Type

/** Writes the file whole or not at all. */
export const write = Effect.fnUntraced(function*(directory: string, state: State) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const file = join(directory, fileName)
  yield* makeFolder(directory)
  yield* fs.writeFileString(`${file}.tmp`, `${JSON.stringify(state)}\n`)
  yield* fs.rename(`${file}.tmp`, file)
})

/** Where it lies, and what it says. */
const open = Effect.fnUntraced(function*(directory: string) {
  const fs = yield* FileSystem.FileSystem
  const file = (yield* Path.Path).join(directory, fileName)
  const decode = Schema.decodeUnknownEffect(Json.text(State))
  const state = yield* Effect.flatMap(fs.readFileString(file), decode).pipe(
    Effect.mapError((cause) =>
      new PolicyError({
        operation: "restore",
        reason: `${file} is no checkpoint of an engine: ${cause.message}`,
        cause
      })
    )
  )
  return { file, state }
})

/** Reads it back. Fails where it is of another model, or of an adapter of another rank. */
export const read = Effect.fnUntraced(
  function*(directory: string, { model, rank }: { readonly model: string; readonly rank: number }) {
    const { file, state } = yield* open(directory)
    const other = state.model !== model
      ? `model "${state.model}", this policy's is "${model}"`
      : state.rank !== undefined && state.rank !== rank
      ? `an adapter of rank ${state.rank}, this policy's has ${rank}`
      : undefined
    if (other === undefined) return state
    return yield* new PolicyError({ operation: "restore", reason: `${file} is of ${other}` })
  }
)

/** The rank of the adapter whose state a directory names; undefined where it does not say. */
export const rankOf = (directory: string) => Effect.map(open(directory), ({ state: { rank } }) => rank)
