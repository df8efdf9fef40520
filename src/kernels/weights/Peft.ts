/**
 * LoRA adapters as PEFT stores them: `adapter_config.json` and `adapter_model.safetensors` in one directory.
 *
 * A field that would change the arithmetic and is not implemented is an error that names it, never a silent wrong
 * answer.
 */
import { Effect, FileSystem, Path } from "effect"
import * as Rules from "../math/Rules.ts"
import { makeFolder } from "../runtime/makeFolder.ts"
import { show } from "../text/show.ts"
import { type JsonObject, readJson } from "./JsonFile.ts"
import * as Safetensors from "./Safetensors.ts"
import { fromPlatform, WeightsError } from "./WeightsError.ts"

/** What the files say of the adapter's arithmetic. */
export interface Settings {
  readonly rank: number
  readonly alpha: number
  readonly dropout: number
  readonly rankStabilized: boolean
}

export interface Adapter extends Settings {
  readonly header: Safetensors.Header
  /**
   * Names of the two factors' tensors in the file, by module name as PEFT writes it
   * ("model.language_model.layers.0.…").
   */
  readonly modules: ReadonlyMap<string, { readonly a: string; readonly b: string }>
}

const CONFIG = "adapter_config.json"
const WEIGHTS = "adapter_model.safetensors"
const PREFIX = "base_model.model."

/** Fields that say nothing about the arithmetic, or repeat what the tensors say. */
const harmless = new Set([
  "peft_type",
  "task_type",
  "auto_mapping",
  "peft_version",
  "base_model_name_or_path",
  "revision",
  "inference_mode",
  "r",
  "lora_alpha",
  "lora_dropout",
  "use_rslora",
  "target_modules",
  "exclude_modules",
  "layers_to_transform",
  "layers_pattern",
  "megatron_core",
  "qalora_group_size",
  "init_lora_weights",
  "runtime_config",
  "bias",
  "ensure_weight_tying"
])
/** Starting values that leave the base as it is. The others (pissa, olora, loftq, …) change the base's weights too. */
const plainStarts = new Set<unknown>([undefined, null, true, false, "gaussian", "orthogonal", "eva"])

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || value === false ||
  typeof value === "object" && Object.keys(value).length === 0

const shown = (value: unknown): string =>
  typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value)).slice(0, 60)

const settingsOf = Effect.fnUntraced(function*(path: string, json: JsonObject) {
  const refuse = (field: string, expected: string) =>
    new WeightsError({
      path,
      reason: `${field} is not supported`,
      found: json[field] === undefined ? "nothing" : show(json[field]),
      expected,
      hint: "Merge the adapter into its base with PEFT (merge_and_unload) and load the merged directory."
    })
  if (json["peft_type"] !== "LORA") return yield* refuse("peft_type", `"LORA"`)
  if ((json["bias"] ?? "none") !== "none") return yield* refuse("bias", `"none"`)
  if (!plainStarts.has(json["init_lora_weights"])) {
    return yield* refuse("init_lora_weights", "a start that leaves the base as it is: true")
  }
  const unknown = Object.keys(json).find((field) => !harmless.has(field) && !isEmpty(json[field]))
  if (unknown !== undefined) return yield* refuse(unknown, "it to be absent or off")
  const number = (field: string, { expected, holds }: Rules.Rule, otherwise?: number) => {
    const value = json[field] ?? otherwise
    return typeof value === "number" && holds(value) ? Effect.succeed(value) : Effect.fail(
      new WeightsError({
        path,
        reason: `${field} is impossible`,
        found: value === undefined ? "nothing" : shown(value),
        expected
      })
    )
  }
  const targets = json["target_modules"] ?? undefined
  const named = typeof targets === "string" ? targets.trim() !== "" : Array.isArray(targets) && targets.length > 0
  if (targets !== undefined && !named) {
    return yield* new WeightsError({
      path,
      reason: "target_modules is impossible",
      found: shown(targets),
      expected: "names of modules, or a pattern of them"
    })
  }
  const settings: Settings = {
    rank: yield* number("r", Rules.whole(1, 2 ** 16)),
    alpha: yield* number("lora_alpha", Rules.above(0)),
    dropout: yield* number("lora_dropout", Rules.share("[0, 1)"), 0),
    rankStabilized: json["use_rslora"] === true
  }
  return settings
})

const FACTOR = /^(.+)\.lora_(A|B)(?:\.default)?\.weight$/

/** Pairs A with B; every tensor must be one of the two. */
const pair = Effect.fnUntraced(function*(header: Safetensors.Header, rank: number) {
  const { path } = header
  const modules = new Map<string, { a?: string; b?: string }>()
  for (const [tensor, { shape }] of header.tensors) {
    const [, whole, factor] = FACTOR.exec(tensor) ?? []
    if (whole === undefined || !whole.startsWith(PREFIX)) {
      return yield* new WeightsError({
        path,
        tensor,
        reason: "is not supported",
        expected: `${PREFIX}MODULE.lora_A.weight or lora_B.weight`,
        hint: "Merge the adapter into its base with PEFT (merge_and_unload) and load the merged directory."
      })
    }
    const found = factor === "A" ? shape[0] : shape[1]
    if (shape.length !== 2 || found !== rank) {
      return yield* new WeightsError({
        path,
        tensor,
        reason: `does not have the rank of ${CONFIG}`,
        found: `[${shape.join(", ")}]`,
        expected: `r = ${rank}`
      })
    }
    const module = whole.slice(PREFIX.length)
    const held = modules.get(module) ?? {}
    modules.set(module, factor === "A" ? { ...held, a: tensor } : { ...held, b: tensor })
  }
  const complete = new Map<string, { readonly a: string; readonly b: string }>()
  for (const [module, { a, b }] of modules) {
    if (a === undefined || b === undefined) {
      return yield* new WeightsError({
        path,
        tensor: a ?? b ?? module,
        reason: `has no lora_${a === undefined ? "A" : "B"} beside it`
      })
    }
    complete.set(module, { a, b })
  }
  if (complete.size === 0) return yield* new WeightsError({ path, reason: "holds no adapter" })
  return complete
})

/** Reads configuration and header; values are read by `Safetensors.readFloat32`. */
export const open = Effect.fn("Peft.open")(function*(directory: string) {
  const { join } = yield* Path.Path
  const hint = "A PEFT adapter is a directory with adapter_config.json and adapter_model.safetensors."
  const config = join(directory, CONFIG)
  const settings = yield* settingsOf(config, yield* readJson(config, hint))
  const header = yield* Safetensors.readHeader(join(directory, WEIGHTS)).pipe(
    Effect.mapError((error) => new WeightsError({ ...error, hint: error.hint ?? hint }))
  )
  const adapter: Adapter = { ...settings, header, modules: yield* pair(header, settings.rank) }
  return adapter
})

export interface SaveOptions extends Settings {
  /** Puts further files into the directory before it is complete. */
  readonly beside?: (directory: string) => Effect.Effect<void, WeightsError, FileSystem.FileSystem | Path.Path>
  /** The base, as PEFT records it. */
  readonly base: string
  /** What PEFT looks modules up by: endings or whole names. */
  readonly targets: ReadonlyArray<string>
}

/** Names of a module's two factors in the file. */
export const tensorNames = (module: string) => ({
  a: `${PREFIX}${module}.lora_A.weight`,
  b: `${PREFIX}${module}.lora_B.weight`
})

const configJson = ({ alpha, base, dropout, rank, rankStabilized, targets }: SaveOptions): string =>
  `${
    JSON.stringify(
      {
        peft_type: "LORA",
        task_type: null,
        base_model_name_or_path: base,
        r: rank,
        lora_alpha: alpha,
        lora_dropout: dropout,
        use_rslora: rankStabilized,
        use_dora: false,
        target_modules: targets,
        bias: "none",
        fan_in_fan_out: false,
        init_lora_weights: true,
        modules_to_save: null,
        inference_mode: true
      },
      null,
      2
    )
  }\n`

/** Writes a new directory atomically: a temporary sibling is renamed when complete. An existing target is an error. */
export const save = Effect.fn("Peft.save")(
  function*(target: string, options: SaveOptions, tensors: ReadonlyArray<Safetensors.NamedTensor>) {
    const fs = yield* FileSystem.FileSystem
    const { dirname, join, resolve } = yield* Path.Path
    const failed = fromPlatform(target, "saving an adapter")
    const absolute = resolve(target)
    if (yield* fs.exists(absolute).pipe(Effect.mapError(failed))) {
      return yield* new WeightsError({
        path: target,
        reason: "already exists",
        expected: "a new directory",
        hint: "Choose another name, or remove it first."
      })
    }
    const temporary = `${absolute}.${crypto.randomUUID()}.tmp`
    // Gone already when the rename succeeded.
    yield* Effect.addFinalizer(() => fs.remove(temporary, { recursive: true, force: true }).pipe(Effect.ignore))
    yield* Effect.gen(function*() {
      yield* makeFolder(dirname(absolute))
      yield* makeFolder(temporary)
      yield* fs.writeFileString(join(temporary, CONFIG), configJson(options))
    }).pipe(Effect.mapError(failed))
    yield* Safetensors.write(join(temporary, WEIGHTS), tensors).pipe(
      // The temporary directory is gone by the time the user reads of it.
      Effect.mapError((error) => new WeightsError({ ...error, path: join(target, WEIGHTS) }))
    )
    if (options.beside !== undefined) yield* options.beside(temporary)
    yield* fs.rename(temporary, absolute).pipe(Effect.mapError(failed))
  },
  Effect.scoped
)
