/**
 * What a run will hold in memory, before it starts: counted from the very graphs that it will run.
 *
 * Images, rollouts and updates take turns, so the greatest of the three counts; weights, moments and gradients stay
 * throughout.
 *
 * @module
 */
import { Effect } from "effect"
import { rollout } from "../../kernels/generate/index.ts"
import { Memory } from "../../kernels/graph/index.ts"
import { type Config, Parameters, Precision, vision, visionInputs, VisionLayout } from "../../kernels/models/index.ts"
import { HostTensor } from "../../kernels/runtime/index.ts"
import { Frozen, Lora, LossGraphs } from "../../kernels/train/index.ts"
import * as DecodingWeights from "./DecodingWeights.ts"
import type { Grid } from "./Features.ts"
import * as GroupSlots from "./GroupSlots.ts"
import * as Images from "./Images.ts"
import * as MappedWeights from "./MappedWeights.ts"
import * as PackedBatches from "./PackedBatches.ts"
import * as Rollouts from "./Rollouts.ts"
import { roundUp } from "./roundUp.ts"
import { defaults, type Trainable } from "./Settings.ts"
import * as Tower from "./Tower.ts"

/**
 * One step of training: groups are sampled, and the policy is updated with them. Options from `mapWeights` on are the
 * policy's (`Policy.OnnxOptions`), with its defaults.
 */
export interface Workload {
  /** Tokens of the longest prompt, its visual tokens included. */
  readonly promptTokens: number
  /** Those of them that are visual. Default 0. */
  readonly visualTokens?: number
  /** Most tokens of a completion. */
  readonly newTokens: number
  /** Prompts of a step. */
  readonly prompts: number
  /** Candidates of a prompt, G. */
  readonly group: number
  /** Whether the update pays for entropy (`GroupRelative.entropy`). Default false. */
  readonly entropy?: boolean
  /** Worker threads. */
  readonly workers: number
  /** Default: the decoder's own weights are trained. */
  readonly lora?: Lora.Options | undefined
  /** Which of the model's own weights are trained. Default "decoder". */
  readonly trainable?: Trainable
  readonly mapWeights?: boolean
  readonly quantize?: Precision.Rounded
  readonly recompute?: boolean
  readonly microBatch?: number
  readonly microTokens?: number
  readonly rolloutRows?: number
  readonly packFrom?: readonly [number, number]
}

/** Bytes, by what they are for. */
export interface Plan {
  /** Node, onnxruntime and the workers themselves. */
  readonly process: number
  /**
   * The model's weights, in memory or as pages of the file that sessions map, and copies of them prepacked into rollout
   * sessions. Mapped pages count once, as the system holds them; RSS counts them for every session that has them
   * mapped.
   */
  readonly weights: number
  /** The copy of the weights, or of the adapter, that the KL penalty compares with; 0 where nothing is trained. */
  readonly reference: number
  /** The adapter's parameters. */
  readonly adapter: number
  /** Both moments of what is trained. */
  readonly optimizer: number
  /** Weights kept aside, to go back to: what a stage's selection or a divergence needs. */
  readonly snapshot: number
  /** Gradients where they are written, sent and summed. */
  readonly gradients: number
  /** Values that updates hold at once, on all workers. */
  readonly activations: number
  /** Keys, values and everything else that rollouts hold at once, on all workers. */
  readonly rollout: number
  /** Values of a frozen vision tower on its way through the prompts' images, on all workers. */
  readonly vision: number
  /** Their sum, with the greatest of activations, rollout and vision. */
  readonly total: number
}

/** Measured: Node with everything loaded and graphs being written, its first worker included; each further worker. */
const PROCESS = 265e6
const WORKER = 30e6
/** Measured: what an allocator loses between blocks, as a factor. */
const SLACK = 1.1
/** Copies of the weights while a prepacked session opens: as they are, and as products read them. */
const PREPACKED = 2

const bytes = (specs: ReadonlyArray<{ readonly shape: ReadonlyArray<number> }>): number =>
  4 * specs.reduce((n, { shape }) => n + HostTensor.size(shape), 0)

/** A square picture of at least so many visual tokens, as its grid of patches. */
const gridOf = ({ vision: { merge } }: Config.Config, visualTokens: number): Grid => {
  const side = Math.ceil(Math.sqrt(visualTokens)) * merge
  return [1, side, side]
}

const trainingShape = (
  config: Config.Config,
  workload: Required<Pick<Workload, "microBatch" | "microTokens">> & Workload,
  towerTrained: boolean
): { readonly shape: LossGraphs.BatchShape; readonly batches: number } => {
  const { group, microTokens, newTokens, promptTokens, prompts, visualTokens = 0 } = workload
  const tail = Math.max(1, newTokens - 1)
  const candidates = Math.min(group, Math.max(1, Math.floor((microTokens - promptTokens) / tail)))
  const longest = promptTokens + candidates * tail
  const slots = GroupSlots.shapeOf(promptTokens, candidates, tail)
  const groups = GroupSlots.isQuicker(slots, longest) ? slots : undefined
  const length = PackedBatches.padded.length(groups === undefined ? longest : longest + 1)
  const sequences = prompts * Math.ceil(group / candidates)
  const { each, size } = PackedBatches.batchOf(sequences, length, workload)
  const images = () => {
    const needed = VisionLayout.shapeFor(
      config.vision,
      Array.from({ length: each }, () => gridOf(config, visualTokens))
    )
    return { kind: "pixels" as const, ...needed, frames: Tower.imageSlots(needed.frames) }
  }
  const visual = visualTokens === 0 ?
    { kind: "none" as const }
    : towerTrained ?
    images()
    : { kind: "features" as const, rows: roundUp(each * visualTokens, 64) }
  const shape = {
    batch: size,
    length,
    rows: PackedBatches.padded.rows(each * candidates * newTokens),
    groups,
    visual,
    temperature: 1,
    grammarStates: undefined
  }
  return { shape, batches: Math.ceil(sequences / each) }
}

/** Bytes of parameters as a file stores them. */
const storedBytes = (specs: ReadonlyArray<Parameters.ParameterSpec>, { quantized }: Frozen.Frozen): number =>
  specs.reduce((n, { name, shape }) => {
    const quantization = quantized.get(name)
    const [out = 0, inner = 0] = shape
    return n +
      (quantization === undefined
        ? bytes([{ shape }])
        : out * (Frozen.rowBytes(inner, quantization) + 4 * Math.ceil(inner / quantization.block)))
  }, 0)

/**
 * What the weights take in memory, and once more for every session that prepacks them. Of a mapped file pages count
 * once, as the system holds them, and of tower and decoder the greater part, for they are not mapped at one time.
 */
const weightsOf = (
  specs: ReadonlyArray<Parameters.ParameterSpec>,
  frozen: Frozen.Frozen | undefined,
  copies: number,
  whole: boolean
) => {
  if (frozen === undefined) return bytes(specs) * (1 + copies)
  const [decoder, tower] = [
    specs.filter(({ part }) => part === "decoder"),
    specs.filter(({ part }) => part === "vision")
  ]
  const mapped = [storedBytes(decoder, frozen), storedBytes(tower, frozen)] as const
  const prepacked = storedBytes(decoder.filter(({ name }) => frozen.quantized.has(name)), frozen)
  return (whole ? mapped[0] + mapped[1] : Math.max(...mapped)) + copies * prepacked
}

/** What the workload takes of a model. A prompt's visual tokens count as one image. */
export const estimate = Effect.fn("MemoryPlan.estimate")(function*(config: Config.Config, given: Workload) {
  const workload = { ...defaults, ...given }
  const {
    group,
    newTokens,
    packFrom,
    promptTokens,
    prompts,
    trainable = defaults.trainable,
    visualTokens = 0,
    workers
  } = workload
  const lora = workload.lora === undefined ? undefined : yield* Lora.make(config, workload.lora)
  const specs = Parameters.specs(config)
  const trained = lora === undefined
    ? specs.filter(({ part }) => trainable === "all" || trainable === part)
    : Lora.specs(config, lora)
  const changing = bytes(trained)
  const mapped = (lora !== undefined || trainable === "none") && MappedWeights.isWanted(config, workload)
  const frozen: Frozen.Frozen | undefined = mapped
    ? { quantized: Precision.quantizations(config, workload.quantize ?? "float32"), initializers: new Map() }
    : undefined
  const quantized = frozen !== undefined && frozen.quantized.size > 0
  // A product with integers that are not prepacked writes its matrix out first.
  const scratch = quantized ? Math.max(...specs.map((spec) => frozen.quantized.has(spec.name) ? bytes([spec]) : 0)) : 0
  const towerTrained = lora?.modules.some((name) => name.startsWith("visual.")) ?? trainable === "all"

  const { batches, shape } = trainingShape(config, workload, towerTrained)
  const outputs = LossGraphs.objectives.groupRelative(config, shape, trained.map(({ name }) => name), {
    lora,
    recompute: workload.recompute ?? false,
    frozen,
    form: { entropy: workload.entropy ?? false }
  })
  const activations = trainable === "none"
    ? 0
    : SLACK * Math.min(workers, batches) * (scratch + Memory.peak(Object.values(outputs)))

  const grid = gridOf(config, visualTokens)
  const chunk = Images.chunkOf(grid)
  const towerShape = VisionLayout.shapeFor(config.vision, Array.from({ length: chunk }, () => grid))
  const looking = visualTokens === 0 ? 0 : SLACK * Math.min(workers, Math.ceil(prompts / chunk)) *
    (scratch +
      Memory.peak([
        vision(config, LossGraphs.parameterInputs(config, lora, undefined, frozen), visionInputs(config, towerShape))
      ]))

  const dealt = Rollouts.batchOf(prompts, group, workload)
  const sampled = rollout(config, LossGraphs.parameterInputs(config, lora, undefined, frozen), {
    prompts: dealt.prompts,
    group: dealt.count,
    length: roundUp(promptTokens, 16),
    newTokens: roundUp(newTokens, 8),
    visualRows: visualTokens === 0 ? 0 : roundUp(visualTokens * dealt.prompts, 16),
    positions: promptTokens + newTokens + 1,
    endOfTurn: 0,
    sampling: { greedy: false, nucleus: false },
    grammarStates: undefined
  })
  const decoding = SLACK * Math.min(workers, Math.ceil(prompts * dealt.parts / dealt.prompts)) *
    Memory.peak(Object.values(sampled), { growing: roundUp(newTokens, 8) })

  const count = bytes(specs) / 4
  const isPrepacked = mapped ? quantized : DecodingWeights.isPrepacked(count, newTokens, packFrom)
  // Mapped, the copy is prepacked from pages that are counted anyway.
  const copies = isPrepacked ? (mapped ? 1 : PREPACKED) * workers : 0
  const parts = {
    process: PROCESS + WORKER * (workers - 1),
    weights: weightsOf(specs, frozen, copies, towerTrained),
    reference: trainable === "none" ? 0 : lora === undefined ? bytes(specs) : changing,
    adapter: lora === undefined ? 0 : changing,
    optimizer: 2 * changing,
    snapshot: trainable === "none" ? 0 : changing,
    // Written by onnxruntime (counted there), handed over in a copy, kept, and summed up where there are several.
    gradients: Math.min(workers, batches) * changing * (batches > workers ? 3 : 2),
    activations,
    rollout: decoding,
    vision: looking
  }
  const { activations: training, rollout: rolling, vision: seeing, ...fixed } = parts
  const plan: Plan = {
    ...parts,
    total: Object.values(fixed).reduce((n, part) => n + part, 0) + Math.max(training, rolling, seeing)
  }
  return plan
})
