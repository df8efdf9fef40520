/**
 * The model graphs of training and scoring: log-probabilities of chosen rows, losses over them, gradients of losses.
 */
import { Distance, sequenceInputs } from "../generate/index.ts"
import {
  add,
  allowedLogprob,
  Autodiff,
  entropy,
  gather,
  input,
  OnnxWriter,
  selectedLogprob,
  type Tensor
} from "../graph/index.ts"
import {
  Config,
  groupInputs,
  head,
  type Lookup,
  readable,
  sequence,
  vision,
  visionInputs,
  type VisionLayout
} from "../models/index.ts"
import type { BatchShape } from "./BatchShape.ts"
import type { Form } from "./Form.ts"
import type * as Frozen from "./Frozen.ts"
import type * as Lora from "./Lora.ts"
import * as Objectives from "./Objectives.ts"
import { parameterInputs } from "./ParameterInputs.ts"
import type * as Ratios from "./Ratios.ts"

export type { BatchShape } from "./BatchShape.ts"
export { parameterInputs } from "./ParameterInputs.ts"

/** Rows of the vocabulary product held at once: bounds memory at a 150k vocabulary, whole at a small one. */
const chunkRows = (vocabulary: number): number => Math.max(64, Math.floor((1 << 24) / vocabulary))

/** Visual tokens of a batch as the shape asks for them. */
const visualTokens = (config: Config.Config, p: Lookup, shape: BatchShape["visual"]): Tensor | undefined => {
  switch (shape.kind) {
    case "none":
      return undefined
    case "features":
      return input("visual", [shape.rows, Config.visualWidth(config)])
    case "pixels":
      return vision(config, p, visionInputs(config, shape))
  }
}

const lossRows = ({ rows }: BatchShape): Tensor => input("lossRows", [rows], "i32")

/** The hidden states that rows are read from, ready for the output embedding. */
const readRows = (config: Config.Config, p: Lookup, shape: BatchShape, rows: Tensor) => {
  const inputs = {
    ...sequenceInputs(config, shape.batch, shape.length, visualTokens(config, p, shape.visual)),
    groups: shape.groups && groupInputs(shape.batch, shape.length, shape.groups)
  }
  // Rows may repeat: where candidates share a prompt, its last one is wanted by each. Then choosing late can be
  // cheaper.
  const early = shape.rows < shape.batch * shape.length
  const { hidden, layers } = sequence(config, p, inputs, early ? rows : undefined)
  return { read: early ? hidden : gather(hidden, rows), layers }
}

/** A grammar's table at the state of each row. */
const atStates = (config: Config.Config, { grammarStates, rows }: BatchShape, table: string): Tensor | undefined =>
  grammarStates === undefined
    ? undefined
    : gather(input(table, [grammarStates, config.vocabulary]), input("states", [rows], "i32"))

const forward = (config: Config.Config, p: Lookup, shape: BatchShape, rows: Tensor) => {
  const { layers, read } = readRows(config, p, shape, rows)
  const need = atStates(config, shape, "grammarNeed")
  const distribution = {
    temperature: shape.temperature,
    chunk: chunkRows(config.vocabulary),
    ...(need && { bias: Distance.mask(need, input("left", [shape.rows])) })
  }
  const logprobs = selectedLogprob(read, head(config, p), input("targets", [shape.rows], "i32"), distribution)
  return { logprobs, layers, entropy: () => entropy(read, head(config, p), distribution) }
}

/** Log-probabilities `[rows]` of the tokens `targets` after the hidden states `lossRows`. */
export const logprobs = (config: Config.Config, p: Lookup, shape: BatchShape, rows: Tensor = lossRows(shape)): Tensor =>
  forward(config, p, shape, rows).logprobs

/**
 * Weighted negative log-likelihood of what an inner layer predicts through the model's own norm and output embedding.
 */
const innerLoss = (
  config: Config.Config,
  p: Lookup,
  layers: ReadonlyArray<Tensor>,
  { layer, rows }: NonNullable<BatchShape["inner"]>[number]
): Tensor => {
  const output = layers[layer - 1]
  if (output === undefined || layer >= layers.length) {
    throw new Error(`layer ${layer} is no inner one of ${layers.length}`)
  }
  const read = readable(config, p, gather(output, input(`inner${layer}Rows`, [rows], "i32")))
  const predicted = selectedLogprob(read, head(config, p), input(`inner${layer}Targets`, [rows], "i32"), {
    temperature: 1,
    chunk: chunkRows(config.vocabulary)
  })
  return Objectives.supervised(predicted, input(`inner${layer}Weights`, [rows])).loss
}

/** Writes a program whose frozen weights are part of it, as references to where they lie. */
export const write = (outputs: Outputs, frozen?: Frozen.Frozen): OnnxWriter.Program =>
  OnnxWriter.write(outputs, frozen === undefined ? {} : { initializers: frozen.initializers })

export const scoring = (
  config: Config.Config,
  shape: BatchShape,
  lora?: Lora.Lora,
  frozen?: Frozen.Frozen
): OnnxWriter.Program =>
  write({ logprobs: logprobs(config, parameterInputs(config, lora, undefined, frozen), shape) }, frozen)

/** How a model is trained. */
export interface TrainingOptions {
  /** The adapter whose parameters are trained instead of the model's. */
  readonly lora?: Lora.Lora | undefined
  /** Keep a layer's input alone for the backward pass and compute the layer again. Default false. */
  readonly recompute?: boolean
  /** Where the model's own weights lie, when they are not fed. */
  readonly frozen?: Frozen.Frozen | undefined
  /** What a group-relative loss is made of. */
  readonly form?: Form | undefined
}

/** What `reads` makes of the rows as training computes them, and the parameters that it comes from. */
const trained = <A extends object>(
  config: Config.Config,
  shape: BatchShape,
  { frozen, lora }: TrainingOptions,
  reads: (config: Config.Config, p: Lookup, shape: BatchShape, rows: Tensor) => A
) => {
  const rows = lossRows(shape)
  const { visual } = shape
  const dropout = lora === undefined || lora.dropout === 0 ? undefined : {
    cells: input("dropoutRows", [shape.batch * shape.length], "i64"),
    wanted: rows,
    patches: visual.kind === "pixels" ? input("dropoutPatches", [visual.frames * visual.slots], "i64") : undefined
  }
  const p = parameterInputs(config, lora, dropout, frozen)
  return { p, ...reads(config, p, shape, rows) }
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

/** Which sequence each row is of, as it is fed. */
const sequencesOf = ({ rows, sequences }: BatchShape): Ratios.Sequences => {
  if (sequences === undefined) throw new Error("a ratio of sequences needs their number")
  return { count: sequences, of: input("sequence", [rows], "i32"), share: input("sequenceShare", [rows]) }
}

/** The expressions of a training run, by objective. */
export const objectives = {
  /** Loss of eq. 8 and the gradient of every trainable parameter. */
  supervised: (
    config: Config.Config,
    shape: BatchShape,
    trainable: ReadonlyArray<string>,
    options: TrainingOptions = {}
  ): Outputs => {
    const { layers, logprobs, p } = trained(config, shape, options, forward)
    const { loss, metrics } = Objectives.supervised(logprobs, input("weights", [shape.rows]))
    const whole = (shape.inner ?? []).reduce((sum, inner) => add(sum, innerLoss(config, p, layers, inner)), loss)
    return withGradients({ loss: whole, metrics }, p, trainable, options)
  },
  /** The format loss and the gradient of every trainable parameter. */
  format: (
    config: Config.Config,
    shape: BatchShape,
    trainable: ReadonlyArray<string>,
    options: TrainingOptions = {}
  ): Outputs => {
    const { p, read } = trained(config, shape, options, readRows)
    const bias = atStates(config, shape, "grammarBias")
    if (bias === undefined) throw new Error("a format loss needs a grammar")
    const allowed = allowedLogprob(read, head(config, p), bias, chunkRows(config.vocabulary))
    return withGradients(Objectives.supervised(allowed, input("weights", [shape.rows])), p, trainable, options)
  },
  /**
   * Loss of eq. 7 and 10, its metrics, the gradient of every trainable parameter, and the log-probability of every row.
   */
  groupRelative: (
    config: Config.Config,
    shape: BatchShape,
    trainable: ReadonlyArray<string>,
    options: TrainingOptions = {}
  ): Outputs => {
    const { form = {} } = options
    const { entropy, logprobs, p } = trained(config, shape, options, forward)
    const row = (name: string) => input(name, [shape.rows])
    const knob = (name: string) => input(name, [])
    const loss = Objectives.groupRelative({
      logprobs,
      weights: row("weights"),
      advantages: row("advantages"),
      oldLogprobs: row("oldLogprobs"),
      reference: row("reference"),
      clipLow: knob("clipLow"),
      clipHigh: knob("clipHigh"),
      kl: knob("klCoefficient"),
      ...(form.surrogate === "gated" && { gate: { positive: knob("gatePositive"), negative: knob("gateNegative") } }),
      ...(form.ratio === "sequence" && { sequences: sequencesOf(shape) }),
      ...(form.entropy === true && { entropy: { values: entropy(), coefficient: knob("entropyCoefficient") } })
    }, form)
    return { ...withGradients(loss, p, trainable, options), logprobs }
  }
}

type Given = readonly [
  config: Config.Config,
  shape: BatchShape,
  trainable: ReadonlyArray<string>,
  options?: TrainingOptions
]
type Objective = (...given: Given) => OnnxWriter.Program
export const supervised: Objective = (...given) => write(objectives.supervised(...given), given[3]?.frozen)
export const format: Objective = (...given) => write(objectives.format(...given), given[3]?.frozen)
export const groupRelative: Objective = (...given) => write(objectives.groupRelative(...given), given[3]?.frozen)

/** The vision tower alone: while it is frozen it runs once per image. */
export const visualFeatures = (
  config: Config.Config,
  shape: VisionLayout.VisionShape,
  lora?: Lora.Lora,
  frozen?: Frozen.Frozen
): OnnxWriter.Program => {
  const p = parameterInputs(config, lora, undefined, frozen)
  return write({ features: vision(config, p, visionInputs(config, shape)) }, frozen)
}
