/**
 * What a run with a preset holds in memory at most, counted from the very graphs that it will run.
 */
import { Effect } from "effect"
import { Batching } from "../dsl/stages/Sampling.ts"
import { filled, filledStage, type GrpoOptions, lengths, type TrainOptions } from "../dsl/stages/Settings.ts"
import { Config, Parameters } from "../kernels/models/index.ts"
import { ModelDirectory } from "../kernels/weights/index.ts"
import { directoryOf } from "../policy/Embedded.ts"
import { MemoryPlan } from "../policy/index.ts"
import type { Method } from "./budget.ts"
import type { Subject } from "./facts.ts"
import * as Presets from "./Presets.ts"
import { type PromptSizes, promptSizes } from "./promptSizes.ts"

/** What a run holds, by what it is for: the policy's plan, and what stages and policy keep beside it. Bytes. */
export interface Memory extends MemoryPlan.Plan {
  /**
   * Visual tokens of pictures, and their pixels where the tower is trained: kept up to 256 MiB of each, and up to half
   * of that besides of pictures that `augment` changes.
   */
  readonly pictures: number
  /** Copies of the weights that are trained, while a stage keeps the best of them. */
  readonly selection: number
  /** Graphs of the shapes that training and drawing meet, opened and kept. */
  readonly sessions: number
}

/** How a policy is made, as far as it tells what is held. */
export type How = Pick<MemoryPlan.Workload, "lora" | "microTokens" | "quantize" | "recompute" | "workers">

/** A run, as far as it tells what is held. */
export interface Run<A, E, R> extends Pick<Subject<A, E, R>, "data" | "model" | "task"> {
  readonly preset: Presets.Preset
  readonly methods: ReadonlyArray<Method>
  /** Different pictures of both halves. */
  readonly pictures: number
  readonly how: How
}

type Step = Pick<MemoryPlan.Workload, "entropy" | "group" | "newTokens" | "prompts" | "promptTokens" | "visualTokens">

/** A step of each training stage, and a pass of draws. */
const stepsOf = (
  { methods, preset }: Pick<Run<never, never, never>, "methods" | "preset">,
  sizes: PromptSizes,
  atOnce: number
) => {
  const { evaluate, generate, reconstruct, reinforce, rft, sft, warmUp } = preset
  const { maxTokens: chain = lengths.reasoning } = generate
  const { maxTokens: whole = lengths.thinkAnswer } = rft
  // What rebuilds a label quotes a reasoning.
  const longest = { ...sizes, promptTokens: sizes.promptTokens + chain }
  const supervised = (stage: typeof sft | NonNullable<typeof warmUp>): Step => ({
    ...longest,
    prompts: filledStage(stage).batchSize,
    group: 1,
    newTokens: stage.maxTokens ?? lengths.thinkAnswer
  })
  const { candidates } = filledStage(generate)
  const { groupSize } = filledStage(rft)
  const has = (...some: ReadonlyArray<Method>) => methods.some((method) => some.includes(method))
  const trained: ReadonlyArray<Step> = [
    ...(warmUp === undefined ? [] : [supervised(warmUp)]),
    ...(has("SFT", "RISE") ? [supervised(sft)] : []),
    ...(has("Visual-RFT", "RISE")
      ? [{
        ...sizes,
        prompts: filled(rft).promptsPerStep,
        group: groupSize,
        newTokens: whole,
        entropy: filled(rft).entropy > 0
      }]
      : []),
    ...(has("RISE")
      ? [chain, reconstruct.maxTokens ?? lengths.annotation].map((newTokens) => ({
        ...longest,
        prompts: filled(reinforce).promptsPerStep,
        group: candidates,
        newTokens,
        entropy: filled(reinforce).entropy > 0
      }))
      : [])
  ]
  const drawn: ReadonlyArray<Step> = [
    { ...sizes, prompts: atOnce, group: 1, newTokens: evaluate.maxTokens },
    ...(has("RISE") ? [{ ...longest, prompts: atOnce, group: candidates, newTokens: chain }] : [])
  ]
  return { trained, drawn }
}

/** Measured: what a command of ours holds less than another process, for it keeps the nursery small (`Nursery`). */
const smallNursery = 120e6

/** Sessions that a worker keeps of a policy. */
const keptSessions = 24

/** Measured: what an open session of a graph takes for each layer, weights and activations aside. */
const sessionLayer = 3e6

/** A training stage, and how many samples a step of it takes. */
interface TrainingStage {
  readonly settings: TrainOptions
  readonly samples: number
}

/** The training stages of a method, of RISE where it is among them. */
const stagesOf = (
  { methods, preset }: Pick<Run<never, never, never>, "methods" | "preset">
): ReadonlyArray<TrainingStage> => {
  const supervised = (settings: typeof sft | NonNullable<typeof warmUp>) => (
    { settings, samples: filledStage(settings).batchSize }
  )
  const grouped = (settings: GrpoOptions) => ({ settings, samples: filled(settings).promptsPerStep })
  const { reinforce, rft, sft, warmUp } = preset
  return [
    ...(warmUp === undefined ? [] : [supervised(warmUp)]),
    ...(methods.includes("RISE")
      ? [grouped(reinforce), supervised(sft), grouped(rft)]
      : [methods.includes("SFT") ? supervised(sft) : grouped(rft)])
  ]
}

/** Pictures that are changed to be learned from: each draw is another one. */
const changedIn = (run: Pick<Run<never, never, never>, "methods" | "preset">): number =>
  stagesOf(run).reduce((all, { samples, settings }) => {
    const { augment } = settings
    return augment === undefined || augment === null ? all : all + filled(settings).steps * samples
  }, 0)

/** Sessions of a policy that a worker opens: about one a stage, and more the more steps there are. Measured. */
const opened = (run: Pick<Run<never, never, never>, "methods" | "preset">): number => {
  const stages = stagesOf(run)
  const steps = stages.reduce((all, { settings }) => all + filled(settings).steps, 0)
  return Math.min(keptSessions, 0.75 * stages.length + steps / 15)
}

const most = (plans: ReadonlyArray<MemoryPlan.Plan>, part: keyof MemoryPlan.Plan): number =>
  Math.max(0, ...plans.map((plan) => plan[part]))

/** Most bytes that a policy keeps of visual tokens, and of pixels. */
const kept = 256 * 2 ** 20

const product = (shape: ReadonlyArray<number>): number => shape.reduce((all, side) => all * side, 1)

const sum = (parts: Readonly<Record<string, number>>): number => Object.values(parts).reduce((n, part) => n + part, 0)

/**
 * What a run of `rise train` holds at most. Methods take turns, each in a policy of its own, and so do stages: the
 * greatest of their steps counts. No weights are read; prompts are those of the first samples.
 */
export const memory = Effect.fn("Pipelines.memory")(function*<A, E, R>(run: Run<A, E, R>) {
  const { how, methods, model, pictures, preset } = run
  const directory = yield* ModelDirectory.open(directoryOf(model))
  const config = yield* Config.fromJson(directory.config, directory.path)
  const sizes = yield* promptSizes(run)
  const { visualTokens } = sizes
  const trainable = Presets.trainableOf(preset)
  const { drawn, trained } = stepsOf({ methods, preset }, sizes, (yield* Batching).prompts)
  const estimate = (step: Step) => MemoryPlan.estimate(config, { ...how, ...step, trainable })
  const training = yield* Effect.forEach(trained, estimate)
  // Nothing is trained on what a pass draws: only its draws count.
  const drawing = yield* Effect.forEach(drawn, estimate)
  const fixed = {
    process: Math.max(0, most(training, "process") - smallNursery),
    weights: most([...training, ...drawing], "weights"),
    reference: most(training, "reference"),
    adapter: most(training, "adapter"),
    optimizer: most(training, "optimizer"),
    gradients: most(training, "gradients"),
    snapshot: most(training, "snapshot")
  }
  const taken = {
    activations: most(training, "activations"),
    rollout: most([...training, ...drawing], "rollout"),
    vision: most([...training, ...drawing], "vision")
  }
  const { merge, patch } = config.vision
  const pixels = 3 * visualTokens * (merge * patch) ** 2
  const towerTrained = trainable === "all"
  const changed = changedIn({ methods, preset })
  const keptOf = (bytes: number) => Math.min(kept, pictures * bytes) + Math.min(kept / 2, changed * bytes)
  const beside = {
    pictures: keptOf(4 * visualTokens * Config.visualWidth(config)) + (towerTrained ? keptOf(pixels) : 0),
    sessions: how.workers * opened({ methods, preset }) * sessionLayer * (config.layers + config.vision.depth),
    selection: !stagesOf({ methods, preset }).some(({ settings: { select } }) =>
        select !== undefined && select !== null
      )
      ? 0
      : 2 * (how.lora === undefined ?
        4 * Parameters.specs(config).reduce((n, { shape }) => n + product(shape), 0)
        : fixed.adapter)
  }
  const found: Memory = {
    ...fixed,
    ...taken,
    ...beside,
    total: sum(fixed) + sum(beside) + Math.max(...Object.values(taken))
  }
  return found
})
