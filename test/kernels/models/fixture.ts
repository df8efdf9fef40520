/** The tiny Qwen2-VL of test/fixtures/qwen2vl.py and its batch, as this project's graphs want them fed. */
import { Effect } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { Config, Parameters, Rope, VisionLayout } from "../../../src/kernels/models/index.ts"
import { type Feeds, type Value, value } from "../graph/reference.ts"

const folder = new URL("../../fixtures/qwen2vl/", import.meta.url)

export const json = <A>(name: string): A => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as A

/** Tensors of a .safetensors file, F32 and F64, widened to float64. */
export const arrays = (name: string): Readonly<Record<string, Value>> => {
  const file = readFileSync(new URL(name, folder))
  const length = Number(file.readBigUInt64LE(0))
  const header = JSON.parse(file.toString("utf8", 8, 8 + length)) as Readonly<
    Record<
      string,
      {
        readonly dtype: string
        readonly shape: ReadonlyArray<number>
        readonly data_offsets: readonly [number, number]
      }
    >
  >
  return Object.fromEntries(
    Object.entries(header).filter(([key]) => key !== "__metadata__").map(([key, info]) => {
      const [begin, end] = info.data_offsets
      const bytes = Uint8Array.from(file.subarray(8 + length + begin, 8 + length + end)).buffer
      const data = info.dtype === "F64" ? new Float64Array(bytes) : new Float32Array(bytes)
      return [key, value(data, info.shape)]
    })
  )
}

export interface Case {
  readonly input_ids: ReadonlyArray<ReadonlyArray<number>>
  readonly attention_mask: ReadonlyArray<ReadonlyArray<number>>
  readonly grid_thw: ReadonlyArray<readonly [number, number, number]>
  /** `[3][batch][length]` */
  readonly position_ids: ReadonlyArray<ReadonlyArray<ReadonlyArray<number>>>
  readonly clip: { readonly low: number; readonly high: number }
  readonly beta: number
  readonly loss_nll: number
  readonly loss_grpo: number
  readonly untied_loss_nll: number
  readonly mean_kl: number
  readonly clipped_tokens: number
  readonly loss_tokens: number
  readonly prompt: ReadonlyArray<number>
  readonly greedy: { readonly tokens: ReadonlyArray<number> }
  readonly untied_greedy: { readonly tokens: ReadonlyArray<number> }
}

export const given = json<Case>("case.json")
export const reference = arrays("case.safetensors")

export const config = (kind: "tied" | "untied"): Config.Config =>
  Effect.runSync(Config.fromJson(json(`${kind}/config.json`)))

/** Parameters under their published names. */
export const weights = (kind: "tied" | "untied"): Feeds =>
  Object.fromEntries(
    readdirSync(new URL(`${kind}/`, folder)).filter((name) => name.endsWith(".safetensors"))
      .flatMap((name) => Object.entries(arrays(`${kind}/${name}`)))
      .map(([name, v]) => [Parameters.canonicalName(name), v])
  )

export interface Sequence {
  readonly tokens: ReadonlyArray<number>
  /** 1 for a token, 0 for padding. */
  readonly mask: ReadonlyArray<number>
  readonly grids: ReadonlyArray<readonly [number, number, number]>
}

/** Feeds of whole sequences: tokens, where visual tokens stand, angles by M-RoPE, segments. */
export const sequenceFeeds = (config: Config.Config, sequences: ReadonlyArray<Sequence>) => {
  const length = sequences[0]!.tokens.length
  const rows = sequences.length * length
  const half = config.headWidth / 2
  const angles = { cosines: new Float32Array(rows * half), sines: new Float32Array(rows * half) }
  const table = Rope.positionAngles(config, 128)
  const tokens = sequences.flatMap((s) => s.tokens)
  const visualRows = tokens.filter((t) => t === config.imageToken).length
  let visual = 0
  sequences.forEach((s, i) =>
    Rope.writeMropeAngles(
      config,
      table,
      Rope.mropePositions(s.tokens, config.imageToken, config.vision.merge, s.grids),
      angles,
      i * length
    )
  )
  return {
    tokens: value(tokens),
    visualIndex: value(tokens.map((t) => t === config.imageToken ? visual++ : visualRows)),
    cosines: value(angles.cosines, [rows, half]),
    sines: value(angles.sines, [rows, half]),
    segments: value(sequences.flatMap((s) => s.mask.map((m) => m === 1 ? 0 : -1)))
  }
}

/** Images as a tower run is fed with them, and the shape of that run. */
export const tower = (
  { vision }: Config.Config,
  images: ReadonlyArray<{ readonly grid: readonly [number, number, number]; readonly patches: ArrayLike<number> }>
) => {
  const shape = VisionLayout.shapeFor(vision, images.map(({ grid }) => grid))
  const rows = shape.frames * shape.slots
  const length = vision.channels * vision.temporalPatch * vision.patch * vision.patch
  const half = vision.width / vision.heads / 2
  const out = {
    patches: new Float32Array(rows * length),
    cosines: new Float32Array(rows * half),
    sines: new Float32Array(rows * half),
    filled: new Int32Array(rows)
  }
  VisionLayout.fill(
    vision,
    shape,
    images.map(({ grid, patches }) => ({ grid, write: (into) => into.set(patches) })),
    out
  )
  const feeds = {
    patches: value(out.patches, [rows, length]),
    patchCosines: value(out.cosines, [rows, half]),
    patchSines: value(out.sines, [rows, half]),
    patchFilled: value(out.filled)
  }
  return { shape, feeds }
}

/** The fixture's batch. */
export const batch: ReadonlyArray<Sequence> = given.input_ids.map((tokens, i) => ({
  tokens,
  mask: given.attention_mask[i]!,
  grids: [given.grid_thw[i]!]
}))

/** The tower over the batch's images, which share a grid. */
export const towerOf = (settings: Config.Config) => {
  const { data } = reference["pixel_values"]!
  const each = data.length / batch.length
  return tower(
    settings,
    batch.map(({ grids }, i) => ({ grid: grids[0]!, patches: data.subarray(i * each, (i + 1) * each) }))
  )
}
