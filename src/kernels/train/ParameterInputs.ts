/** The parameters of a model, and of an adapter on it, as inputs of a graph. */
import { input, type Tensor } from "../graph/index.ts"
import { type Config, type Lookup, Parameters } from "../models/index.ts"
import * as Frozen from "./Frozen.ts"
import * as Lora from "./Lora.ts"

/**
 * Graph inputs that stand for the model's parameters, and for an adapter's. With `dropout` the adapter works as in
 * training; with `frozen` the model's own are read from where they are stored.
 */
export const parameterInputs = (
  config: Config.Config,
  lora?: Lora.Lora,
  dropout?: Lora.DropoutRows,
  frozen?: Frozen.Frozen
): Lookup => {
  const own = Parameters.specs(config).filter(({ name }) => frozen?.quantized.has(name) !== true)
  const specs = [...own, ...(lora === undefined ? [] : Lora.specs(config, lora))]
  const tensors = new Map(specs.map(({ name, shape }) => [name, input(name, shape)]))
  const parameter = (name: string): Tensor => {
    const found = tensors.get(name)
    if (found === undefined) throw new Error(`the model has no parameter "${name}"`)
    return found
  }
  return Object.assign(parameter, {
    ...(lora && { adapt: Lora.adapt(config, lora, parameter, dropout) }),
    ...(frozen && { product: Frozen.product(config, frozen, parameter) })
  })
}
