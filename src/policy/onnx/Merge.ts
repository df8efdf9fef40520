/**
 * A PEFT adapter merged into the model that it was trained on, whichever engine trained it.
 *
 * @module
 */
import { Effect, type FileSystem, type Path } from "effect"
import { PolicyError } from "../Policy.ts"
import * as Model from "./Model.ts"

/** What is merged, and where to. */
export interface Options {
  /** A Hugging Face directory with the base model's weights. */
  readonly model: string
  /** A PEFT directory. */
  readonly adapter: string
  /** The directory to write: a new one. */
  readonly target: string
}

/** Writes base and adapter as one model, in the base's own precision. */
export const write = (
  { adapter, model, target }: Options
): Effect.Effect<void, PolicyError, FileSystem.FileSystem | Path.Path> =>
  Model.load(model, { lora: { adapter }, seed: 0 }).pipe(
    Effect.mapError((cause) =>
      new PolicyError({ operation: "save", reason: `the adapter does not fit ${model}: ${cause.message}`, cause })
    ),
    Effect.flatMap((merged) => Model.save(merged, target)),
    Effect.scoped
  )
