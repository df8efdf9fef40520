/**
 * The flags that commands and examples share.
 */
import { fileURLToPath } from "node:url"
import { Option, Schema } from "effect"
import { Flag } from "effect/cli"
import { forTask, Presets, type TaskName } from "../pipelines/index.ts"

/** The checkpoint that ships with the package. */
export const embeddedModel = fileURLToPath(new URL("../../assets/scene-vl", import.meta.url))

const positive = Schema.Int.pipe(Schema.check(Schema.isGreaterThan(0)))

export const model = Flag.String("model").pipe(
  Flag.withDescription("A Hugging Face directory; default: the embedded checkpoint"),
  Flag.withMetavar("DIR"),
  Flag.withDefault(embeddedModel)
)

export const data = Flag.String("data").pipe(
  Flag.withDescription("A folder in the layout of the task's data set (docs/tasks.md), for soft labels train.csv and val.csv or test.csv; default: the embedded scenes (synthetic)"),
  Flag.withMetavar("DIR"),
  Flag.optional
)

export const out = Flag.String("out").pipe(
  Flag.withDescription("The run folder; default: the next free runs/NAME"),
  Flag.withMetavar("DIR"),
  Flag.optional
)

export const seed = Flag.Int("seed").pipe(Flag.withDescription("Every random draw is keyed by it"), Flag.withDefault(0))

export const device = Flag.Literals("device", ["cpu", "webgpu", "cuda"]).pipe(
  Flag.withDescription("Where graphs run; a device this machine has not is refused with what it has"),
  Flag.withDefault("cpu" as const)
)

/** A server to ask instead of a model directory. */
export const remote = {
  remote: Flag.String("remote").pipe(
    Flag.withDescription("Ask an OpenAI-compatible server instead, by its address with /v1; the key is OPENAI_API_KEY of the environment"),
    Flag.withMetavar("URL"),
    Flag.optional
  ),
  remoteModel: Flag.String("remote-model").pipe(
    Flag.withDescription("The model as that server calls it"),
    Flag.withMetavar("NAME"),
    Flag.withDefault("")
  )
}

export interface Remote {
  readonly remote: Option.Option<string>
  readonly remoteModel: string
}

export const trainable = Flag.Literals("trainable", ["decoder", "all"]).pipe(
  Flag.withDescription("decoder: the vision tower is frozen; all: it is trained too; default: as the preset has it"),
  Flag.optional
)

export const lora = Flag.Int("lora").pipe(
  Flag.withSchema(positive),
  Flag.withDescription("Train a low-rank adapter of this rank instead of the model's own weights; default: none"),
  Flag.withMetavar("RANK"),
  Flag.optional
)

export const adapter = Flag.String("adapter").pipe(
  Flag.withDescription("A PEFT adapter to put on the model; default: none"),
  Flag.withMetavar("DIR"),
  Flag.optional
)

export const preset = Flag.Literals("preset", ["quick", "full", "photos", "paper", "smoke"]).pipe(
  Flag.withDescription(
    "quick: minutes; full: the embedded study; photos: the embedded checkpoint on pictures of your own; " +
      "paper: the paper's hyper-parameters, for a model of its size; smoke: seconds, to see that it runs. Default: photos with --data and no --model, else quick"
  ),
  Flag.optional
)

export const resume = Flag.Boolean("resume").pipe(Flag.withDescription("Continue after the last finished stage of --out"), Flag.withDefault(false))

export const shots = Flag.Int("shots").pipe(
  Flag.withSchema(positive),
  Flag.withDescription("Training samples per class, for lisa in all; default: all"),
  Flag.withMetavar("N"),
  Flag.optional
)

export const equalCompute = Flag.Boolean("equal-compute").pipe(
  Flag.withDescription("Also give the baselines all of RISE's optimiser steps"),
  Flag.withDefault(false)
)

export const noWarmUp = Flag.Boolean("no-warm-up").pipe(Flag.withDescription("Start every method from the base as it is"), Flag.withDefault(false))

/** What a study is told. */
export const study = { data, model, out, preset, seed, device, trainable, lora, resume, shots, equalCompute, noWarmUp }

export interface Study {
  readonly data: Option.Option<string>
  readonly model: string
  readonly out: Option.Option<string>
  readonly preset: Option.Option<Presets.PresetName>
  readonly seed: number
  readonly device: "cpu" | "webgpu" | "cuda"
  readonly trainable: Option.Option<"decoder" | "all">
  readonly lora: Option.Option<number>
  readonly resume: boolean
  readonly shots: Option.Option<number>
  readonly equalCompute: boolean
  readonly noWarmUp: boolean
}

/** Whether the checkpoint that ships with the package is asked. */
export const isEmbedded = ({ model }: Pick<Study, "model">): boolean => model === embeddedModel

/** The preset as the flags ask for it, and as a task needs it. */
export const settings = (flags: Pick<Study, "data" | "model" | "noWarmUp" | "preset" | "trainable">, task?: TaskName): Presets.Preset => {
  const name = Option.getOrElse(flags.preset, () => Option.isSome(flags.data) && isEmbedded(flags) ? "photos" : "quick")
  const preset: Presets.Preset = Presets.presets[name]
  const { warmUp, ...rest } = task === undefined ? preset : forTask(task, preset)
  return {
    ...rest,
    ...(flags.noWarmUp || warmUp === undefined ? {} : { warmUp }),
    trainable: Option.getOrElse(flags.trainable, () => rest.trainable ?? "decoder")
  }
}

/** What run.json records of the flags: everything that changes results. */
export const recorded = (flags: Study, task?: TaskName): Readonly<Record<string, Schema.Json>> => ({
  preset: settings(flags).name,
  settings: JSON.parse(JSON.stringify(settings(flags, task))),
  source: Option.getOrElse(flags.data, () => "embedded scenes (synthetic)"),
  model: flags.model === embeddedModel ? "embedded scene-vl" : flags.model,
  shots: Option.match(flags.shots, { onNone: () => "full", onSome: String }),
  device: flags.device,
  ...Option.match(flags.lora, { onNone: () => ({}), onSome: (rank) => ({ lora: rank }) }),
  equalCompute: flags.equalCompute
})
