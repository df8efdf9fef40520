/**
 * What settings are fitted to: the model here, or one at an engine of which the configuration alone is here.
 */
import { Effect, Option } from "effect"
import { ModelDirectory } from "../../kernels/weights/index.ts"
import { parametersOf } from "../../pipelines/index.ts"
import type { Study } from "../flags.ts"
import { FlagError } from "../futile.ts"
import { type Engine, localOf, trains } from "./flags.ts"
import { at } from "./policy.ts"

export { type Engine, trains }

/** The model as `Pipelines.factsOf` takes it. */
export const sized = Effect.fnUntraced(function*(flags: Engine & Pick<Study, "lora" | "model">) {
  const { model } = localOf(flags)
  const engine = at(flags)
  if (Option.isNone(engine)) return { model, adapter: Option.isSome(flags.lora) }
  const { config } = yield* ModelDirectory.openTexts(model)
  const parameters = yield* Effect.mapError(
    Effect.fromOption(parametersOf(config)),
    () =>
      new FlagError({
        reason: `${model}/config.json does not say how large the model is (hidden_size, num_hidden_layers, …), and ` +
          "settings are fitted to that: choose them, --preset paper"
      })
  )
  return { model, adapter: engine.value.rank > 0, parameters }
})
