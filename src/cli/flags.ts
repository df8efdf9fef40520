/**
 * The flags that commands and examples share, and the study that they describe.
 */
import { Option, type Schema } from "effect"
import { Flag } from "effect/cli"
import { Scenes } from "../data/index.ts"
import * as Plain from "../dsl/Plain.ts"
import { forTask, Presets, type TaskName } from "../pipelines/index.ts"
import { isEmbedded, modelName } from "./embedded.ts"
import { device, type Frozen, frozen, lora, memory, model, trainable, workers } from "./flags/model.ts"
import { type Checkpoints, checkpoints, out, resume, seed } from "./flags/run.ts"
import { share, text, whole } from "./values.ts"

export * from "./flags/model.ts"
export * from "./flags/run.ts"
export * from "./flags/server.ts"

export const data = text("data", "DIR", "a folder").pipe(
  Flag.withAlias("d"),
  Flag.withDescription(
    "A folder in the layout of the task's data set (docs/tasks.md), for soft labels train.csv and val.csv or " +
      "test.csv; default: the embedded scenes (synthetic)"
  ),
  Flag.optional
)

export const difficulty = share("difficulty", "D").pipe(
  Flag.withDescription(
    "How hard the embedded scenes are to read, from 0 to 1; at 0.35 a fourth of what the base names is not there; " +
      "default: 0"
  ),
  Flag.withDefault(0)
)

export const tau = share("tau", "T").pipe(
  Flag.withDescription("Least reward of a chain to be trained on; default: as the preset has it"),
  Flag.optional
)

export const preset = Flag.Literals("preset", ["smoke", "quick", "full", "photos", "paper"]).pipe(
  Flag.withDescription(
    "smoke: a few steps on a few samples, to see that a model goes through; quick: minutes; full: the embedded " +
      "study; photos: the embedded checkpoint on pictures of your own; " +
      "paper: the paper's hyper-parameters, for a model of its size. Default: photos with --data and no " +
      "--model, else quick"
  ),
  Flag.optional
)

export const shots = whole("shots", { least: 1 }).pipe(
  Flag.withDescription("Training samples per class, for lisa in all; default: all"),
  Flag.optional
)

export const equalCompute = Flag.Boolean("equal-compute").pipe(
  Flag.withDescription("Also give the baselines all of RISE's optimiser steps"),
  Flag.withDefault(false)
)

export const noWarmUp = Flag.Boolean("no-warm-up").pipe(
  Flag.withDescription("Start every method from the base as it is"),
  Flag.withDefault(false)
)

/** What a study is told. */
export const study = {
  data,
  difficulty,
  model,
  out,
  preset,
  seed,
  device,
  workers,
  trainable,
  lora,
  ...frozen,
  ...memory,
  tau,
  resume,
  ...checkpoints,
  shots,
  equalCompute,
  noWarmUp
}

/** The flags of a study, parsed. Options that were left out are None; `--help` says what each means. */
export interface Study extends Frozen, Checkpoints {
  /** Folder in the layout of the task's data set; None: the embedded scenes. */
  readonly data: Option.Option<string>
  /** How hard the embedded scenes are to read, in [0, 1]. */
  readonly difficulty: number
  /** A Hugging Face directory, by its path, or the embedded checkpoint. */
  readonly model: string
  /** The run folder; None: the next free `runs/NAME`. */
  readonly out: Option.Option<string>
  /** Name of the preset; None: as `settings` chooses. */
  readonly preset: Option.Option<Presets.PresetName>
  readonly seed: number
  readonly device: "cpu" | "webgpu" | "cuda"
  readonly workers: Option.Option<number>
  /** What is trained of the model; None: as the preset has it. */
  readonly trainable: Option.Option<"decoder" | "all">
  /** Rank of the adapter; None: the model's own weights are trained. */
  readonly lora: Option.Option<number>
  readonly recompute: boolean
  /** Tokens a worker trains on at a time. */
  readonly microTokens: Option.Option<number>
  /** Most memory that a training step may hold, in GiB. */
  readonly memoryLimit: Option.Option<number>
  /** Tokens of the longest prompt, its image included, for `memoryLimit`. */
  readonly promptTokens: number
  /** Least reward of a chain to be trained on; None: as the preset has it. */
  readonly tau: Option.Option<number>
  readonly resume: boolean
  /** Training samples per class; None: all. */
  readonly shots: Option.Option<number>
  /** Whether the baselines are given all of RISE's optimiser steps, too. */
  readonly equalCompute: boolean
  /** Whether every method starts from the base as it is. */
  readonly noWarmUp: boolean
}

/** The preset as the flags ask for it, and as a task needs it. */
export const settings = (
  flags: Pick<Study, "data" | "model" | "noWarmUp" | "preset" | "trainable"> & Partial<Pick<Study, "tau">>,
  task?: TaskName
): Presets.Preset => {
  const name = Option.getOrElse(flags.preset, () => Option.isSome(flags.data) && isEmbedded(flags) ? "photos" : "quick")
  const preset: Presets.Preset = Presets.presets[name]
  const { warmUp, ...rest } = task === undefined ? preset : forTask(task, preset)
  return {
    ...rest,
    ...(flags.noWarmUp || warmUp === undefined ? {} : { warmUp }),
    filter: Option.match(flags.tau ?? Option.none(), {
      onNone: () => rest.filter,
      onSome: (tau) => ({ ...rest.filter, tau })
    }),
    trainable: Option.getOrElse(flags.trainable, () => Presets.trainableOf(rest))
  }
}

/** What run.json records of how weights are adapted and rounded. */
export const adapted = (
  { lora, quantize }: Pick<Study, "lora" | "quantize">
): Readonly<Record<string, Schema.Json>> => ({
  ...Option.match(lora, { onNone: () => ({}), onSome: (rank) => ({ lora: rank }) }),
  ...Option.match(quantize, { onNone: () => ({}), onSome: (quantize) => ({ quantize }) })
})

/** What run.json records of the flags and of the settings that came of them: everything that changes results. */
export const recorded = (flags: Study, preset: Presets.Preset): Readonly<Record<string, Schema.Json>> => ({
  preset: preset.name,
  settings: Plain.settings(preset),
  source: Option.getOrElse(flags.data, () => Scenes.titleAt(flags.difficulty)),
  model: modelName(flags.model),
  shots: Option.match(flags.shots, { onNone: () => "full", onSome: String }),
  device: flags.device,
  ...adapted(flags),
  equalCompute: flags.equalCompute
})
