/**
 * Tensors as they cross the border between threads: typed arrays with a shape.
 *
 * Over a `SharedArrayBuffer` both sides see the same bytes and nothing is copied; any other array is copied when it is
 * sent, so later changes on one side are not seen on the other.
 */

/** Element types that cross the border. `int64` is a `BigInt64Array`; `bool` and `uint8` are a `Uint8Array`. */
export type DType = "float32" | "int32" | "int64" | "bool" | "uint8"

export type HostData = Float32Array | Int32Array | BigInt64Array | Uint8Array

export interface HostTensor {
  readonly dtype: DType
  /** Row-major; the product equals `data.length`. Empty for a scalar. */
  readonly dims: ReadonlyArray<number>
  readonly data: HostData
}

/** Arrays over shared memory, zeroed but for `emptyFloat32`. `n` counts elements. */
export interface Shared {
  /** Numbers that may be anything, as of NumPy's `empty`: for who writes each of them. */
  readonly emptyFloat32: (n: number) => Float32Array<SharedArrayBuffer>
  readonly float32: (n: number) => Float32Array<SharedArrayBuffer>
  readonly int32: (n: number) => Int32Array<SharedArrayBuffer>
  readonly int64: (n: number) => BigInt64Array<SharedArrayBuffer>
  readonly uint8: (n: number) => Uint8Array<SharedArrayBuffer>
}

/** New memory for each. */
export const shared: Shared = {
  emptyFloat32: (n) => new Float32Array(new SharedArrayBuffer(n * 4)),
  float32: (n) => new Float32Array(new SharedArrayBuffer(n * 4)),
  int32: (n) => new Int32Array(new SharedArrayBuffer(n * 4)),
  int64: (n) => new BigInt64Array(new SharedArrayBuffer(n * 8)),
  uint8: (n) => new Uint8Array(new SharedArrayBuffer(n))
}

/** Whether both threads would see the same bytes. */
export const isShared = (data: ArrayBufferView): boolean => data.buffer instanceof SharedArrayBuffer

/** Number of elements of a shape. */
export const size = (dims: ReadonlyArray<number>): number => {
  let n = 1
  for (const d of dims) n *= d
  return n
}

const matches = (dtype: string, data: unknown): data is HostData => {
  switch (dtype) {
    case "float32":
      return data instanceof Float32Array
    case "int32":
      return data instanceof Int32Array
    case "int64":
      return data instanceof BigInt64Array
    case "bool":
    case "uint8":
      return data instanceof Uint8Array
    default:
      return false
  }
}

/** A tensor from its parts when array class, shape and length agree; otherwise the reason they do not, for an error. */
export const make = (dtype: string, dims: ReadonlyArray<number>, data: unknown): HostTensor | string => {
  if (!matches(dtype, data)) {
    const found = ArrayBuffer.isView(data) ? data.constructor.name : typeof data
    return `${dtype} data is a ${found}; float32, int32, int64, bool and uint8 cross the border`
  }
  if (!dims.every((d) => Number.isInteger(d) && d >= 0)) return `shape [${dims}] is not a list of sizes`
  if (size(dims) !== data.length) return `shape [${dims}] needs ${size(dims)} elements, the data has ${data.length}`
  return { dtype: dtype as DType, dims, data }
}
