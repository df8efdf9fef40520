/** Which tensors of a directory are a model's parameters: each there, of its shape, and none besides. */
import { Effect } from "effect"
import { type Config, Parameters } from "../../kernels/models/index.ts"
import type { ModelDirectory, WeightCache } from "../../kernels/weights/index.ts"
import { PolicyError } from "../Policy.ts"

/** A parameter, the name that the directory has for it, and where it lies. */
export type Found = Omit<WeightCache.Wanted, "quantization">

/** Finds every parameter, before any memory is taken: a configuration may ask for more than there is. */
export const find = Effect.fnUntraced(function*(
  { path, tensors }: ModelDirectory.ModelDirectory,
  config: Config.Config,
  specs: ReadonlyArray<Parameters.ParameterSpec>
) {
  const failed = (reason: string) => new PolicyError({ operation: "load", reason })
  const stored = new Map(
    [...tensors].map(([name, location]) => [Parameters.canonicalName(name), { stored: name, location }])
  )
  const named = new Set(specs.map(({ name }) => name))
  const all = yield* Effect.forEach(specs, ({ name, shape }): Effect.Effect<Found, PolicyError> => {
    const found = stored.get(name)
    if (found === undefined) {
      return Effect.fail(failed(`${path} has no tensor "${name}"; its config.json asks for it`))
    }
    const { info } = found.location
    return info.shape.length === shape.length && info.shape.every((d, i) => d === shape[i])
      ? Effect.succeed({ name, ...found })
      : Effect.fail(
        failed(
          `${path}: tensor "${name}" is [${info.shape.join(", ")}], config.json asks for [${shape.join(", ")}]`
        )
      )
  })
  const foreign = [...stored].find(([name]) => !named.has(name) && !Parameters.isSpare(config, name))
  if (foreign !== undefined) {
    return yield* failed(
      `${path} has a tensor "${foreign[1].stored}" that a model of type ${config.modelType} with this config.json ` +
        "does not use; its arithmetic is not implemented"
    )
  }
  return all
})
