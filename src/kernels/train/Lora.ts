/**
 * Low-rank adapters (Hu et al. 2021): y = x·Wᵀ + s·(x·Aᵀ)·Bᵀ, where W is frozen and A, B are trained.
 *
 * Numbers and names are PEFT's: A uniform in ±1/√in, B zero, s = α/r (α/√r when rank-stabilised), dropout on the input
 * of A.
 */
import { Effect, Schema } from "effect"
import { add, constant, div, gather, input, matmul, mul, slice, sub, type Tensor } from "../graph/index.ts"
import * as Keyed from "../math/Keyed.ts"
import { type Config, type Lookup, Parameters } from "../models/index.ts"
import { HostTensor } from "../runtime/index.ts"
import { show } from "../text/show.ts"
import type { Spec } from "./ParameterStore.ts"

/** What was asked of an adapter and cannot be. */
export class LoraError extends Schema.TaggedError<LoraError>()("LoraError", {
  option: Schema.String,
  found: Schema.String,
  expected: Schema.String
}) {
  override get message() {
    return `lora.${this.option} is ${this.found}, expected ${this.expected}`
  }
}

/** An adapter's arithmetic. */
export interface Lora {
  readonly rank: number
  readonly alpha: number
  /** s = α/√r instead of α/r (Kalajdzievski 2023). */
  readonly rankStabilized: boolean
  /** Share of A's inputs dropped in training, in [0, 1). */
  readonly dropout: number
  /**
   * Adapted modules by published name, such as "model.layers.0.self_attn.q_proj", in the order of the model's tensors.
   */
  readonly modules: ReadonlyArray<string>
}

/** s, the factor on B·A. */
export const scale = ({ alpha, rank, rankStabilized }: Pick<Lora, "alpha" | "rank" | "rankStabilized">): number =>
  alpha / (rankStabilized ? Math.sqrt(rank) : rank)

/** A matrix of the model that an adapter can be put on. */
export interface Module {
  readonly name: string
  readonly out: number
  readonly inner: number
  readonly part: Parameters.ParameterSpec["part"]
}

const WEIGHT = ".weight"
/** Every linear layer of the model but the output matrix, as PEFT's "all-linear". */
export const linearModules = (config: Config.Config): ReadonlyArray<Module> =>
  Parameters.specs(config).flatMap(({ linear, name, part, shape: [out = 0, inner = 0] }) =>
    linear ? [{ name: name.slice(0, -WEIGHT.length), out, inner, part }] : []
  )

/** Names of everything that a pattern could be meant for: linear layers, embeddings and the patch convolution. */
export const matrices = (config: Config.Config): ReadonlyArray<string> =>
  Parameters.specs(config).flatMap(({ name, shape }) => shape.length > 1 ? [name.slice(0, -WEIGHT.length)] : [])

/** The decoder's projections: what published recipes adapt. */
export const decoderTargets: ReadonlyArray<string> = [
  "q_proj",
  "k_proj",
  "v_proj",
  "o_proj",
  "gate_proj",
  "up_proj",
  "down_proj"
]

/** How an adapter is asked for. */
export interface Options {
  /** r, the inner width of A and B. Default 16. */
  readonly rank?: number
  /** α. Default 2·r. */
  readonly alpha?: number
  /** Share of A's inputs dropped in training, in [0, 1). Default 0. */
  readonly dropout?: number
  /**
   * A list holds whole names of modules or endings ("q_proj", "mlp.fc1"); a string is "all-linear" or a regular
   * expression that the whole name matches. Default: the decoder's seven projections.
   */
  readonly targets?: ReadonlyArray<string> | string
  /** s = α/√r instead of α/r. Default false. */
  readonly rankStabilized?: boolean
}

/** An ending matches what follows a dot, as in PEFT. */
const named = (target: string) => (name: string): boolean => name === target || name.endsWith(`.${target}`)

const pattern = (source: string) =>
  Effect.try({
    try: () => new RegExp(`^(?:${source})$`),
    catch: () =>
      new LoraError({
        option: "targets",
        found: show(source),
        expected: `"all-linear" or a regular expression`
      })
  })

/** Modules that the targets name, in the order of the model's tensors. */
export const modulesOf = Effect.fnUntraced(function*(config: Config.Config, targets: ReadonlyArray<string> | string) {
  const linear = linearModules(config).map(({ name }) => name)
  if (targets === "all-linear") return linear
  const all = matrices(config)
  const expression = typeof targets === "string" ? yield* pattern(targets) : undefined
  const tests = typeof targets === "string" ? [(name: string) => expression?.test(name) === true] : targets.map(named)
  const idle = tests.findIndex((test) => !all.some(test))
  if (tests.length === 0 || idle >= 0) {
    const found = typeof targets === "string" ? targets : targets[idle] ?? targets
    return yield* new LoraError({
      option: "targets",
      found: show(found),
      expected: `names or endings of linear layers, such as ${linear.slice(-1).join()}`
    })
  }
  const chosen = new Set(all.filter((name) => tests.some((test) => test(name))))
  const odd = [...chosen].find((name) => !linear.includes(name))
  if (odd !== undefined) {
    return yield* new LoraError({
      option: "targets",
      found: `a pattern of ${odd}`,
      expected: "patterns of linear layers alone: not embeddings, the output matrix or convolutions"
    })
  }
  return linear.filter((name) => chosen.has(name))
})

const require = (holds: boolean, option: string, found: unknown, expected: string) =>
  holds ? Effect.void : Effect.fail(new LoraError({ option, found: String(found), expected }))

/** Beyond it an adapter is larger than any matrix it could be put on. */
const largestRank = 2 ** 16

/** The adapter that the options describe. */
export const make = Effect.fn("Lora.make")(function*(config: Config.Config, options: Options) {
  const { dropout = 0, rank = 16, rankStabilized = false, targets = decoderTargets } = options
  const { alpha = 2 * rank } = options
  const ranked = Number.isInteger(rank) && rank > 0 && rank <= largestRank
  yield* require(ranked, "rank", rank, `a whole number from 1 to ${largestRank}`)
  yield* require(alpha > 0 && alpha <= largestRank, "alpha", alpha, `a number above 0, up to ${largestRank}`)
  yield* require(dropout >= 0 && dropout < 1, "dropout", dropout, "a share in [0, 1)")
  const lora: Lora = { rank, alpha, dropout, rankStabilized, modules: yield* modulesOf(config, targets) }
  return lora
})

/** Names of a module's two factors. */
export const factors = (module: string) => ({ a: `${module}.lora_A.weight`, b: `${module}.lora_B.weight` })

const adaptedModules = (config: Config.Config, { modules }: Lora): ReadonlyArray<Module> => {
  const wanted = new Set(modules)
  return linearModules(config).filter(({ name }) => wanted.has(name))
}

/** The adapter's parameters: A `[rank, in]` and B `[out, rank]` of every module. */
export const specs = (config: Config.Config, lora: Lora): ReadonlyArray<Spec> =>
  adaptedModules(config, lora).flatMap(({ inner, name, out }) => [
    { name: factors(name).a, shape: [lora.rank, inner] },
    { name: factors(name).b, shape: [out, lora.rank] }
  ])

/** Values a parameter starts with: B zero, so that a fresh adapter changes nothing. Keyed by name. */
export const initialize = (seed: number, { name, shape }: Spec, out: Float32Array): void => {
  if (name.endsWith(".lora_B.weight")) return void out.fill(0)
  const bound = 1 / Math.sqrt(shape[1] ?? 1)
  const random = Keyed.stream(seed, `lora/${name}`)
  for (let i = 0; i < out.length; i++) out[i] = bound * (2 * random.next() - 1)
}

/** Where a training program finds its rows' dropout masks. */
export interface DropoutRows {
  /** int64 `[batch · length]`, as `dropoutFeeds` draws them. */
  readonly cells: Tensor
  /** int32: the rows that the last layer keeps, when it keeps few. */
  readonly wanted: Tensor
  /** int64 `[patches]` of a trained tower. */
  readonly patches: Tensor | undefined
}

/** Masks that rows choose from. */
const MASKS = 512
/** A prime: rows draw numbers below it, which every module hashes by a rule of its own. */
const PRIME = 1048573

const integer = (n: number): Tensor => constant(BigInt64Array.of(BigInt(n)), [])
const remainder = (x: Tensor, n: number): Tensor => sub(x, mul(div(x, integer(n)), integer(n)))

/**
 * A module's choice of mask for each row: ((number·m + c) mod p) mod MASKS, with m and c keyed by the module. Rows and
 * modules choose independently in pairs (Carter & Wegman 1979), and no mask as large as the activations is ever fed.
 */
const choices = (module: string, numbers: Tensor): Tensor => {
  const random = Keyed.stream(0, `lora/dropout/${module}`)
  const [m, c] = [1 + random.int(PRIME - 1), random.int(PRIME)]
  return remainder(remainder(add(mul(numbers, integer(m)), integer(c)), PRIME), MASKS)
}

const maskName = (width: number): string => `dropoutMasks:${width}`

/** The rule of an adapter whose parameters `p` knows. With `rows`, inputs of A are dropped as in training. */
export const adapt = (
  config: Config.Config,
  lora: Lora,
  p: (name: string) => Tensor,
  rows?: DropoutRows
): NonNullable<Lookup["adapt"]> => {
  const modules = new Map(adaptedModules(config, lora).map((module) => [module.name, module]))
  const masks = new Map(
    rows === undefined ? [] : [...new Set([...modules.values()].map(({ inner }) => inner))]
      .map((width) => [width, input(maskName(width), [MASKS, width])])
  )

  const dropped = ({ inner, name, part }: Module, x: Tensor): Tensor => {
    const table = masks.get(inner)
    const own = part === "vision" ? rows?.patches : rows?.cells
    if (rows === undefined || table === undefined || own === undefined) return x
    const [count, given] = [x.shape[0] as number, own.shape[0] as number]
    // The merger has a row for several patches; the decoder's last layer may be left with the wanted rows.
    const numbers = count === given ? own : part === "vision" ? slice(own, 0, 0, count) : gather(own, rows.wanted)
    return mul(x, gather(table, choices(name, numbers)))
  }

  return (name, x, product) => {
    const module = modules.get(name)
    if (module === undefined) return product
    const { a, b } = factors(name)
    return add(
      product,
      matmul(matmul(dropped(module, x), p(a), { transB: true }), p(b), { transB: true, alpha: scale(lora) })
    )
  }
}

/** Masks of one optimiser step, by input name: each value 0 or 1/(1 − p), keyed by seed and step. */
export const dropoutMasks = (
  config: Config.Config,
  lora: Lora,
  seed: number,
  step: number,
  memory: HostTensor.Shared = HostTensor.shared
): Record<string, HostTensor.HostTensor> =>
  Object.fromEntries([...new Set(adaptedModules(config, lora).map(({ inner }) => inner))].map((width) => {
    const data = memory.float32(MASKS * width)
    Keyed.uniforms(seed, `lora/dropout/step=${step}/width=${width}`, data)
    const kept = 1 / (1 - lora.dropout)
    for (let i = 0; i < data.length; i++) data[i] = data[i]! < lora.dropout ? 0 : kept
    return [maskName(width), { dtype: "float32", dims: [MASKS, width], data }]
  }))

/** The number that each row of one sequence or image draws. */
export const dropoutNumbers = (seed: number, key: string, out: BigInt64Array): void => {
  const random = Keyed.stream(seed, `lora/dropout/${key}`)
  for (let i = 0; i < out.length; i++) out[i] = BigInt(random.int(PRIME))
}
