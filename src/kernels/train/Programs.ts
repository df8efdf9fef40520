/** The model graphs of training and scoring: log-probabilities of chosen rows, losses over them, gradients of losses. */
import { Autodiff, gather, input, OnnxWriter, selectedLogprob, type Tensor } from "../graph/index.ts"
import { sequenceInputs } from "../generate/index.ts"
import { type Config, head, type Lookup, Parameters, sequence, vision, visionInputs, type VisionLayout } from "../models/index.ts"
import * as Lora from "./Lora.ts"
import * as Objectives from "./Objectives.ts"

/** Static shape of a batch. */
export interface BatchShape {
  readonly batch: number
  /** Tokens a sequence, padded. */
  readonly length: number
  /** Rows that carry loss or are scored, padded. */
  readonly rows: number
  /**
   * Where visual tokens come from: `none`, ready-made `features` (frozen tower), or `pixels` through the tower, so that
   * it can be trained.
   */
  readonly visual:
    | { readonly kind: "none" }
    | { readonly kind: "features"; readonly rows: number }
    | { readonly kind: "pixels" } & VisionLayout.VisionShape
  readonly temperature: number
  /** States of the format mask, when tokens are scored under one. */
  readonly grammarStates: number | undefined
}

/** Rows of the vocabulary product held at once: bounds memory at a 150k vocabulary, whole at a small one. */
const chunkRows = (vocabulary: number): number => Math.max(64, Math.floor((1 << 24) / vocabulary))

/** Graph inputs that stand for the model's parameters, and for an adapter's. With `dropout` the adapter works as in training. */
export const parameterInputs = (config: Config.Config, lora?: Lora.Lora, dropout?: Lora.DropoutRows): Lookup => {
  const specs = [...Parameters.specs(config), ...(lora === undefined ? [] : Lora.specs(config, lora))]
  const tensors = new Map(specs.map(({ name, shape }) => [name, input(name, shape)]))
  const parameter = (name: string): Tensor => {
    const found = tensors.get(name)
    if (found === undefined) throw new Error(`the model has no parameter "${name}"`)
    return found
  }
  return lora === undefined ? parameter : Object.assign(parameter, { adapt: Lora.adapt(config, lora, parameter, dropout) })
}

/** Visual tokens of a batch as the shape asks for them. */
const visualTokens = (config: Config.Config, p: Lookup, shape: BatchShape["visual"]): Tensor | undefined => {
  switch (shape.kind) {
    case "none":
      return undefined
    case "features":
      return input("visual", [shape.rows, config.width])
    case "pixels":
      return vision(config, p, visionInputs(config, shape))
  }
}

const lossRows = ({ rows }: BatchShape): Tensor => input("lossRows", [rows], "i32")

/** Log-probabilities `[rows]` of the tokens `targets` after the hidden states `lossRows`. */
export const logprobs = (config: Config.Config, p: Lookup, shape: BatchShape, rows: Tensor = lossRows(shape)): Tensor => {
  const inputs = sequenceInputs(config, shape.batch, shape.length, visualTokens(config, p, shape.visual))
  // Rows may repeat: where candidates share a prompt, its last one is wanted by each. Then choosing late can be cheaper.
  const early = shape.rows < shape.batch * shape.length
  const { hidden } = sequence(config, p, inputs, early ? rows : undefined)
  const bias = shape.grammarStates === undefined
    ? undefined
    : gather(input("grammarBias", [shape.grammarStates, config.vocabulary]), input("states", [shape.rows], "i32"))
  return selectedLogprob(early ? hidden : gather(hidden, rows), head(config, p), input("targets", [shape.rows], "i32"), {
    temperature: shape.temperature,
    chunk: chunkRows(config.vocabulary),
    ...(bias && { bias })
  })
}

export const scoring = (config: Config.Config, shape: BatchShape, lora?: Lora.Lora): OnnxWriter.Program =>
  OnnxWriter.write({ logprobs: logprobs(config, parameterInputs(config, lora), shape) })

/** How a model is trained. */
export interface TrainingOptions {
  /** The adapter whose parameters are trained instead of the model's. */
  readonly lora?: Lora.Lora | undefined
  /** Keep a layer's input alone for the backward pass and compute the layer again. Default false. */
  readonly recompute?: boolean
}

/** Log-probabilities as training computes them, and the parameters they come from. */
const trained = (config: Config.Config, shape: BatchShape, { lora }: TrainingOptions) => {
  const rows = lossRows(shape)
  const { visual } = shape
  const dropout = lora === undefined || lora.dropout === 0 ? undefined : {
    cells: input("dropoutRows", [shape.batch * shape.length], "i64"),
    wanted: rows,
    patches: visual.kind === "pixels" ? input("dropoutPatches", [visual.frames * visual.slots], "i64") : undefined
  }
  const p = parameterInputs(config, lora, dropout)
  return { p, logprobs: logprobs(config, p, shape, rows) }
}

/** Name of the output that holds a parameter's gradient. */
export const gradientName = (parameter: string): string => `gradient:${parameter}`

/** What a training run computes. */
export type Outputs = Readonly<Record<string, Tensor>>

const withGradients = (
  loss: Objectives.Loss,
  p: Lookup,
  trainable: ReadonlyArray<string>,
  { recompute = false }: TrainingOptions
): Outputs => {
  const gradients = Autodiff.gradients(loss.loss, trainable.map(p), { recompute })
  return {
    loss: loss.loss,
    ...loss.metrics,
    ...Object.fromEntries(trainable.map((name, i) => [gradientName(name), gradients[i] as Tensor]))
  }
}

/** The expressions of a training run, by objective. */
export const objectives = {
  /** Loss of eq. 8 and the gradient of every trainable parameter. */
  supervised: (config: Config.Config, shape: BatchShape, trainable: ReadonlyArray<string>, options: TrainingOptions = {}): Outputs => {
    const { logprobs, p } = trained(config, shape, options)
    return withGradients(Objectives.supervised(logprobs, input("weights", [shape.rows])), p, trainable, options)
  },
  /** Loss of eq. 7 and 10, its metrics and the gradient of every trainable parameter. */
  groupRelative: (config: Config.Config, shape: BatchShape, trainable: ReadonlyArray<string>, options: TrainingOptions = {}): Outputs => {
    const { logprobs, p } = trained(config, shape, options)
    const row = (name: string) => input(name, [shape.rows])
    const knob = (name: string) => input(name, [])
    const loss = Objectives.groupRelative({
      logprobs,
      weights: row("weights"),
      advantages: row("advantages"),
      old: row("old"),
      reference: row("reference"),
      clipLow: knob("clipLow"),
      clipHigh: knob("clipHigh"),
      kl: knob("klCoefficient")
    })
    return withGradients(loss, p, trainable, options)
  }
}

type Given = readonly [config: Config.Config, shape: BatchShape, trainable: ReadonlyArray<string>, options?: TrainingOptions]
type Objective = (...given: Given) => OnnxWriter.Program
export const supervised: Objective = (...given) => OnnxWriter.write(objectives.supervised(...given))
export const groupRelative: Objective = (...given) => OnnxWriter.write(objectives.groupRelative(...given))

/** The tower alone: what one that does not change is asked once an image. */
export const visualFeatures = (config: Config.Config, shape: VisionLayout.VisionShape, lora?: Lora.Lora): OnnxWriter.Program => {
  const p = parameterInputs(config, lora)
  return OnnxWriter.write({ features: vision(config, p, visionInputs(config, shape)) })
}
