/**
 * Checkpoints and snapshots of a model at an engine: what is on this side is a path, weights and moments stay there.
 */
import { Effect, FileSystem, Path, Schema } from "effect"
import { Json } from "../../kernels/weights/index.ts"
import { PolicyError } from "../Policy.ts"

const fileName = "engine.json"

/** Where the engine keeps what is too large to be here. */
const State = Schema.Struct({
  engine: Schema.Literal("tinker"),
  /** The base model, as the engine calls it. */
  model: Schema.String,
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
  yield* fs.makeDirectory(directory, { recursive: true })
  yield* fs.writeFileString(`${file}.tmp`, `${JSON.stringify(state)}\n`)
  yield* fs.rename(`${file}.tmp`, file)
})

/** Reads it back. Fails where it is of another model. */
export const read = Effect.fnUntraced(function*(directory: string, model: string) {
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
  if (state.model === model) return state
  const reason = `${file} is of model "${state.model}", this policy's is "${model}"`
  return yield* new PolicyError({ operation: "restore", reason })
})
