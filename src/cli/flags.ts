/**
 * The flags that commands and examples share.
 */
import { Option, type Schema } from "effect"
import { Flag } from "effect/cli"
import { availableParallelism } from "node:os"
import { Scenes } from "../data/index.ts"
import { Precision } from "../kernels/models/index.ts"
import { Runtime } from "../kernels/runtime/index.ts"
import { forTask, Presets, type TaskName } from "../pipelines/index.ts"
import { directoryOf } from "../policy/Embedded.ts"
import { embeddedModel, isEmbedded, modelName } from "./embedded.ts"
import { sampler } from "./engine/flags.ts"
import { above0, from0, jsonObject, share, text, whole } from "./values.ts"

export const model = text("model", "DIR", "a directory").pipe(
  Flag.withAlias("m"),
  Flag.withDescription("A Hugging Face directory; default: the embedded checkpoint"),
  Flag.withDefault(embeddedModel),
  Flag.map(directoryOf)
)

export const data = text("data", "DIR", "a folder").pipe(
  Flag.withAlias("d"),
  Flag.withDescription(
    "A folder in the layout of the task's data set (docs/tasks.md), for soft labels train.csv and val.csv or " +
      "test.csv; default: the embedded scenes (synthetic)"
  ),
  Flag.optional
)

export const out = text("out", "DIR", "a folder").pipe(
  Flag.withAlias("o"),
  Flag.withDescription("The run folder; default: the next free runs/NAME"),
  Flag.optional
)

export const seed = whole("seed", { least: 0 }).pipe(
  Flag.withAlias("s"),
  Flag.withDescription("Every random draw is keyed by it; default: 0"),
  Flag.withDefault(0)
)

export const device = Flag.Literals("device", ["cpu", "webgpu", "cuda"]).pipe(
  Flag.withDescription("Where graphs run; a device this machine has not is refused with what it has; default: cpu"),
  Flag.withDefault("cpu" as const)
)

/** A server to ask instead of a model directory. */
export const remote = {
  remote: text("remote", "URL", "an address such as http://127.0.0.1:8000/v1").pipe(
    Flag.withDescription(
      "Ask an OpenAI-compatible server instead, by its address with /v1, or several with commas that serve the same; " +
        "the key is OPENAI_API_KEY of the environment; default: a model directory"
    ),
    Flag.optional
  ),
  remoteModel: Flag.String("remote-model").pipe(
    Flag.withDescription("The model as that server calls it; needed with --remote, default: none"),
    Flag.withMetavar("NAME"),
    Flag.withDefault("")
  ),
  sampler
}

export interface Remote {
  /** One address, or several with commas. */
  readonly remote: Option.Option<string>
  readonly remoteModel: string
  /** Whether the servers hold texts to grammars, as those of `--sampler` do. */
  readonly grammars?: boolean
}

/** What a server's requests hold beside the question. */
export const requests = {
  maxTokensField: Flag.Literals("max-tokens-field", ["max_tokens", "max_completion_tokens"]).pipe(
    Flag.withDescription(
      "How the server calls the limit of new tokens; default: max_tokens, the other where it refuses that"
    ),
    Flag.optional
  ),
  extra: jsonObject("extra").pipe(
    Flag.withDescription(
      "Fields of every request to the server, over all others; one that is null is left out; default: none"
    ),
    Flag.optional
  )
}

export interface Requests {
  readonly maxTokensField: Option.Option<"max_tokens" | "max_completion_tokens">
  readonly extra: Option.Option<Readonly<Record<string, Schema.Json>>>
}

export const trainable = Flag.Literals("trainable", ["decoder", "all"]).pipe(
  Flag.withDescription("decoder: the vision tower is frozen; all: it is trained too; default: as the preset has it"),
  Flag.optional
)

export const lora = whole("lora", { least: 1, most: 4096, metavar: "RANK" }).pipe(
  Flag.withDescription("Train a low-rank adapter of this rank instead of the model's own weights; default: none"),
  Flag.optional
)

/** The same for commands that also train at an engine. */
export const rank = whole("lora", { least: 0, most: 4096, metavar: "RANK" }).pipe(
  Flag.withDescription(
    "Train a low-rank adapter of this rank instead of the model's own weights; default: none, with --engine 32; 0, " +
      "with --engine: all weights"
  ),
  Flag.optional
)

export const adapter = text("adapter", "DIR", "a directory").pipe(
  Flag.withDescription("A PEFT adapter to put on the model; default: none"),
  Flag.optional
)

/** What a large model needs to fit the machine. */
export const memory = {
  recompute: Flag.Boolean("recompute").pipe(
    Flag.withDescription(
      "Compute layers again for the backward pass instead of keeping them: less memory, the same gradients, a " +
        "forward pass more"
    ),
    Flag.withDefault(false)
  ),
  microTokens: whole("micro-tokens", { least: 1, most: 2 ** 24 }).pipe(
    Flag.withDescription("Tokens a worker trains on at a time; default: 16384"),
    Flag.optional
  ),
  memoryLimit: above0("memory-limit", "GIB").pipe(
    Flag.withDescription(
      "Refuse to start when a training step would hold more than so many GiB, and say what to change; default: none"
    ),
    Flag.optional
  ),
  promptTokens: whole("prompt-tokens", { least: 1, most: 2 ** 20 }).pipe(
    Flag.withDescription(
      "Tokens of the longest prompt, its image included, that --memory-limit counts with; default: 1024"
    ),
    Flag.withDefault(1024)
  )
}

/** How weights that are not trained are read. */
export const frozen = {
  quantize: Flag.Literals("quantize", Precision.rounded).pipe(
    Flag.withDescription(
      "Round weights that are not trained (with --lora, or where nothing is trained) to 8 or 4 bits; default: none are"
    ),
    Flag.optional
  ),
  cache: text("cache", "DIR", "a folder").pipe(
    Flag.withDescription(
      "Folder for copies of weights that are mapped; default: RISE_CACHE, or the system's folder for caches"
    ),
    Flag.optional
  )
}

/** How weights that are not trained are read, as the flags say. */
export interface Frozen {
  readonly quantize: Option.Option<Precision.Rounded>
  readonly cache: Option.Option<string>
}

export const workers = whole("workers", {
  least: 1,
  most: Runtime.mostThreads,
  note: `4 for each of ${availableParallelism()} cores`
}).pipe(
  Flag.withAlias("w"),
  Flag.withDescription(
    "Worker threads that share the cores; fewer hold less memory; default: one a core, one on a GPU"
  ),
  Flag.optional
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

export const resume = Flag.Boolean("resume").pipe(
  Flag.withDescription("Go on where the run in --out was cut off; without --out, the newest runs/NAME"),
  Flag.withDefault(false)
)

/** When unfinished stages are kept on their way. What a run makes does not depend on it, and it may change. */
export const checkpoints = {
  checkpointSteps: whole("checkpoint-steps", { least: 0 }).pipe(
    Flag.withDescription(
      "Keep an unfinished stage every so many steps, for --resume to go on there; 0: not by steps; default: 100"
    ),
    Flag.optional
  ),
  checkpointMinutes: from0("checkpoint-minutes", "MINUTES").pipe(
    Flag.withDescription("The same every so many minutes, if that comes first; 0: not by minutes; default: 5"),
    Flag.optional
  )
}

export interface Checkpoints {
  readonly checkpointSteps: Option.Option<number>
  readonly checkpointMinutes: Option.Option<number>
}

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
  settings: JSON.parse(JSON.stringify(preset)),
  source: Option.getOrElse(flags.data, () => Scenes.World.title),
  model: modelName(flags.model),
  shots: Option.match(flags.shots, { onNone: () => "full", onSome: String }),
  device: flags.device,
  ...adapted(flags),
  equalCompute: flags.equalCompute
})
