/**
 * Writes safetensors files: to a temporary sibling that is renamed when complete, so that a crash leaves the old file
 * or the new one, never half of either.
 */
import { Effect, FileSystem, Result } from "effect"
import { elements, format } from "./SafetensorsHeader.ts"
import * as Stored from "./Stored.ts"
import { fromPlatform, WeightsError } from "./WeightsError.ts"
import { counting, Written } from "./Written.ts"

/** Elements written at a time: bounds the memory beside the values. */
const chunkElements = 1 << 22

/** A tensor to be stored. */
export interface NamedTensor {
  readonly name: string
  readonly shape: ReadonlyArray<number>
  /** Stored element type. Default: that of the file. */
  readonly dtype?: Stored.Dtype
  /**
   * Row-major; as many values as the shape has elements. A function or an effect is asked when its turn to be written
   * comes, so that a computed model is never held whole.
   */
  readonly data: Float32Array | (() => Float32Array) | Effect.Effect<Float32Array, WeightsError, FileSystem.FileSystem>
}

export interface WriteOptions {
  /** Stored element type of tensors that name none, default F32. Narrowing rounds to nearest, ties to even. */
  readonly dtype?: Stored.Dtype
  /** Free text of the header; `format: "pt"` is added unless given, because transformers asks for it. */
  readonly metadata?: Readonly<Record<string, string>>
}

const wide = (dtype: Stored.Dtype): number => dtype === "F32" ? 4 : 2

const checkTensors = (path: string, tensors: ReadonlyArray<NamedTensor>): Result.Result<void, WeightsError> => {
  const seen = new Set<string>()
  for (const { data, name, shape } of tensors) {
    if (name === "__metadata__" || seen.has(name)) {
      const reason = name === "__metadata__" ? "the name is reserved by the format" : "two tensors have this name"
      return Result.fail(new WeightsError({ path, tensor: name, reason }))
    }
    seen.add(name)
    const sound = shape.every((size) => Number.isSafeInteger(size) && size >= 0)
    const length = data instanceof Float32Array ? data.length : undefined
    if (!sound || length !== undefined && elements(shape) !== length) {
      return Result.fail(misfit(path, name, shape, length))
    }
  }
  return Result.succeed(undefined)
}

const misfit = (path: string, tensor: string, shape: ReadonlyArray<number>, length: number | undefined) =>
  new WeightsError({
    path,
    tensor,
    reason: "its values do not fit its shape",
    ...(length === undefined ? {} : { found: `${length} values` }),
    expected: `[${shape.join(", ")}]`
  })

/**
 * Writes a file atomically, replacing an existing one. Tensors are stored as the reference implementation does, those
 * of wider elements first and then by name, so that all are aligned and the same weights give the same bytes. A value
 * that is not finite, or would not be once narrowed, is an error, and what was there before stays. Whoever listens to
 * `Written` is told its SHA-256.
 */
export const write = (
  path: string,
  tensors: ReadonlyArray<NamedTensor>,
  options: WriteOptions = {}
): Effect.Effect<void, WeightsError, FileSystem.FileSystem> =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const listener = yield* Written
    const counted = listener === undefined ? undefined : counting()
    yield* Effect.fromResult(checkTensors(path, tensors))
    const sorted = tensors
      .map(({ dtype = options.dtype ?? "F32", ...tensor }) => ({ ...tensor, dtype }))
      .sort((a, b) => wide(b.dtype) - wide(a.dtype) || (a.name < b.name ? -1 : 1))
    const layout = sorted.map(({ dtype, name, shape }) => ({ name, dtype, shape }))
    const bytes = layout.reduce((sum, { dtype, shape }) => sum + elements(shape) * wide(dtype), 0)
    const failed = fromPlatform(path, "writing", undefined, bytes)
    const temporary = `${path}.${crypto.randomUUID()}.tmp`
    // Registered before the file is opened, so that it is removed after the file is closed; gone already on success.
    yield* Effect.addFinalizer(() => fs.remove(temporary, { force: true }).pipe(Effect.ignore))
    yield* Effect.scoped(Effect.gen(function*() {
      const handle = yield* fs.open(temporary, { flag: "wx" })
      const put = (bytes: Uint8Array) => {
        counted?.add(bytes)
        return handle.writeAll(bytes)
      }
      yield* put(format(layout, { format: "pt", ...options.metadata }))
      for (const tensor of sorted) {
        const { data, dtype, name, shape } = tensor
        const values = Effect.isEffect(data) ? yield* data : typeof data === "function" ? data() : data
        if (values.length !== elements(shape)) return yield* misfit(path, name, shape, values.length)
        for (let done = 0; done < values.length; done += chunkElements) {
          const part = values.subarray(done, Math.min(values.length, done + chunkElements))
          const odd = Stored.refusal(path, tensor, dtype, part, done)
          if (odd !== undefined) return yield* odd
          yield* put(Stored.encode(part, dtype))
        }
      }
      yield* handle.sync
    })).pipe(Effect.mapError((error) => error instanceof WeightsError ? error : failed(error)))
    yield* fs.rename(temporary, path).pipe(Effect.mapError(failed))
    if (counted !== undefined) listener?.(path, counted.digest())
  }))
