/** The adapter of a policy: made, loaded, saved as PEFT, merged into the base. */
import { Effect } from "effect"
import { basename } from "node:path"
import { type Config, Parameters } from "../../kernels/models/index.ts"
import { show } from "../../kernels/text/show.ts"
import { Lora, ParameterStore } from "../../kernels/train/index.ts"
import { ModelDirectory, Peft, Recorded, Safetensors } from "../../kernels/weights/index.ts"
import { PolicyError } from "../Policy.ts"

export interface Options extends Lora.Options {
  /** A PEFT adapter to go on from. It brings rank, alpha, targets and stabilisation, which are then left out. */
  readonly adapter?: string
  /**
   * What a KL penalty holds on to: "stage", the weights that the training stage started from (the base itself while the
   * adapter is untouched), or "base", the model with its adapter off. Default "stage".
   */
  readonly reference?: "stage" | "base"
}

export interface Adapter {
  readonly lora: Lora.Lora
  /** The adapter's parameters and nothing else: all that training changes. */
  readonly store: ParameterStore.ParameterStore
  readonly reference: NonNullable<Options["reference"]>
}

const failed = (operation: "load" | "save") => (cause: { readonly message: string }) =>
  new PolicyError({ operation, reason: cause.message, cause })

/** Endings or whole names by which PEFT finds the same modules: endings where they name nothing else. */
const targetsOf = (config: Config.Config, { modules }: Lora.Lora): ReadonlyArray<string> => {
  // A bare number would also name the layers of the model.
  const endings = [...new Set(modules.map((name) => /(?<![^.])[^.]+(?:\.\d+)?$/.exec(name)?.[0] ?? name))]
  const meant = Lora.matrices(config).filter((name) => endings.some((ending) => name.endsWith(`.${ending}`)))
  return meant.length === modules.length ? endings : modules.map(Parameters.currentName)
}

const load = Effect.fnUntraced(
  function*(
    config: Config.Config,
    { adapter: directory, dropout, ...options }: Options & { readonly adapter: string }
  ) {
    const given = (["alpha", "rank", "rankStabilized", "targets"] as const).find((option) =>
      options[option] !== undefined
    )
    if (given !== undefined) {
      return yield* new Lora.LoraError({
        option: given,
        found: show(options[given]),
        expected: `none: the adapter in ${directory} brings it`
      })
    }
    yield* Recorded.verify(directory)
    const peft = yield* Peft.open(directory)
    const linear = Lora.linearModules(config).map(({ name }) => name)
    const stored = new Map([...peft.modules].map(([name, tensors]) => [Parameters.canonicalName(name), tensors]))
    const odd = [...stored.keys()].find((name) => !linear.includes(name))
    if (odd !== undefined) {
      return yield* new PolicyError({
        operation: "load",
        reason: `the adapter in ${directory} changes "${odd}", which is no linear layer of this model`
      })
    }
    const { alpha, rank, rankStabilized } = peft
    const lora: Lora.Lora = {
      rank,
      alpha,
      rankStabilized,
      dropout: dropout ?? peft.dropout,
      modules: linear.filter((name) => stored.has(name))
    }
    const store = yield* ParameterStore.make(Lora.specs(config, lora))
    for (const module of lora.modules) {
      const tensors = stored.get(module)
      if (tensors === undefined) continue
      for (const factor of ["a", "b"] as const) {
        const slice = yield* ParameterStore.slice(store, Lora.factors(module)[factor])
        const shape = peft.header.tensors.get(tensors[factor])?.shape ?? []
        if (shape.length !== slice.shape.length || shape.some((d, i) => d !== slice.shape[i])) {
          return yield* new PolicyError({
            operation: "load",
            reason: `${directory}: tensor "${tensors[factor]}" is [${shape.join(", ")}], this model asks for [${
              slice.shape.join(", ")
            }]`
          })
        }
        yield* Safetensors.readFloat32(peft.header, tensors[factor], yield* ParameterStore.view(store, slice.name))
      }
    }
    return { lora, store }
  }
)

const create = Effect.fnUntraced(function*(config: Config.Config, options: Options, seed: number) {
  const lora = yield* Lora.make(config, options)
  const store = yield* ParameterStore.make(Lora.specs(config, lora))
  for (const slice of store.slices.values()) Lora.initialize(seed, slice, yield* ParameterStore.view(store, slice.name))
  return { lora, store }
})

/** A fresh adapter, or the one that the options name. */
export const make = Effect.fn("Adapter.make")(function*(config: Config.Config, options: Options, seed: number) {
  const { adapter, reference = "stage" } = options
  const made = yield* adapter === undefined ? create(config, options, seed) : load(config, { ...options, adapter })
  const result: Adapter = { ...made, reference }
  return result
}, Effect.mapError((error) => error instanceof PolicyError ? error : failed("load")(error)))

/** Whether the adapter adds nothing: every B is zero. */
export const isIdentity = ({ lora, store }: Adapter): boolean =>
  lora.modules.every((module) => {
    const slice = store.slices.get(Lora.factors(module).b)
    return slice === undefined ||
      store.data.subarray(slice.offset, slice.offset + slice.length).every((value) => value === 0)
  })

/** The card of an adapter, as the hub reads it. */
const cardOf = (base: string, { alpha, rank }: Lora.Lora): string => {
  const name = basename(base)
  return `---
library_name: peft
pipeline_tag: image-text-to-text
tags:
- rise-vlm
- lora
---
# An adapter of ${name}

LoRA of rank ${rank} (alpha ${alpha}), trained with RISE for TypeScript (\`rise-vlm\`). Tokenizer, chat template and
processor are the base model's; licences of base model and training data hold, and are to be said here before it is
passed on.

${"```"}python
from peft import PeftModel
from transformers import AutoModelForImageTextToText, AutoProcessor

base = AutoModelForImageTextToText.from_pretrained(${JSON.stringify(name)})  # its directory, or its name on the hub
model = PeftModel.from_pretrained(base, ".")
processor = AutoProcessor.from_pretrained(${JSON.stringify(name)})
${"```"}

${"```"}sh
npx rise annotate --model BASE --adapter . picture.png
${"```"}
`
}

/**
 * Writes a PEFT adapter as a new directory.
 *
 * @param files where they are given, what says how the base is asked lies beside the adapter, these in place of its own
 */
export const save = (
  config: Config.Config,
  { lora, store }: Adapter,
  base: string,
  target: string,
  files?: Readonly<Record<string, string>>
) => {
  const tensors = lora.modules.flatMap((module) => {
    const [own, stored] = [Lora.factors(module), Peft.tensorNames(Parameters.currentName(module))]
    return (["a", "b"] as const).flatMap((factor) => {
      const slice = store.slices.get(own[factor])
      return slice === undefined ? [] : [{
        name: stored[factor],
        shape: slice.shape,
        data: store.data.subarray(slice.offset, slice.offset + slice.length)
      }]
    })
  })
  return Peft.save(target, {
    ...lora,
    base,
    targets: targetsOf(config, lora),
    ...(files !== undefined && {
      beside: (directory) => ModelDirectory.saveTexts(base, directory, { ...files, "README.md": cardOf(base, lora) })
    })
  }, tensors).pipe(Effect.mapError(failed("save")))
}

/** W + s·B·A of one module, rounded once; `undefined` where the parameter is not adapted. */
export const mergedWeight = (
  { lora, store }: Adapter,
  parameter: string,
  base: Float32Array
): Float32Array | undefined => {
  const { a, b } = Lora.factors(parameter.replace(/\.weight$/, ""))
  const [down, up] = [store.slices.get(a), store.slices.get(b)]
  if (down === undefined || up === undefined || !parameter.endsWith(".weight")) return undefined
  const [rank, inner] = down.shape as readonly [number, number]
  const [out] = up.shape as readonly [number, number]
  const factor = Lora.scale(lora)
  const merged = new Float32Array(base.length)
  const row = new Float64Array(inner)
  for (let o = 0; o < out; o++) {
    row.fill(0)
    for (let k = 0; k < rank; k++) {
      const weight = factor * store.data[up.offset + o * rank + k]!
      const from = down.offset + k * inner
      for (let i = 0; i < inner; i++) row[i] = row[i]! + weight * store.data[from + i]!
    }
    for (let i = 0; i < inner; i++) merged[o * inner + i] = base[o * inner + i]! + row[i]!
  }
  return merged
}
