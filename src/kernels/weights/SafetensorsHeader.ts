/**
 * The header of a safetensors file: parsed strictly, because everything after it is trusted by byte offset.
 *
 * Layout (github.com/huggingface/safetensors): a little-endian u64 header length, the header as a JSON object
 * `{name: {dtype, shape, data_offsets}}` with an optional `__metadata__` of strings, then the data, which tensors must
 * cover from the first byte to the last without holes or overlap.
 */
import { Result } from "effect"
import { show } from "../text/show.ts"
import * as Json from "./Json.ts"
import * as JsonRepeats from "./JsonRepeats.ts"
import { WeightsError } from "./WeightsError.ts"

export type Dtype = "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL"

/** Bytes of one element. */
export const bytesPerElement: Readonly<Record<Dtype, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1
}

export interface TensorInfo {
  readonly dtype: Dtype
  readonly shape: ReadonlyArray<number>
  /** First byte of the data, counted from the start of the file. */
  readonly begin: number
  /** One past the last byte, counted from the start of the file. */
  readonly end: number
}

export interface Header {
  /** In the order of the JSON object. */
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly metadata: Readonly<Record<string, string>>
  readonly path: string
}

/** The reference implementation's limit, in bytes. */
export const maxHeaderBytes = 100_000_000

const isDtype = (value: unknown): value is Dtype => typeof value === "string" && Object.hasOwn(bytesPerElement, value)

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isNatural = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

const naturals = (value: unknown): value is ReadonlyArray<number> => Array.isArray(value) && value.every(isNatural)

/** Elements of a shape; the empty shape is a scalar. */
export const elements = (shape: ReadonlyArray<number>): number => shape.reduce((product, size) => product * size, 1)

const parseMetadata = (path: string, value: unknown): Result.Result<Readonly<Record<string, string>>, WeightsError> => {
  if (value === undefined) return Result.succeed({})
  if (!isRecord(value)) {
    return Result.fail(new WeightsError({ path, reason: "__metadata__ is not an object", found: show(value) }))
  }
  const metadata: Array<readonly [string, string]> = []
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      const reason = `__metadata__ ${show(key)} is not a string`
      return Result.fail(new WeightsError({ path, reason, found: show(text), expected: "a string" }))
    }
    metadata.push([key, text])
  }
  return Result.succeed(Object.fromEntries(metadata))
}

const parseTensor = (
  path: string,
  tensor: string,
  value: unknown,
  dataStart: number
): Result.Result<TensorInfo, WeightsError> => {
  const fail = (reason: string, found: string, expected: string) =>
    Result.fail(new WeightsError({ path, tensor, reason, found, expected }))
  if (!isRecord(value)) return fail("the entry is not an object", show(value), "{dtype, shape, data_offsets}")
  const { data_offsets: offsets, dtype, shape } = value
  if (!isDtype(dtype)) return fail("unknown dtype", show(dtype), `one of ${Object.keys(bytesPerElement).join(", ")}`)
  if (!naturals(shape)) return fail("bad shape", show(shape), "an array of non-negative integers")
  if (!naturals(offsets) || offsets.length !== 2) {
    return fail("bad data_offsets", show(offsets), "two non-negative integers")
  }
  const [begin = 0, end = 0] = offsets
  const bytes = elements(shape) * bytesPerElement[dtype]
  if (!Number.isSafeInteger(bytes) || end - begin !== bytes) {
    return fail(
      "the byte range does not fit the shape",
      `${end - begin} bytes at [${begin}, ${end})`,
      `${bytes} bytes for ${dtype} ${show(shape)}`
    )
  }
  return Result.succeed({ dtype, shape, begin: dataStart + begin, end: dataStart + end })
}

/** Tensors must tile the data from its first byte to the file's last. */
const checkTiling = (
  path: string,
  tensors: ReadonlyMap<string, TensorInfo>,
  dataStart: number,
  fileBytes: number
): Result.Result<void, WeightsError> => {
  let position = dataStart
  const inOrder = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)
  for (const [tensor, { begin, end }] of inOrder) {
    if (begin !== position) {
      return Result.fail(
        new WeightsError({
          path,
          tensor,
          reason: begin < position ? "its data overlaps another tensor's" : "its data leaves a hole before it",
          found: `data_offsets starting at ${begin - dataStart}`,
          expected: `${position - dataStart}`
        })
      )
    }
    if (end > fileBytes) {
      return Result.fail(
        new WeightsError({
          path,
          tensor,
          reason: "its data ends beyond the file",
          found: `a file of ${fileBytes} bytes`,
          expected: `at least ${end} bytes`,
          hint: "The file is truncated: download or write it again."
        })
      )
    }
    position = end
  }
  if (position !== fileBytes) {
    return Result.fail(
      new WeightsError({
        path,
        reason: "bytes after the last tensor belong to nothing",
        found: `a file of ${fileBytes} bytes`,
        expected: `${position} bytes`
      })
    )
  }
  return Result.succeed(undefined)
}

/**
 * Reads a header's JSON text.
 *
 * @param dataStart bytes before the data: 8 + header length
 * @param fileBytes size of the whole file
 */
export const parse = (
  path: string,
  text: string,
  dataStart: number,
  fileBytes: number
): Result.Result<Header, WeightsError> =>
  Result.gen(function*() {
    const notObject = (cause?: unknown) =>
      new WeightsError({
        path,
        reason: "the header is not a JSON object",
        found: show(text.slice(0, 40)),
        expected: "{…}",
        hint: "The file is not safetensors, or its download broke off.",
        cause
      })
    if (!text.startsWith("{")) return yield* Result.fail(notObject())
    const json = yield* Result.try({ try: () => Json.parse(text), catch: notObject })
    if (!isRecord(json)) return yield* Result.fail(notObject())
    const twice = JsonRepeats.nameIn(text)
    if (twice !== undefined) {
      return yield* Result.fail(new WeightsError({ path, tensor: twice, reason: "the header names it twice" }))
    }
    const tensors = new Map<string, TensorInfo>()
    for (const [name, value] of Object.entries(json)) {
      if (name !== "__metadata__") tensors.set(name, yield* parseTensor(path, name, value, dataStart))
    }
    yield* checkTiling(path, tensors, dataStart, fileBytes)
    const metadata = yield* parseMetadata(path, json["__metadata__"])
    return { tensors, metadata, path }
  })

/** A tensor to be written: its element type and shape. */
export interface Layout {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: ReadonlyArray<number>
}

/**
 * The bytes before the data: length and JSON, padded with spaces so that data starts at a multiple of 8. Tensors are
 * laid out in the order given.
 */
export const format = (layout: ReadonlyArray<Layout>, metadata: Readonly<Record<string, string>>): Uint8Array => {
  let offset = 0
  // Joined by hand: an object would reorder names that look like integers.
  const entries = layout.map(({ dtype, name, shape }) => {
    const begin = offset
    offset += elements(shape) * bytesPerElement[dtype]
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, offset] })}`
  })
  const first = Object.keys(metadata).length === 0 ? [] : [`"__metadata__":${JSON.stringify(metadata)}`]
  const json = new TextEncoder().encode(`{${[...first, ...entries].join(",")}}`)
  const padded = Math.ceil(json.length / 8) * 8
  const bytes = new Uint8Array(8 + padded).fill(0x20)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true)
  bytes.set(json, 8)
  return bytes
}
