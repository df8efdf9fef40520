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

const withEngine = (flags: Flags): Effect.Effect<void, FlagError> =>
  Effect.gen(function*() {
    const fail = (reason: string) => Effect.fail(new FlagError({ reason }))
    if (Option.exists(flags.engine ?? Option.none(), (addresses) => addresses.length > 1)) {
      return yield* fail("--engine is one address: a model is trained at one engine (several draw: --sampler vllm=…)")
    }
    if (isEmbedded(flags)) {
      return yield* fail("--engine trains a model that it holds: name it as the engine calls it, --model NAME")
    }
    if (Option.isNone(asked(flags.tokenizer))) {
      return yield* fail(
        "--engine is sent token ids and pictures: name a Hugging Face directory of the model, --tokenizer DIR (no " +
          "weights: hf download ORGANISATION/MODEL --exclude \"*.safetensors\" --local-dir DIR)"
      )
    }
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

/** Refuses what means nothing with an engine, or without one. */
export const together = (flags: Flags): Effect.Effect<void, FlagError> =>
  Option.isSome(asked(flags.engine)) ? withEngine(flags) : Effect.andThen(
    refuse({
      "--sampler": asked(flags.sampler),
      "--adapters": asked(flags.adapters),
      "--adapters-served": asked(flags.adaptersServed),
      "--staleness": asked(flags.staleness),
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
