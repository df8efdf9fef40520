/**
 * The live policy as flags describe it.
 */
import { Effect, FileSystem, Layer, Option, Path } from "effect"
import type { Rise } from "../dsl/index.ts"
import type { Runtime } from "../kernels/runtime/index.ts"
import { Recorded, type WeightsError } from "../kernels/weights/index.ts"
import { type How, Presets } from "../pipelines/index.ts"
import { embedded } from "../policy/Embedded.ts"
import { shownAddress, withoutSlash } from "../policy/http/Address.ts"
import { OnnxPolicy, type Policy, type PolicyError } from "../policy/index.ts"
import * as Policies from "../policy/layers.ts"
import * as EngineFlags from "./engine/flags.ts"
import * as Engine from "./engine/policy.ts"
import * as EngineTogether from "./engine/together.ts"
import type { Remote, Requests, Study } from "./flags.ts"
import { FlagError, refuse } from "./futile.ts"
import { readable } from "./modelFolder.ts"

type Flags =
  & Pick<Study, "model" | "seed">
  & Partial<Pick<Study, "cache" | "device" | "lora" | "memoryLimit" | "microTokens" | "promptTokens" | "quantize">>
  & Partial<Pick<Study, "recompute" | "trainable" | "workers">>
  & Partial<Remote>
  & Partial<Requests>
  & EngineFlags.Engine
  & { readonly adapter?: Option.Option<string> }

/** The policy behind the server that the flags name, if they name one. */
const server = (flags: Flags) => {
  const { extra = Option.none(), maxTokensField = Option.none(), remote = Option.none() } = flags
  return Option.map(remote, (addresses) =>
    Policies.openai({
      baseUrl: addresses.split(",").map((address) => address.trim()),
      model: flags.remoteModel ?? "",
      grammars: flags.grammars ?? false,
      seed: flags.seed,
      ...Option.match(extra, { onNone: () => ({}), onSome: (extra) => ({ extra }) }),
      ...Option.match(maxTokensField, { onNone: () => ({}), onSome: (maxTokensField) => ({ maxTokensField }) })
    }))
}

/** The plan's prompt where no flag says otherwise. */
const promptTokensDefault = 1024

/** Flags that speak of a server, and those that speak of a directory, exclude each other: none is ignored. */
export const together = (flags: Flags): Effect.Effect<void, FlagError> => {
  const { extra = Option.none(), maxTokensField = Option.none(), remote = Option.none(), remoteModel = "" } = flags
  const { grammars = false, promptTokens = promptTokensDefault } = flags
  const by = grammars ? "--sampler" : "--remote"
  if (EngineFlags.trains(flags)) {
    // Commands that ask a model take addresses of servers, those that train do not.
    return flags.remote === undefined ? EngineTogether.together(flags) : EngineTogether.asking(flags)
  }
  if (Option.isNone(remote)) {
    const ofServers = refuse(
      { "--remote-model": remoteModel !== "", "--extra": extra, "--max-tokens-field": maxTokensField },
      (flag) => `${flag} is for a server: give its address as --remote URL`
    )
    const ofPlans = refuse(
      { "--prompt-tokens": Option.isNone(flags.memoryLimit ?? Option.none()) && promptTokens !== promptTokensDefault },
      (flag) => `${flag} is what --memory-limit counts with: give --memory-limit GIB too, or leave it out`
    )
    // Only commands that train have --lora.
    const changesAll = flags.lora !== undefined && Option.isNone(flags.lora)
    const ofRounding = refuse(
      { "--quantize": changesAll ? flags.quantize ?? false : false },
      (flag) => `${flag} rounds weights that are not trained: train an adapter instead (--lora 16), or leave it out`
    )
    return Effect.all([EngineTogether.together(flags), ofServers, ofPlans, ofRounding], { discard: true })
  }
  if (remoteModel === "") {
    const reason = "--remote asks a server: name the model as that server calls it, --remote-model NAME"
    return Effect.fail(new FlagError({ reason }))
  }
  return refuse({
    "--tokenizer": flags.tokenizer ?? false,
    "--model": flags.model !== embedded,
    "--adapter": flags.adapter ?? false,
    "--quantize": flags.quantize ?? false,
    "--cache": flags.cache ?? false,
    "--lora": flags.lora ?? false,
    "--trainable": flags.trainable ?? false,
    "--recompute": flags.recompute ?? false,
    "--micro-tokens": flags.microTokens ?? false,
    "--memory-limit": flags.memoryLimit ?? false,
    "--prompt-tokens": promptTokens !== promptTokensDefault,
    "--workers": flags.workers ?? false,
    "--device": flags.device !== undefined && flags.device !== "cpu"
  }, (flag) => `${flag} is for a model directory, ${by} asks a server: leave one of them out`)
}

/** Fails early on what `policy` would fail on late: reads no weights, sends nothing. */
export const check = (
  flags: Flags
): Effect.Effect<void, FlagError | PolicyError | WeightsError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    yield* together(flags)
    const asked = server(flags)
    const engine = Engine.at(flags)
    if (Option.isSome(engine)) yield* Engine.check(flags, engine.value)
    else if (Option.isSome(asked)) {
      yield* Effect.scoped(Layer.build(asked.value)).pipe(
        Effect.mapError(({ reason }) =>
          new FlagError({ reason: `${flags.grammars === true ? "--sampler" : "--remote"}: ${reason}` })
        )
      )
    } else yield* readable(flags.model, flags.adapter)
  })

type Adapter = NonNullable<OnnxPolicy.Options["lora"]>

/** An adapter of a rank: on every linear layer where the tower is to be trained too. */
const adapterOf = (rank: number, preset: Presets.Preset | undefined) => ({
  rank,
  ...(preset !== undefined && Presets.trainableOf(preset) === "all" && { targets: "all-linear" as const })
})

/** Tokens of a prompt that the plan takes for text. */
const TEXT_TOKENS = 128

/** The largest step of the preset's stages, as the memory plan counts it. */
const planOf = (
  { memoryLimit = Option.none(), promptTokens = promptTokensDefault }: Flags,
  { generate, reinforce, rft }: Presets.Preset
): Pick<OnnxPolicy.Options, "plan"> =>
  Option.match(memoryLimit, {
    onNone: () => ({}),
    onSome: (gibibytes) => ({
      plan: {
        promptTokens,
        visualTokens: Math.max(0, promptTokens - TEXT_TOKENS),
        newTokens: Math.max(generate.maxTokens ?? 0, rft.maxTokens ?? 0, 1),
        prompts: Math.max(reinforce.promptsPerStep ?? 0, rft.promptsPerStep ?? 0, 1),
        group: Math.max(generate.candidates ?? 0, rft.groupSize ?? 0, 1),
        limit: gibibytes * 2 ** 30
      }
    })
  })

/** How the policy of a preset is made, as far as it tells what is held in memory. */
export const howOf = (
  { lora = Option.none(), microTokens = Option.none(), quantize = Option.none(), recompute = false }: Flags,
  preset: Presets.Preset,
  workers: number
): How => ({
  workers,
  recompute,
  ...Option.match(lora, { onNone: () => ({}), onSome: (rank) => ({ lora: adapterOf(rank, preset) }) }),
  ...Option.match(microTokens, { onNone: () => ({}), onSome: (microTokens) => ({ microTokens }) }),
  ...Option.match(quantize, { onNone: () => ({}), onSome: (quantize) => ({ quantize }) })
})

/**
 * The model on the workers' device, with an adapter where one is asked for: on every linear layer where the tower is to
 * be trained too. Without a preset nothing is trained.
 */
const local = (flags: Flags, preset: Presets.Preset | undefined) => {
  const trainable: NonNullable<OnnxPolicy.Options["trainable"]> = preset === undefined
    ? "none"
    : Presets.trainableOf(preset)
  const { cache = Option.none(), microTokens = Option.none(), quantize = Option.none(), recompute = false } = flags
  const lora = Option.orElse(
    Option.map(flags.adapter ?? Option.none(), (adapter): Adapter => ({ adapter })),
    () =>
      Option.map(
        flags.lora ?? Option.none(),
        (rank): Adapter => adapterOf(rank, preset)
      )
  )
  const trained = Option.match(lora, { onNone: () => ({ trainable }), onSome: (lora) => ({ lora }) })
  return Layer.unwrap(Effect.as(
    check(flags),
    OnnxPolicy.layer({
      model: flags.model,
      seed: flags.seed,
      ...(recompute && { recompute }),
      ...trained,
      ...Option.match(microTokens, { onNone: () => ({}), onSome: (microTokens) => ({ microTokens }) }),
      ...Option.match(quantize, { onNone: () => ({}), onSome: (quantize) => ({ quantize }) }),
      ...Option.match(cache, { onNone: () => ({}), onSome: (cache) => ({ cache }) }),
      ...(preset && planOf(flags, preset))
    })
  ))
}

/** The model on the workers' device, behind a server or at an engine. Without a preset it is not trained. */
export const policy = (
  flags: Flags,
  preset?: Presets.Preset
): Layer.Layer<Policy, FlagError | PolicyError | WeightsError, Runtime.Runtime | FileSystem.FileSystem | Path.Path> => {
  const engine = Engine.at(flags)
  return Option.isSome(engine)
    ? preset === undefined
      ? Engine.asked(flags, engine.value)
      : Engine.policy(flags, engine.value, preset)
    : Option.match(server(flags), {
      onNone: (): ReturnType<typeof policy> => local(flags, preset),
      onSome: (asked): ReturnType<typeof policy> => asked
    })
}

/**
 * Whether answers are held to the grammar: a server shows no tokens to hold to it, a vLLM does so itself, an engine is
 * sent none.
 */
export const grammarMode = ({ grammars = false, remote, ...flags }: Remote & EngineFlags.Engine): Rise.GrammarMode =>
  EngineFlags.trains(flags) || Option.isSome(remote) && !grammars ? "off" : "mask"

/** The flags with `--sampler` as what it is: `--remote` of servers that hold texts to grammars. */
export const asked = <F extends Remote & EngineFlags.Engine & { readonly model: string }>(
  flags: F
): Effect.Effect<F & { readonly grammars: boolean }, FlagError> =>
  Effect.gen(function*() {
    const { sampler = Option.none() } = flags
    // That both are named is refused where flags are held together.
    if (Option.isNone(sampler) || EngineFlags.trains(flags)) return { ...flags, grammars: false }
    yield* refuse(
      { "--remote": flags.remote, "--remote-model": flags.remoteModel !== "" },
      (flag) => `${flag} and --sampler both name servers to ask: leave one of them out (--sampler: --model NAME)`
    )
    if (flags.model === embedded) {
      const reason = "--sampler asks servers: name the model as they call it, --model NAME"
      return yield* new FlagError({ reason })
    }
    return {
      ...flags,
      grammars: true,
      remote: Option.some(sampler.value.join(",")),
      remoteModel: flags.model,
      model: embedded,
      sampler: Option.none()
    }
  })

/** What run.json calls the model. */
export const named = (
  { engine = Option.none(), model, remote, remoteModel }: Pick<Study, "model"> & Remote & EngineFlags.Engine
): string =>
  Option.match(remote, {
    onNone: () =>
      Option.match(engine, {
        onNone: () => model,
        onSome: ([address = ""]) => `${model} at ${shownAddress(withoutSlash(address))}`
      }),
    onSome: (addresses) =>
      `${remoteModel} at ${
        addresses.split(",").map((address) => shownAddress(withoutSlash(address.trim()))).join(", ")
      }`
  })

/**
 * What a model is, by the bytes of its files: a copy is the same one, and a flipped bit makes another. An engine's, by
 * its name.
 */
export const weightsOf = Effect.fnUntraced(function*({ adapter = Option.none(), model, ...flags }: Flags) {
  return {
    model: EngineFlags.trains(flags) ? model : yield* Recorded.contents(model),
    adapter: yield* Effect.transposeOption(Option.map(adapter, Recorded.contents)).pipe(Effect.map(Option.getOrNull))
  }
})
