/** The adapter of a policy by itself, where `Policy.save` writes the model whole. */
import { Context, Effect } from "effect"
import { PolicyError } from "../Policy.ts"
import * as Adapter from "./Adapter.ts"
import type { Model } from "./Model.ts"

/** Access to the adapter alone. */
export class Adapters extends Context.Service<Adapters, {
  /**
   * Writes a PEFT adapter as a new directory, with the base's tokenizer, chat template and processor beside it.
   * (`Policy.save` writes the model with the adapter merged into it.)
   */
  readonly save: (directory: string) => Effect.Effect<void, PolicyError>
}>()("rise/Adapters") {}

/** Writes the adapter of a model; fails where it has none. */
export const save = ({ adapter, config, files }: Model, base: string, directory: string) =>
  adapter === undefined
    ? Effect.fail(
      new PolicyError({
        operation: "save",
        reason: "this policy has no adapter; give lora when it is made, or save the model itself"
      })
    )
    : Adapter.save(config, adapter, base, directory, files)
