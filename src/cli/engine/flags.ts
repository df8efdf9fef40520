/**
 * Flags of work that is done elsewhere: an engine that trains, servers that draw.
 */
import { Option } from "effect"
import { Flag } from "effect/cli"
import * as Values from "../values.ts"

/** Addresses of servers that speak a protocol. */
const servers = (name: string, protocol: "tinker" | "vllm", description: string) =>
  Values.addresses(name, protocol).pipe(Flag.withDescription(description), Flag.optional)

const folder = (name: string, what: string, description: string) =>
  Values.text(name, "DIR", what).pipe(Flag.withDescription(description), Flag.optional)

/** Servers that draw, for commands that ask a model. */
export const sampler = servers(
  "sampler",
  "vllm",
  "Ask vLLM servers that hold the same model, --model NAME as they call it: as --remote, and texts are held to the " +
    "grammar there; the key is OPENAI_API_KEY of the environment; default: a model directory"
)

/** An engine that trains, for commands that ask what was trained there. */
export const asking = {
  engine: servers(
    "engine",
    "tinker",
    "Ask a model at an engine that speaks the Tinker protocol: --model is its name there, --adapter what a run " +
      "there has saved; the key is TINKER_API_KEY of the environment; default: a model directory"
  ),
  tokenizer: folder(
    "tokenizer",
    "a directory",
    "A Hugging Face directory of the engine's model, without weights; needed with --engine, default: none"
  )
}

/** Of commands that train. */
export const flags = {
  engine: servers(
    "engine",
    "tinker",
    "Train at an engine that speaks the Tinker protocol: --model is its name there, --lora the rank (default: 32; " +
      "0: all weights); the key is TINKER_API_KEY of the environment; default: on this machine"
  ),
  tokenizer: folder(
    "tokenizer",
    "a directory",
    "A Hugging Face directory with the tokenizer, chat template and image processor of the engine's model, without " +
      "weights; needed with --engine, default: none"
  ),
  sampler: servers(
    "sampler",
    "vllm",
    "Draw at vLLM servers with the engine's base model, and train at --engine; they are sent its adapter after " +
      "every update; default: the engine draws"
  ),
  adapters: folder(
    "adapters",
    "a folder",
    "A folder that this process writes adapters into and the --sampler servers read; needed with --sampler, " +
      "default: none"
  ),
  adaptersServed: folder(
    "adapters-served",
    "a folder",
    "The same folder as the servers see it; default: as --adapters"
  ),
  staleness: Values.whole("staleness", { least: 0, most: 2 ** 20 }).pipe(
    Flag.withDescription("Leave out texts that --sampler drew more than so many updates ago; default: 1"),
    Flag.optional
  ),
  reference: servers(
    "reference",
    "vllm",
    "What kl holds on to, with --engine: vLLM servers with the engine's base model, which score given texts; " +
      "default: the weights that a stage began with, in a second model at the engine"
  )
}

/** The flags, parsed; a command that has none of them does everything here. */
export interface Engine {
  /** One address. */
  readonly engine?: Option.Option<ReadonlyArray<string>>
  readonly tokenizer?: Option.Option<string>
  /** One address or several. */
  readonly sampler?: Option.Option<ReadonlyArray<string>>
  readonly adapters?: Option.Option<string>
  readonly adaptersServed?: Option.Option<string>
  readonly staleness?: Option.Option<number>
  /** One address or several. */
  readonly reference?: Option.Option<ReadonlyArray<string>>
}

/** Whether an engine trains. */
export const trains = ({ engine = Option.none() }: Engine): boolean => Option.isSome(engine)

/** The directory that is on this machine: the model's or, where an engine holds that, its tokenizer's. */
export const localOf = <F extends Engine & { readonly model: string }>(flags: F): F =>
  trains(flags) && flags.tokenizer !== undefined && Option.isSome(flags.tokenizer)
    ? { ...flags, model: flags.tokenizer.value }
    : flags
