/**
 * All trained numbers of a model in one flat float32 buffer over shared memory, with a name for every slice.
 *
 * Sessions in workers read the slices as bound inputs and the optimiser updates them in place, so no weight is ever
 * copied. Gradients and moments use the same layout. Trainable slices come first: buffers that only concern them are
 * `trainableLength` long. Every slice starts on a 64-byte boundary.
 */
import { Effect, Schema } from "effect"
import * as Finite from "../math/Finite.ts"
import { HostTensor, type OptimizerJob } from "../runtime/index.ts"

export class ParameterError extends Schema.TaggedError<ParameterError>()("ParameterError", {
  /** Name of the parameter, or what was given for the whole store. */
  parameter: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `parameter ${this.parameter}: ${this.reason}`
  }
}

/** What a parameter is before it has a place. */
export interface Spec {
  readonly name: string
  readonly shape: ReadonlyArray<number>
  /** Whether weight decay applies. Norms and biases are spared: false. Default true. */
  readonly decay?: boolean
  /** Default true. */
  readonly trainable?: boolean
}

export interface Slice extends Required<Spec> {
  /** Place in the flat buffer, in elements. */
  readonly offset: number
  readonly length: number
}

export interface ParameterStore {
  readonly data: Float32Array<SharedArrayBuffer>
  /** In the order of their offsets: trainable ones first, otherwise as given. */
  readonly slices: ReadonlyMap<string, Slice>
  /** Length of the part that training changes: gradients and moments need no more. */
  readonly trainableLength: number
  /** Number of trained values, without the padding between slices. */
  readonly trainableCount: number
}

const alignment = 16

/** Zeroed storage for the given parameters. */
export const make = Effect.fnUntraced(function*(specs: ReadonlyArray<Spec>) {
  const slices = new Map<string, Slice>()
  let offset = 0
  let trainableLength = 0
  let trainableCount = 0
  for (const trainable of [true, false]) {
    for (const { decay = true, name, shape, trainable: wanted = true } of specs) {
      if (wanted !== trainable) continue
      if (slices.has(name)) return yield* new ParameterError({ parameter: name, reason: "is named twice" })
      if (!shape.every((d) => Number.isInteger(d) && d > 0)) {
        return yield* new ParameterError({
          parameter: name,
          reason: `shape [${shape}] is not a list of positive sizes`
        })
      }
      const length = HostTensor.size(shape)
      slices.set(name, { name, shape, decay, trainable, offset, length })
      offset += Math.ceil(length / alignment) * alignment
      if (trainable) trainableCount += length
    }
    if (trainable) trainableLength = offset
  }
  const data = yield* Effect.try({
    try: () => HostTensor.shared.float32(offset),
    catch: () => {
      const gibibytes = (offset / 2 ** 28).toFixed(1)
      return new ParameterError({ parameter: "store", reason: `needs ${gibibytes} GiB, which cannot be had` })
    }
  })
  const store: ParameterStore = { data, slices, trainableLength, trainableCount }
  return store
})

export const slice = (store: ParameterStore, name: string): Effect.Effect<Slice, ParameterError> => {
  const found = store.slices.get(name)
  return found === undefined
    ? Effect.fail(
      new ParameterError({ parameter: name, reason: `is not one of the ${store.slices.size} in the store` })
    )
    : Effect.succeed(found)
}

/** The live values of one parameter, row-major. Writing to it changes the store. */
export const view = (
  store: ParameterStore,
  name: string
): Effect.Effect<Float32Array<SharedArrayBuffer>, ParameterError> =>
  Effect.map(slice(store, name), ({ length, offset }) => store.data.subarray(offset, offset + length))

/** Overwrites one parameter. */
export const set = Effect.fnUntraced(function*(store: ParameterStore, name: string, values: Float32Array) {
  const target = yield* view(store, name)
  if (values.length !== target.length) {
    return yield* new ParameterError({ parameter: name, reason: `has ${target.length} values, got ${values.length}` })
  }
  target.set(values)
})

/** The parameter that an index of the flat buffer belongs to. */
const holding = (store: ParameterStore, index: number): Pick<Slice, "name" | "offset" | "shape"> =>
  [...store.slices.values()].findLast(({ offset }) => offset <= index) ??
    { name: "store", offset: 0, shape: [store.data.length] }

/** An index of the flat buffer as a place in a parameter: "w at [0, 3]". */
export const placeOf = (store: ParameterStore, index: number): string => {
  const { name, offset, shape } = holding(store, index)
  return `${name} at ${Finite.placeOf(shape, index - offset)}`
}

/**
 * Fails on the first value that is not finite of a buffer in the store's layout.
 *
 * @param of what the buffer holds, as a prefix to the parameter's name
 */
export const checkFinite = (store: ParameterStore, data: Float32Array, of = ""): Effect.Effect<void, ParameterError> =>
  Effect.suspend(() => {
    const odd = Finite.firstBeyond(data)
    if (odd < 0) return Effect.void
    const { name, offset, shape } = holding(store, odd)
    const reason = `is ${data[odd]} at ${Finite.placeOf(shape, odd - offset)}, expected a finite number`
    return Effect.fail(new ParameterError({ parameter: of + name, reason }))
  })

/** Fails on a buffer of another layout, or with a value that is not finite. */
export const check = (store: ParameterStore, data: Float32Array, of = ""): Effect.Effect<void, ParameterError> =>
  data.length === store.data.length
    ? checkFinite(store, data, of)
    : Effect.fail(
      new ParameterError({ parameter: "store", reason: `has ${store.data.length} values, got ${data.length}` })
    )

/** Overwrites everything from a buffer of the same layout, such as a copy of `store.data`. */
export const copyFrom = (store: ParameterStore, data: Float32Array): Effect.Effect<void, ParameterError> =>
  Effect.andThen(check(store, data), Effect.sync(() => store.data.set(data)))

/** One zeroed shared buffer in the layout of the trainable part: for gradients or moments. */
export const trainableBuffer = (store: ParameterStore): Float32Array<SharedArrayBuffer> =>
  HostTensor.shared.float32(store.trainableLength)

/**
 * Tensors over a buffer of the store's layout, by default its own: the weights to bind. Over a `trainableBuffer` these
 * are the trainable slices alone: the gradients to preallocate.
 */
export const tensors = (
  store: ParameterStore,
  data: Float32Array = store.data
): Record<string, HostTensor.HostTensor> => {
  const out: Record<string, HostTensor.HostTensor> = {}
  for (const { length, name, offset, shape } of store.slices.values()) {
    if (offset + length > data.length) continue
    out[name] = { dtype: "float32", dims: shape, data: data.subarray(offset, offset + length) }
  }
  return out
}

/**
 * Trainable intervals of the flat buffer for an optimiser; neighbours of the same kind are joined across their padding.
 */
export const trainableRanges = (store: ParameterStore): ReadonlyArray<OptimizerJob.Range> => {
  const ranges: Array<OptimizerJob.Range> = []
  for (const { decay, length, offset, trainable } of store.slices.values()) {
    if (!trainable) continue
    const last = ranges.at(-1)
    if (last !== undefined && last.decay === decay) ranges[ranges.length - 1] = { ...last, end: offset + length }
    else ranges.push({ begin: offset, end: offset + length, decay })
  }
  return ranges
}
