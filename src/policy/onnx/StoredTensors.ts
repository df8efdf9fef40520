/** Which tensors of a directory are a model's parameters: each there, of its shape, and none besides. */
import { Effect } from "effect"
import { type Config, Parameters } from "../../kernels/models/index.ts"
import { type ModelDirectory, Safetensors, type WeightCache } from "../../kernels/weights/index.ts"
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
  const [embedding, head] = [stored.get(Parameters.embedding), stored.get(Parameters.head)]
  if (config.tied && embedding !== undefined && head !== undefined && !(yield* alike(embedding, head))) {
    return yield* failed(
      `${path}: tensor "${head.stored}" is not "${embedding.stored}", though config.json says that they are one ` +
        "(tie_word_embeddings): other programs load them apart. Set tie_word_embeddings to false, or leave the " +
        "tensor out"
    )
  }
  return all
})

interface Stored {
  readonly stored: string
  readonly location: WeightCache.Wanted["location"]
}

/** Whether two tensors are the same, by shape and by what is at their beginning, middle and end. */
const alike = Effect.fnUntraced(function*(one: Stored, other: Stored) {
  const [own, others] = [one.location.info.shape, other.location.info.shape]
  if (own.length !== others.length || own.some((d, i) => d !== others[i])) return false
  const read = ({ location, stored }: Stored) => Safetensors.probe(location.header, stored)
  const [a, b] = [yield* read(one), yield* read(other)]
  return a.every((values, i) => values.every((value, k) => value === b[i]?.[k]))
})
