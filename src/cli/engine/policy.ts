/**
 * The policy at an engine as flags describe it, and what can be said of it before anything is opened there.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Context, Effect, type FileSystem, Layer, Option, type Path, type Redacted, type Schema } from "effect"
import type { Presets } from "../../pipelines/index.ts"
import { environmentKey } from "../../policy/environmentKey.ts"
import { Policy, PolicyError } from "../../policy/index.ts"
import * as Policies from "../../policy/layers.ts"
import * as Options from "../../policy/tinker/Options.ts"
import * as Prompts from "../../policy/tinker/Prompts.ts"
import * as Reach from "../../policy/tinker/Reach.ts"
import * as Saved from "../../policy/tinker/Saved.ts"
import * as Settings from "../../policy/tinker/Settings.ts"
import type { Study } from "../flags.ts"
import { FlagError } from "../futile.ts"
import { notARun } from "../modelFolder.ts"
import type { Engine } from "./flags.ts"

export type Flags =
  & Engine
  & Pick<Study, "model" | "seed">
  & Partial<Pick<Study, "lora">>
  & { readonly adapter?: Option.Option<string> }

/** An engine that flags name, whole: they go together. */
export interface At {
  readonly baseUrl: string
  readonly model: string
  readonly tokenizer: string
  readonly rank: number
}

/** The engine that the flags name, if they name one. */
export const at = (
  { engine = Option.none(), lora = Option.none(), model, tokenizer = Option.none() }: Omit<Flags, "seed">
) =>
  Option.map(engine, ([baseUrl = ""]): At => ({
    baseUrl,
    model,
    tokenizer: Option.getOrElse(tokenizer, () => ""),
    rank: Option.getOrElse(lora, () => Settings.defaults.rank)
  }))

/** What run.json records: not where the engine is, which may move with its states. */
export const recorded = (flags: Omit<Flags, "seed">): Readonly<Record<string, Schema.Json>> =>
  Option.match(at(flags), {
    onNone: () => ({}),
    onSome: ({ rank }) => ({
      engine: "tinker",
      device: "engine",
      lora: rank,
      ...(Option.isSome(flags.sampler ?? Option.none()) && {
        sampler: "vllm",
        staleness: Option.getOrElse(flags.staleness ?? Option.none(), () => 1)
      }),
      ...(Option.isSome(flags.reference ?? Option.none()) && { reference: "vllm" })
    })
  })

/** Servers that draw what the engine learns from. */
const samplerOf = (flags: Flags, baseUrl: ReadonlyArray<string>) =>
  Policies.openai({ baseUrl, model: flags.model, seed: flags.seed, grammars: true })

/** Servers that score what a penalty holds on to. */
const referenceOf = (flags: Flags, baseUrl: ReadonlyArray<string>) =>
  Policies.openai({ baseUrl, model: flags.model, seed: flags.seed })

/** Names the flag that an option came from. */
const flagged = (flag: string) =>
  Effect.mapError(({ reason }: PolicyError) => new FlagError({ reason: `${flag}: ${reason}` }))

/** What is wrong with an address or a key, in words. */
export const wrongOptions = ({ baseUrl }: Pick<At, "baseUrl">, apiKey: Redacted.Redacted<string> | undefined) =>
  Options.checkOptions({ baseUrl, apiKey })?.replace(/^baseUrl/, "the address")

/** Addresses, key and directory: reads no weights, sends nothing. */
export const check = Effect.fnUntraced(function*(flags: Flags, { baseUrl, tokenizer }: At) {
  const apiKey = yield* environmentKey("TINKER_API_KEY")
  const wrong = wrongOptions({ baseUrl }, apiKey)
  if (wrong !== undefined) return yield* new FlagError({ reason: `--engine: ${wrong}` })
  const { reference = Option.none(), sampler = Option.none() } = flags
  if (Option.isSome(sampler)) {
    yield* Effect.scoped(Layer.build(samplerOf(flags, sampler.value))).pipe(flagged("--sampler"))
  }
  if (Option.isSome(reference)) {
    yield* Effect.scoped(Layer.build(referenceOf(flags, reference.value))).pipe(flagged("--reference"))
  }
  yield* notARun(tokenizer, "--tokenizer")
  const { readsPictures } = yield* Effect.mapError(
    Prompts.make(tokenizer, {}),
    ({ reason }) => new PolicyError({ operation: "load", reason: `--tokenizer ${reason}` })
  )
  if (readsPictures) return
  return yield* new PolicyError({
    operation: "load",
    reason: `--tokenizer ${tokenizer} is the directory of a model that reads no pictures (image_token_id in ` +
      "config.json, and preprocessor_config.json, would say how), and there is nothing else to learn from: name one " +
      "that does, as Qwen3-VL"
  })
})

/** An engine takes no weights from here: a folder has to say where they are there. */
const notSaved = (directory: string) => (cause: PolicyError) =>
  new PolicyError({
    operation: "load",
    reason: `--adapter ${directory} names no state at an engine (engine.json): it is asked there by the folder that ` +
      "a run there has saved, its model/, or a stage in its checkpoints/; without --engine an adapter goes on a " +
      "model that is here",
    cause
  })

/** What the engine says of itself. */
export const ask = Effect.fnUntraced(function*({ baseUrl }: Pick<At, "baseUrl">) {
  const apiKey = yield* environmentKey("TINKER_API_KEY")
  return yield* Reach.ask({ baseUrl, apiKey }).pipe(Effect.provide(NodeHttpClient.layerUndici))
})

/** Asks the engine whether it is there and serves the model: a second, where opening a session is patient. */
export const reach = Effect.fnUntraced(function*(at: Pick<At, "baseUrl" | "model">) {
  const { model } = at
  const said = yield* ask(at)
  if (said.models.length === 0 || said.models.includes(model)) return said
  return yield* new PolicyError({
    operation: "load",
    reason: `${said.shown} does not serve "${model}"; it serves ${
      said.models.join(", ")
    }: name one of them, --model NAME`
  })
})

/** Whether a penalty holds on to the weights that a stage began with. */
const holdsOn = ({ reinforce, rft }: Presets.Preset): boolean => [reinforce, rft].some((stage) => (stage.kl ?? 0) > 0)

/** Refuses a reference that no penalty of the settings holds on to. */
export const referenced = ({ reference = Option.none() }: Engine, preset: Presets.Preset) =>
  Option.isNone(reference) || holdsOn(preset) ? Effect.void : Effect.fail(
    new FlagError({
      reason: "--reference is what kl holds on to, and kl is 0 in reinforce and rft: leave it out, or set kl (--config)"
    })
  )

/** A model that is asked there and not trained: the base, or what a run there has saved. */
export const asked = (
  { adapter = Option.none(), seed }: Flags,
  { baseUrl, model, tokenizer }: At
): Layer.Layer<Policy, PolicyError, FileSystem.FileSystem | Path.Path> =>
  Layer.unwrap(Effect.gen(function*() {
    const rank = yield* Option.match(adapter, {
      onNone: () => Effect.succeed(undefined),
      onSome: (directory) => Effect.mapError(Saved.rankOf(directory), notSaved(directory))
    })
    const policy = Policies.tinker({ baseUrl, model, tokenizer, seed, ...(rank !== undefined && { rank }) })
    return Layer.tap(policy, (context) =>
      Effect.forEach(Option.toArray(adapter), (directory) =>
        Effect.gen(function*() {
          const policy = Context.get(context, Policy)
          yield* policy.revert(yield* policy.loadSnapshot(directory))
        })))
  }))

/** What a preset is trained with at the engine; one that has room for a single model needs no second where kl is 0. */
export const policy = (
  flags: Flags,
  { baseUrl, model, rank, tokenizer }: At,
  preset: Presets.Preset
): Layer.Layer<Policy, PolicyError> => {
  const trainer = Policies.tinker({
    baseUrl,
    model,
    tokenizer,
    rank,
    seed: flags.seed,
    reference: holdsOn(preset)
      ? Option.match(flags.reference ?? Option.none(), {
        onNone: () => "stage" as const,
        onSome: (baseUrl) => referenceOf(flags, baseUrl)
      })
      : undefined
  })
  const {
    adapters = Option.none(),
    adaptersServed = Option.none(),
    sampler = Option.none(),
    staleness = Option.none()
  } = flags
  return Option.match(sampler, {
    onNone: (): Layer.Layer<Policy, PolicyError> => trainer,
    onSome: (baseUrl) =>
      Policies.split({
        trainer,
        sampler: samplerOf(flags, baseUrl),
        ...Option.match(staleness, { onNone: () => ({}), onSome: (staleness) => ({ staleness }) }),
        ...Option.match(adapters, {
          onNone: () => ({}),
          onSome: (directory) => ({
            adapters: {
              directory,
              ...Option.match(adaptersServed, { onNone: () => ({}), onSome: (served) => ({ served }) })
            }
          })
        })
      })
  })
}
