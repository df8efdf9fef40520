/**
 * A model as files that any onnxruntime runs: `tower.onnx`, `prefill.onnx` and `step.onnx` over one
 * `model.safetensors`, beside tokenizer and configuration, `rise-export.json`, which says what goes in and out, and
 * `square.onnx` with `square.json`, the tower and the feeds of a square picture.
 *
 * Weights lie in the safetensors file alone, at the element type that the model is stored in; the graphs name their
 * places in it. So the folder is a Hugging Face directory as well, whose `preprocessor_config.json` makes no picture
 * larger than the graphs have room for.
 *
 * @module
 */
import { Effect, FileSystem, Path } from "effect"
import { Portable, type Resident } from "../../kernels/generate/index.ts"
import { OnnxWriter, type Tensor } from "../../kernels/graph/index.ts"
import { Image } from "../../kernels/image/index.ts"
import { type Config, Parameters, VisionLayout } from "../../kernels/models/index.ts"
import * as SystemFault from "../../kernels/runtime/SystemFault.ts"
import { LossGraphs } from "../../kernels/train/index.ts"
import { ModelDirectory, Safetensors } from "../../kernels/weights/index.ts"
import { ExportError, manifestFile, write as inFolder } from "./ExportFolder.ts"
import { sideOf, square, squareFile } from "./ExportSquare.ts"
import * as Model from "./Model.ts"
import { roundUp } from "./roundUp.ts"

export { ExportError } from "./ExportFolder.ts"

/** What is written, and how much it has room for. */
export interface Options {
  /** A Hugging Face directory. */
  readonly model: string
  /** A PEFT adapter, merged into the weights. */
  readonly adapter?: string
  /** A new or empty folder, or an earlier export, which is replaced. */
  readonly target: string
  /** What is asked about a picture. */
  readonly prompt: string
  /** Longest answer, in tokens. */
  readonly maxTokens: number
  /**
   * Area of the largest picture, in pixels; larger ones are scaled down to it. Default: the model's own, at most
   * `defaultPixels`.
   */
  readonly maxPixels?: number
  /** Further text files, by name. */
  readonly files?: Readonly<Record<string, string>>
  /** Said in the manifest: what the answers mean. */
  readonly about?: Readonly<Record<string, unknown>>
}

/** Pixels of the largest picture unless told otherwise: attention in the graphs costs its square. */
export const defaultPixels: number = 448 * 448

/** How elongated a picture may be for windows that its edges cut: their slots stay empty. */
const ELONGATED = 4

/** Slots that every picture of so many visual tokens fits into. */
const slotsFor = (vision: Config.VisionConfig, tokens: number): number => {
  const { merge, windows } = vision
  if (windows === undefined) return tokens * merge * merge
  let most = 0
  for (let rows = 1; rows <= tokens; rows++) {
    const columns = Math.min(Math.floor(tokens / rows), rows * ELONGATED)
    if (columns < 1 || rows > columns * ELONGATED) continue
    most = Math.max(most, VisionLayout.shapeFor(vision, [[1, rows * merge, columns * merge]]).slots)
  }
  return roundUp(most, VisionLayout.windowSlots(vision))
}

const graphs = ["tower", "prefill", "step"] as const

const types: Readonly<Record<string, string>> = {
  f32: "float32",
  i32: "int32",
  i64: "int64",
  bool: "bool",
  u8: "uint8"
}

/** Where the parameters lie in the file, by the names of graph inputs. */
const placed = (header: Safetensors.Header): NonNullable<OnnxWriter.WriteOptions["initializers"]> => {
  const dtypes = { F32: "f32", F16: "f16", BF16: "bf16" } as const
  return new Map(
    [...header.tensors].flatMap(([name, { begin, dtype, end }]) =>
      dtype === "F32" || dtype === "F16" || dtype === "BF16"
        ? [
          [Parameters.canonicalName(name), {
            location: weightsFile,
            offset: begin,
            length: end - begin,
            dtype: dtypes[dtype]
          }] as const
        ]
        : []
    )
  )
}

/** The file that all graphs read their weights from. */
const weightsFile = "model.safetensors"

/** What the processor of the exported directory says: no picture larger than there is room for. */
const withLimit = (config: Readonly<Record<string, unknown>>, minPixels: number, maxPixels: number) => {
  const { size, ...others } = config
  return {
    ...others,
    ...(size === undefined ? {} : { size: { shortest_edge: minPixels, longest_edge: maxPixels } }),
    min_pixels: minPixels,
    max_pixels: maxPixels
  }
}

/** How a host makes patches of a picture. */
const pictureOf = (
  { config, preprocessor }: Model.Model,
  maxPixels: number,
  room: Portable.Room
) => {
  const { merge, patch, temporalPatch, windows } = config.vision
  return {
    patch,
    merge,
    temporalPatch,
    window: windows?.side ?? 1,
    slots: room.slots,
    resized: preprocessor.resized,
    minPixels: preprocessor.minPixels,
    maxPixels,
    ...preprocessor.values
  }
}

/** How large pictures, prompts and answers may be. Fails where the model has no room for them. */
const roomOf = Effect.fnUntraced(function*({ config, encoder, preprocessor }: Model.Model, options: Options) {
  const { maxTokens, prompt, target } = options
  const { merge, patch } = config.vision
  const maxPixels = options.maxPixels ??
    Math.min(preprocessor.maxPixels, Math.max(defaultPixels, preprocessor.minPixels))
  const fail = (reason: string) => new ExportError({ path: target, reason })
  if (maxPixels < preprocessor.minPixels || maxPixels > preprocessor.maxPixels) {
    return yield* fail(
      `the largest picture is to have ${maxPixels} pixels, expected ${preprocessor.minPixels} to ` +
        `${preprocessor.maxPixels}, the bounds of the model's preprocessor_config.json`
    )
  }
  const visual = Math.floor(maxPixels / (patch * merge) ** 2)
  if (visual < 1) return yield* fail(`a picture of ${maxPixels} pixels is less than one visual token`)
  // One token stands for the picture: a host repeats it.
  const { tokens } = yield* encoder.prompt({ images: [Image.file("picture")], text: prompt }, [[1, merge, merge]])
  const at = tokens.indexOf(config.imageToken)
  const length = roundUp(tokens.length - 1 + visual, 16)
  if (length + maxTokens > config.maxPositions) {
    return yield* fail(
      `a prompt of ${length} tokens, ${visual} of them the largest picture's, and an answer of ${maxTokens} exceed ` +
        `the model's ${config.maxPositions} positions: lower the largest picture or the longest answer`
    )
  }
  const room: Portable.Room = { slots: slotsFor(config.vision, visual), length, newTokens: maxTokens }
  return { room, maxPixels, before: [...tokens.subarray(0, at)], after: [...tokens.subarray(at + 1)] }
})

/** Writes the folder. Says what is in it. */
export const write = Effect.fn("OnnxExport.write")(function*(options: Options) {
  const { about = {}, adapter, files = {}, maxTokens, prompt, target } = options
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  return yield* inFolder(target, (folder) =>
    Effect.gen(function*() {
      const model = yield* Model.load(options.model, {
        seed: 0,
        ...(adapter === undefined ? { trainable: "none" } : { lora: { adapter } })
      })
      const { config } = model
      const { after, before, maxPixels, room } = yield* roomOf(model, options)
      const { preprocessorConfig } = yield* ModelDirectory.open(options.model)
      const processor = withLimit(preprocessorConfig, model.preprocessor.minPixels, maxPixels)
      const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
      yield* Model.save(
        { ...model, files: { ...model.files, "preprocessor_config.json": text(processor), ...files } },
        folder
      )
      const initializers = new Map([
        ...placed(yield* Safetensors.readHeader(join(folder, weightsFile))),
        ...Portable.tables(config, room)
      ])
      const put = (name: string, data: Uint8Array | string) =>
        (typeof data === "string"
          ? fs.writeFileString(join(folder, name), data)
          : fs.writeFile(join(folder, name), data))
          .pipe(
            Effect.mapError((cause) =>
              new ExportError({ path: target, reason: `${name} cannot be written: ${SystemFault.words(cause)}`, cause })
            )
          )
      const none: Resident["resident"] = {}
      const p = () => LossGraphs.parameterInputs(config)
      const built: Readonly<Record<typeof graphs[number], Resident>> = {
        tower: { outputs: Portable.tower(config, p(), room), resident: none },
        prefill: Portable.prefill(config, p(), room),
        step: Portable.step(config, p(), room)
      }
      const putGraph = (name: string, { outputs, resident }: Resident) => {
        const { bytes, inputs } = OnnxWriter.write(outputs, { initializers })
        const port = ({ dtype, shape }: Pick<Tensor, "dtype" | "shape">) => ({ type: types[dtype], shape })
        return Effect.as(put(`${name}.onnx`, bytes), {
          file: `${name}.onnx`,
          inputs: Object.fromEntries(inputs.map((each) => [each.name, port(each)])),
          outputs: Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, port(tensor)])),
          ...(Object.keys(resident).length > 0 && { next: resident })
        })
      }
      const described: Record<string, unknown> = {}
      for (const name of graphs) described[name] = yield* putGraph(name, built[name])
      const side = sideOf(config.vision, { minPixels: model.preprocessor.minPixels, maxPixels })
      if (side !== undefined) {
        const { slotOf, ...ready } = square(config, room, { before, after }, side)
        const outputs = Portable.square(config, p(), room, { side, slotOf, ...model.preprocessor.values })
        const graph = yield* putGraph("square", { outputs, resident: none })
        yield* put(squareFile, `${JSON.stringify({ graph, ...ready })}\n`)
      }
      const listed = [
        ...yield* Effect.mapError(
          fs.readDirectory(folder),
          (cause) => new ExportError({ path: target, reason: `cannot be read: ${SystemFault.words(cause)}`, cause })
        ),
        manifestFile
      ].toSorted()
      yield* put(
        manifestFile,
        text({
          format: "rise-vlm onnx",
          version: 1,
          graphs: described,
          weights: weightsFile,
          picture: pictureOf(model, maxPixels, room),
          prompt: { text: prompt, before, imageToken: config.imageToken, after, length: room.length },
          answer: { ends: model.ends, maxTokens },
          ...about,
          files: listed
        })
      )
      const weights = Parameters.specs(config).reduce(
        (sum, { name, shape }) => sum + shape.reduce((n, d) => n * d, 1) * (model.dtypes.get(name) === "F32" ? 4 : 2),
        0
      )
      return { files: listed, room, maxPixels, weights }
    }))
})
