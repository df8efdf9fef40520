/**
 * A Hugging Face model directory, read as it is: configuration, tokenizer, chat template, image preprocessor and an
 * index of where each tensor's bytes lie. No weight is read here.
 */
import { Effect, FileSystem, Option, Path } from "effect"
import { makeFolder } from "../runtime/makeFolder.ts"
import * as Nearby from "../runtime/Nearby.ts"
import { shownInLine } from "../runtime/Shown.ts"
import { show } from "../text/show.ts"
import * as ChatTemplateFile from "./ChatTemplateFile.ts"
import { isJsonObject, type JsonObject, readJson, readJsonIfThere } from "./JsonFile.ts"
import * as Safetensors from "./Safetensors.ts"
import * as Shards from "./Shards.ts"
import { fromPlatform, WeightsError } from "./WeightsError.ts"

/** What a directory says of prompts and answers. */
export interface Texts {
  readonly path: string
  /** config.json */
  readonly config: JsonObject
  /** generation_config.json */
  readonly generationConfig: Option.Option<JsonObject>
  /** tokenizer.json */
  readonly tokenizerJson: JsonObject
  /** tokenizer_config.json; empty where the directory has none. */
  readonly tokenizerConfig: JsonObject
  /** Jinja source. */
  readonly chatTemplate: string
  /**
   * preprocessor_config.json, or the `image_processor` of processor_config.json; none in the directory of a model that
   * reads text alone.
   */
  readonly preprocessorConfig: Option.Option<JsonObject>
}

/** All of it. */
export interface ModelDirectory extends Omit<Texts, "preprocessorConfig"> {
  readonly preprocessorConfig: JsonObject
  /** Where each tensor lies, in one file or in several. */
  readonly tensors: ReadonlyMap<string, Shards.Location>
}

/** Names that stand for a directory of the package (policy/Embedded.ts): a slip in one is no name of a folder. */
const byName = ["embedded"]

/** A suggestion as a sentence of its own. */
const sentence = (meant: string) => meant.replace(": did", "Did")

const complete = (path: string) =>
  `Download the whole directory, for example with: hf download ORGANISATION/MODEL --local-dir ${shownInLine(path)}`

/** transformers 5 writes the image processor into processor_config.json. */
const readPreprocessor = (directory: string) =>
  Effect.gen(function*() {
    const { join } = yield* Path.Path
    const own = yield* readJsonIfThere(join(directory, "preprocessor_config.json"))
    if (own._tag === "Some") return own
    const processor = yield* readJsonIfThere(join(directory, "processor_config.json"))
    if (processor._tag === "Some" && isJsonObject(processor.value["image_processor"])) {
      return Option.some(processor.value["image_processor"])
    }
    return Option.none<JsonObject>()
  })

/** Opens a directory that need not have weights; each missing or broken file is a typed error with the next step. */
export const openTexts = (path: string): Effect.Effect<Texts, WeightsError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { join } = yield* Path.Path
    const hint = complete(path)
    const { type } = yield* fs.stat(path).pipe(
      Effect.catch((error) =>
        Effect.flatMap(
          error.reason._tag === "NotFound" ? Nearby.meant(path, byName) : Effect.succeed(""),
          (meant) => Effect.fail(fromPlatform(path, "opening", meant === "" ? hint : sentence(meant))(error))
        )
      )
    )
    if (type !== "Directory") {
      return yield* new WeightsError({ path, reason: "not a directory", found: type, expected: "a model directory" })
    }
    const config = yield* readJson(join(path, "config.json"), hint)
    const tokenizerJson = yield* readJson(join(path, "tokenizer.json"), hint)
    const tokenizerConfig = yield* readJsonIfThere(join(path, "tokenizer_config.json"))
    const settings: JsonObject = tokenizerConfig._tag === "Some" ? tokenizerConfig.value : {}
    return {
      path,
      config,
      generationConfig: yield* readJsonIfThere(join(path, "generation_config.json")),
      tokenizerJson,
      tokenizerConfig: settings,
      chatTemplate: yield* ChatTemplateFile.read(path, settings, hint),
      preprocessorConfig: yield* readPreprocessor(path)
    }
  })

/** Opens a directory; each missing or broken file is a typed error that names it and the next step. */
export const open = (path: string): Effect.Effect<ModelDirectory, WeightsError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const { join } = yield* Path.Path
    const { preprocessorConfig, ...texts } = yield* openTexts(path)
    if (Option.isNone(preprocessorConfig)) {
      return yield* new WeightsError({
        path: join(path, "preprocessor_config.json"),
        reason: "no such file: how images are cut into patches is unknown",
        hint: complete(path)
      })
    }
    const tensors = yield* Shards.locate(path, complete(path))
    return { ...texts, preprocessorConfig: preprocessorConfig.value, tensors }
  })

/** What a directory says of prompts and answers: a tool needs it beside an adapter, too. */
const texts: ReadonlyArray<string> = [
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  ChatTemplateFile.fileName,
  "chat_template.json",
  "preprocessor_config.json",
  "processor_config.json",
  "video_preprocessor_config.json",
  "LICENSE",
  "NOTICE"
]

/** Files that a saved directory takes over from the one it was trained from, where they exist. */
const companions: ReadonlyArray<string> = ["config.json", ...texts]

/** Copies those of the files that there are. */
const copy = Effect.fnUntraced(function*(from: string, target: string, names: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  yield* fs.stat(from).pipe(Effect.mapError(fromPlatform(from, "opening the directory to copy from")))
  for (const name of names) {
    const path = join(from, name)
    const failed = Effect.mapError(fromPlatform(path, "copying"))
    if (yield* failed(fs.exists(path))) yield* failed(fs.copyFile(path, join(target, name)))
  }
})

/**
 * Puts tokenizer, chat template and processors of one directory into another, with `files` in place of its own: whoever
 * opens that finds how it is asked.
 */
export const saveTexts = (
  from: string,
  target: string,
  files: Readonly<Record<string, string>>
): Effect.Effect<void, WeightsError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { join } = yield* Path.Path
    yield* copy(from, target, texts)
    for (const [name, text] of Object.entries(files)) {
      yield* fs.writeFileString(join(target, name), text).pipe(Effect.mapError(fromPlatform(target, "saving")))
    }
    yield* ChatTemplateFile.complete(from, target)
  })

export interface SaveSource {
  /** Directory to copy configuration, tokenizer, chat template and preprocessor files from. */
  readonly from?: string
  /** Text files by plain name; they win over copied ones. */
  readonly files?: Readonly<Record<string, string>>
}

const dtypeNames = { F32: "float32", F16: "float16", BF16: "bfloat16" } as const

/** config.json with its recorded element type brought in line: transformers loads weights as what it says there. */
const withDtype = (config: JsonObject, dtype: "F32" | "F16" | "BF16"): string => {
  const stale = ["dtype", "torch_dtype"].filter((key) => key in config)
  const replaced = Object.fromEntries(stale.map((key) => [key, dtypeNames[dtype]]))
  return `${JSON.stringify({ ...config, ...replaced }, null, 2)}\n`
}

/**
 * Writes a new directory atomically: everything goes into a temporary sibling that is renamed when complete. An
 * existing target is an error, so nothing is ever overwritten.
 */
export const save = (
  target: string,
  source: SaveSource,
  tensors: ReadonlyArray<Safetensors.NamedTensor>,
  options: Safetensors.WriteOptions = {}
): Effect.Effect<void, WeightsError, FileSystem.FileSystem | Path.Path> =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { basename, dirname, join, resolve } = yield* Path.Path
    const failed = fromPlatform(target, "saving a model")
    const absolute = resolve(target)
    const refuseExisting = fs.exists(absolute).pipe(
      Effect.mapError(failed),
      Effect.filterOrFail(
        (exists) => !exists,
        () =>
          new WeightsError({
            path: target,
            reason: "already exists",
            expected: "a new directory",
            hint: "Choose another name, or remove it first."
          })
      )
    )
    yield* refuseExisting
    const bad = Object.keys(source.files ?? {}).find((name) => name === "" || basename(name) !== name || name === "..")
    if (bad !== undefined) {
      return yield* new WeightsError({ path: target, reason: "not a plain file name", found: show(bad) })
    }
    yield* makeFolder(dirname(absolute)).pipe(Effect.mapError(failed))
    const temporary = `${absolute}.${crypto.randomUUID()}.tmp`
    // Gone already when the rename succeeded.
    yield* Effect.addFinalizer(() => fs.remove(temporary, { recursive: true, force: true }).pipe(Effect.ignore))
    yield* makeFolder(temporary).pipe(Effect.mapError(failed))
    const { from } = source
    if (from !== undefined) yield* copy(from, temporary, companions)
    for (const [name, text] of Object.entries(source.files ?? {})) {
      yield* fs.writeFileString(join(temporary, name), text).pipe(Effect.mapError(failed))
    }
    if (from !== undefined) yield* ChatTemplateFile.complete(from, temporary)
    const configPath = join(temporary, "config.json")
    const config = yield* readJson(configPath, "A model needs one: copy it from a directory or supply it.").pipe(
      // The user knows the directory it should have come from, not the temporary one.
      Effect.mapError((error) => new WeightsError({ ...error, path: join(from ?? target, "config.json") }))
    )
    const dtype = options.dtype ?? "F32"
    yield* fs.writeFileString(configPath, withDtype(config, dtype)).pipe(Effect.mapError(failed))
    yield* Safetensors.write(join(temporary, "model.safetensors"), tensors, options).pipe(
      // The temporary directory is gone by the time the user reads of it.
      Effect.mapError((error) =>
        error.path.startsWith(temporary)
          ? new WeightsError({ ...error, path: join(target, "model.safetensors") })
          : error
      )
    )
    yield* refuseExisting
    yield* fs.rename(temporary, absolute).pipe(Effect.mapError(failed))
  }))
