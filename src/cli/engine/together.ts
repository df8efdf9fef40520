/**
 * Which flags go with an engine: none is ignored.
 */
import { Effect, Option } from "effect"
import { isEmbedded } from "../embedded.ts"
import type { Study } from "../flags.ts"
import { FlagError, refuse } from "../futile.ts"
import type { Engine } from "./flags.ts"

type Flags =
  & Engine
  & Pick<Study, "model">
  & Partial<
    Pick<Study, "cache" | "device" | "lora" | "memoryLimit" | "microTokens" | "quantize" | "recompute" | "trainable">
  >
  & Partial<Pick<Study, "workers">>
  & { readonly budget?: Option.Option<unknown> }

const asked = (flag: Option.Option<unknown> = Option.none()) => flag

/** Flags of this machine, and why each means nothing where an engine computes. */
const here = (flags: Flags) =>
  refuse({
    "--quantize": asked(flags.quantize),
    "--cache": asked(flags.cache),
    "--recompute": flags.recompute ?? false,
    "--micro-tokens": asked(flags.microTokens),
    "--memory-limit": asked(flags.memoryLimit),
    "--workers": asked(flags.workers),
    "--device": flags.device !== undefined && flags.device !== "cpu",
    "--trainable": asked(flags.trainable),
    "--budget": asked(flags.budget)
  }, (flag) =>
    flag === "--trainable"
      ? "--trainable chooses among the weights of a model that is here; an engine trains an adapter, --lora RANK, or " +
        "all weights, --lora 0: leave --trainable out"
      : flag === "--budget"
      ? "--budget measures this machine, and --engine computes elsewhere: leave it out, and set steps (--steps-sft, " +
        "--steps-rft, or --config)"
      : `${flag} is for a model on this machine, and --engine computes elsewhere: leave one of them out`)

const fail = (reason: string) => Effect.fail(new FlagError({ reason }))

/** What every command needs to know of an engine. */
const named = (flags: Flags) =>
  Option.exists(flags.engine ?? Option.none(), (addresses) => addresses.length > 1)
    ? fail("--engine is one address: a model is trained at one engine (several draw: --sampler vllm=…)")
    : isEmbedded(flags)
    ? fail("--engine holds the model: name it as the engine calls it, --model NAME")
    : Option.isNone(asked(flags.tokenizer))
    ? fail(
      "--engine is sent token ids and pictures: name a Hugging Face directory of the model, --tokenizer DIR (no " +
        "weights: hf download ORGANISATION/MODEL --exclude \"*.safetensors\" --local-dir DIR)"
    )
    : Effect.void

const withEngine = (flags: Flags): Effect.Effect<void, FlagError> =>
  Effect.gen(function*() {
    yield* named(flags)
    yield* here(flags)
    if (Option.isSome(asked(flags.sampler))) {
      if (Option.isNone(asked(flags.adapters))) {
        return yield* fail(
          "--sampler servers are told of new weights by files: give a folder that they read, --adapters DIR"
        )
      }
      return
    }
    yield* refuse({
      "--adapters": asked(flags.adapters),
      "--adapters-served": asked(flags.adaptersServed),
      "--staleness": asked(flags.staleness)
    }, (flag) => `${flag} is for servers that draw: name them, --sampler vllm=URL, or leave it out`)
  })

/** Flags of servers, which a model at an engine is not asked by. */
interface Servers {
  readonly remote?: Option.Option<unknown>
  readonly remoteModel?: string
  readonly extra?: Option.Option<unknown>
  readonly maxTokensField?: Option.Option<unknown>
}

/** Refuses what means nothing where a model at an engine is asked. */
export const asking = (flags: Flags & Servers): Effect.Effect<void, FlagError> =>
  named(flags).pipe(
    Effect.andThen(here(flags)),
    Effect.andThen(refuse({
      "--remote": asked(flags.remote),
      "--remote-model": (flags.remoteModel ?? "") !== "",
      "--sampler": asked(flags.sampler),
      "--extra": asked(flags.extra),
      "--max-tokens-field": asked(flags.maxTokensField)
    }, (flag) => `${flag} is for servers of the OpenAI protocol, and --engine names another: leave one of them out`))
  )

/** Refuses what means nothing with an engine, or without one. */
export const together = (flags: Flags): Effect.Effect<void, FlagError> =>
  Option.isSome(asked(flags.engine)) ? withEngine(flags) : Effect.andThen(
    refuse({
      "--sampler": asked(flags.sampler),
      "--adapters": asked(flags.adapters),
      "--adapters-served": asked(flags.adaptersServed),
      "--staleness": asked(flags.staleness),
      "--reference": asked(flags.reference),
      "--tokenizer": asked(flags.tokenizer)
    }, (flag) =>
      flag === "--sampler"
        ? "--sampler draws for an engine that trains: give --engine tinker=URL too (a script draws there and trains " +
          "here: Policy.split, docs/engines.md)"
        : `${flag} is for an engine: give its address, --engine tinker=URL, or leave it out`),
    Option.contains(asked(flags.lora), 0)
      ? Effect.fail(new FlagError({ reason: "--lora is a whole number from 1 to 4096, got 0 (0 is for --engine)" }))
      : Effect.void
  )
