/**
 * A model on this machine: where it is, what is put on it, what it is held and computed with.
 */
import { Option } from "effect"
import { Flag } from "effect/cli"
import { availableParallelism } from "node:os"
import { Precision } from "../../kernels/models/index.ts"
import { Runtime } from "../../kernels/runtime/index.ts"
import { directoryOf } from "../../policy/Embedded.ts"
import { embeddedModel } from "../embedded.ts"
import { above0, text, whole } from "../values.ts"

export const model = text("model", "DIR", "a directory").pipe(
  Flag.withAlias("m"),
  Flag.withDescription("A Hugging Face directory; default: the embedded checkpoint"),
  Flag.withDefault(embeddedModel),
  Flag.map(directoryOf)
)

export const device = Flag.Literals("device", ["cpu", "webgpu", "cuda"]).pipe(
  Flag.withDescription("Where graphs run; a device this machine has not is refused with what it has; default: cpu"),
  Flag.withDefault("cpu" as const)
)

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

/** The same for commands that ask one model, here or elsewhere. */
export const modelAsked = model.pipe(
  Flag.withDescription(
    "A Hugging Face directory, with --engine or --sampler the model as these call it; default: the embedded checkpoint"
  )
)

export const adapter = text("adapter", "DIR", "a directory").pipe(
  Flag.withDescription("A PEFT adapter to put on the model; default: none"),
  Flag.optional
)

/** The same for commands that also ask at an engine. */
export const adapterAsked = adapter.pipe(
  Flag.withDescription(
    "A PEFT adapter to put on the model, with --engine a folder that a run there has saved: its model/, or a stage " +
      "in its checkpoints/; default: none"
  )
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
