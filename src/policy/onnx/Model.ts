/** A Hugging Face directory made ready to run: configuration, weights in shared memory, tokenizer, pre-processor. */
import { Effect, Option } from "effect"
import { Preprocess } from "../../kernels/image/index.ts"
import { Config, Parameters } from "../../kernels/models/index.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import { Tokenizer } from "../../kernels/text/index.ts"
import { ParameterStore } from "../../kernels/train/index.ts"
import { ChatTemplateFile, ModelDirectory, Recorded, Safetensors } from "../../kernels/weights/index.ts"
import { specialsOf, templateVariables } from "../chat/Controls.ts"
import * as Encoder from "../chat/Encoder.ts"
import * as EndOfTurn from "../chat/EndOfTurn.ts"
import * as Thinking from "../chat/Thinking.ts"
import { PolicyError } from "../Policy.ts"
import * as Adapter from "./Adapter.ts"
import * as GenerationConfig from "./GenerationConfig.ts"
import * as MappedWeights from "./MappedWeights.ts"
import { defaults, type Trainable } from "./Settings.ts"
import * as StoredTensors from "./StoredTensors.ts"

export interface Model {
  readonly path: string
  readonly config: Config.Config
  /** The model's own weights in memory; empty where they are mapped from a file. */
  readonly store: ParameterStore.ParameterStore
  readonly mapped: MappedWeights.Mapped | undefined
  readonly adapter: Adapter.Adapter | undefined
  /** What training changes: the adapter where there is one, else the model's own weights. */
  readonly trained: ParameterStore.ParameterStore
  /** Whether training changes the vision tower. */
  readonly towerTrained: boolean
  readonly tokenizer: Tokenizer.Tokenizer
  readonly encoder: Encoder.Encoder
  readonly preprocessor: Preprocess.Preprocessor
  /** What targets and grammars end with. */
  readonly endOfTurn: number
  /** Every token that ends a turn, `endOfTurn` first. */
  readonly ends: ReadonlyArray<number>
  /** Files that a saved directory has instead of those of the directory it is taken over from, by name. */
  readonly files: Readonly<Record<string, string>>
  /** Control tokens of the tokenizer, tokens that end a turn, and ids of the embedding that no token has. */
  readonly specials: ReadonlySet<number>
  /** Element type that the directory stores each tensor in, kept when it is saved. */
  readonly dtypes: ReadonlyMap<string, "F32" | "F16" | "BF16">
}

/** Patches that are cut in another way than the tower expects would be a silent wrong answer. */
const checkPatches = ({ patch, merge, temporalPatch }: Config.VisionConfig, preprocessor: Preprocess.Preprocessor) =>
  Effect.forEach(
    [
      ["patch_size", preprocessor.patchSize, "patch_size", patch],
      ["merge_size", preprocessor.mergeSize, "spatial_merge_size", merge],
      ["temporal_patch_size", preprocessor.temporalPatchSize, "temporal_patch_size", temporalPatch]
    ] as const,
    ([name, found, field, expected]) =>
      found === expected ? Effect.void : Effect.fail(
        new PolicyError({
          operation: "load",
          reason:
            `preprocessor_config.json: ${name} is ${found}, but config.json's vision_config.${field} is ${expected}`
        })
      ),
    { discard: true }
  )

export interface LoadOptions extends MappedWeights.Options {
  readonly trainable?: Trainable
  readonly lora?: Adapter.Options
  readonly seed: number
  /** Asked before any weight is read. */
  readonly check?: (config: Config.Config) => Effect.Effect<unknown, { readonly message: string }>
}

const failed = (cause: { readonly message: string }) =>
  new PolicyError({ operation: "load", reason: cause.message, cause })

/**
 * Everything about a directory but its weights, of which names, shapes and recorded hashes are checked: what loading
 * would fail on is found without the memory that it takes.
 *
 * @param check asked as soon as the configuration is known
 */
export const look = Effect.fnUntraced(function*(path: string, check: NonNullable<LoadOptions["check"]>) {
  yield* Recorded.verify(path, ["texts"]).pipe(Effect.mapError(failed))
  const directory = yield* ModelDirectory.open(path).pipe(Effect.mapError(failed))
  const config = yield* Config.fromJson(directory.config, path).pipe(Effect.mapError(failed))
  yield* GenerationConfig.check(path, Option.getOrElse(directory.generationConfig, () => ({})))
  yield* check(config).pipe(Effect.mapError(failed))
  yield* Recorded.verify(path, ["weights"]).pipe(Effect.mapError(failed))
  const tokenizer = yield* Tokenizer.fromDirectory(directory).pipe(Effect.mapError(failed))
  const preprocessor = yield* Preprocess.fromConfig(directory.preprocessorConfig).pipe(Effect.mapError(failed))
  yield* checkPatches(config.vision, preprocessor)
  if (tokenizer.size > config.vocabulary) {
    return yield* new PolicyError({
      operation: "load",
      reason: `${path}: tokenizer.json has ids up to ${tokenizer.size - 1}, but config.json's vocab_size is ` +
        `${config.vocabulary}: take both from one model`
    })
  }

  const specs = Parameters.specs(config)
  const found = yield* StoredTensors.find(directory, config, specs)
  const variables = templateVariables(directory)
  const controls = specialsOf(directory, tokenizer.size, config.vocabulary)
  const end = yield* EndOfTurn.of(directory, tokenizer, variables, controls)
  const outside = end.all.find((id) => id >= config.vocabulary)
  if (outside !== undefined) {
    return yield* new PolicyError({
      operation: "load",
      reason: `${path}: eos_token_id is ${outside}, expected ids below config.json's vocab_size ${config.vocabulary}`
    })
  }
  const template = yield* Thinking.withoutOpening(directory.chatTemplate, variables)
  const encoder = Encoder.make(
    tokenizer,
    { source: template, variables },
    { image: config.imageToken, video: config.videoToken },
    preprocessor.mergedTokens
  )
  return { config, controls, directory, encoder, end, found, preprocessor, specs, template, tokenizer }
})

/** Loads everything; each failure says which file and what to do. */
export const load = Effect.fn("Model.load")(function*(path: string, options: LoadOptions) {
  const { lora } = options
  const trainable = lora === undefined ? options.trainable ?? defaults.trainable : "adapter"
  const refused = lora !== undefined && options.trainable !== undefined && options.trainable !== defaults.trainable
    ? `trainable is "${options.trainable}" and lora is given; an adapter trains its targets alone: leave trainable out`
    : (options.mapWeights === true || options.quantize !== undefined) && lora === undefined && trainable !== "none"
    ? `${
      options.quantize === undefined ? "mapWeights" : `quantize is "${options.quantize}", which`
    } needs frozen weights: give lora, or trainable: "none" where nothing is trained`
    : options.quantize !== undefined && options.mapWeights === false
    ? `quantize is "${options.quantize}" and mapWeights is false; quantised weights are always mapped: leave ` +
      `mapWeights out`
    : undefined
  if (refused !== undefined) return yield* new PolicyError({ operation: "load", reason: refused })
  const { config, controls, directory, encoder, end, found, preprocessor, specs, template, tokenizer } = yield* look(
    path,
    options.check ?? (() => Effect.void)
  )
  const frozen = trainable === "adapter" || trainable === "none"
  const mapping = frozen && MappedWeights.isWanted(config, options)
  if (options.cache !== undefined && !mapping) {
    yield* warn(
      `cache is ${options.cache}, and nothing is read from there: the weights of this model are held in memory ` +
        "(frozen ones are mapped where quantize or mapWeights asks for it, or from 400 million on)"
    )
  }
  const store = yield* ParameterStore.make(
    mapping ?
      [] :
      specs.map(({ decay, name, part, shape }) => ({
        name,
        shape,
        decay,
        trainable: trainable === "all" || trainable === part
      }))
  ).pipe(Effect.mapError(failed))
  const dtypes = new Map<string, "F32" | "F16" | "BF16">()
  for (const { location: { header, info: { dtype } }, name, stored } of found) {
    dtypes.set(name, dtype === "F16" || dtype === "BF16" ? dtype : "F32")
    if (mapping) continue
    const target = yield* ParameterStore.view(store, name).pipe(Effect.mapError(failed))
    yield* Safetensors.readFloat32(header, stored, target).pipe(Effect.mapError(failed))
  }

  const adapter = lora === undefined ? undefined : yield* Adapter.make(config, lora, options.seed)
  const mapped = mapping ? yield* MappedWeights.open(config, found, options).pipe(Effect.mapError(failed)) : undefined
  const trained = adapter?.store ??
    (trainable === "none" ? yield* ParameterStore.make([]).pipe(Effect.mapError(failed)) : store)
  const towerTrained = adapter?.lora.modules.some((name) => name.startsWith("visual.")) ?? trainable === "all"
  const model: Model = {
    path,
    config,
    store,
    mapped,
    adapter,
    trained,
    towerTrained,
    tokenizer,
    encoder,
    preprocessor,
    dtypes,
    endOfTurn: end.token,
    ends: end.all,
    files: {
      ...EndOfTurn.generationConfig(directory, end),
      ...(template !== directory.chatTemplate && { [ChatTemplateFile.fileName]: template })
    },
    specials: new Set([...controls, ...end.all])
  }
  return model
})

/** Writes weights, an adapter merged into them, and companion files as a new directory. */
export const save = (model: Model, target: string) => {
  const { adapter, config, mapped, store } = model
  const merged = (name: string, own: Float32Array) =>
    adapter === undefined ? own : Adapter.mergedWeight(adapter, name, own) ?? own
  const tensors = mapped === undefined
    ? [...store.slices.values()].map(({ length, name, offset, shape }) => (
      {
        name: Parameters.savedName(config, name),
        shape,
        dtype: model.dtypes.get(name) ?? "F32",
        data: () => merged(name, store.data.subarray(offset, offset + length))
      }
    ))
    : Parameters.specs(config).map(({ name, shape }) => ({
      name: Parameters.savedName(config, name),
      shape,
      dtype: model.dtypes.get(name) ?? "F32",
      data: Effect.map(mapped.read(name), (own) => merged(name, own))
    }))
  return ModelDirectory.save(target, { from: model.path, files: model.files }, tensors).pipe(
    Effect.mapError((cause) => new PolicyError({ operation: "save", reason: cause.message, cause }))
  )
}
