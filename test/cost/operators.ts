/** What a kernel of onnxruntime costs, from its operator and the shapes it ran on, as the profiler writes them down. */

/** A tensor as the profiler names it: one element type and its lengths. */
export type Shaped = Readonly<Record<string, ReadonlyArray<number>>>

/** One kernel that ran. */
export interface Kernel {
  readonly op_name: string
  readonly input_type_shape: ReadonlyArray<Shaped>
  readonly output_type_shape: ReadonlyArray<Shaped>
}

/** Bytes of an element, by the profiler's name of its type. */
const elementBytes: Readonly<Record<string, number>> = {
  float: 4,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
  int32: 4,
  int64: 8
}

const size = (dims: ReadonlyArray<number>): number => dims.reduce((n, d) => n * d, 1)

const dimsOf = (tensor: Shaped | undefined): ReadonlyArray<number> => Object.values(tensor ?? {})[0] ?? []

const tensorBytes = (tensor: Shaped): number => {
  const [[type, dims] = ["", []]] = Object.entries(tensor)
  const each = elementBytes[type]
  if (each === undefined) throw new Error(`elements of type "${type}" have no size in ${import.meta.url}`)
  return each * size(dims)
}

const sum = (tensors: ReadonlyArray<Shaped>): number => tensors.reduce((n, tensor) => n + tensorBytes(tensor), 0)

/** Everything is read once and written once. */
const whole = ({ input_type_shape, output_type_shape }: Kernel): number =>
  sum(input_type_shape) + sum(output_type_shape)
/** Of the first operand only what the result holds is read. */
const chosen = ({ input_type_shape, output_type_shape }: Kernel): number =>
  2 * sum(output_type_shape) + sum(input_type_shape.slice(1))
/** Another name for the same bytes, or a graph whose kernels are counted themselves. */
const nothing = (): number => 0

/** Multiplications and additions of `result` values that are sums of `inner` products each. */
const sums = (result: number, inner: number): number => 2 * result * inner

/** A product over the last two axes, whichever operand is transposed. */
const matmul = ({ input_type_shape: [a], output_type_shape: [c] }: Kernel): number => {
  const [left, result] = [dimsOf(a), dimsOf(c)]
  return sums(size(result), size(left.slice(-2)) / (result.at(-2) ?? 1))
}
/** The weight is packed, the activations are not. */
const packed = ({ input_type_shape: [a], output_type_shape: [c] }: Kernel): number =>
  sums(size(dimsOf(c)), dimsOf(a).at(-1) ?? 1)
/** Every output channel sees the whole of a filter. */
const convolution = ({ input_type_shape: [, filters], output_type_shape: [c] }: Kernel): number =>
  sums(size(dimsOf(c)), size(dimsOf(filters).slice(1)))

interface Cost {
  /** Multiplications and additions of products. */
  readonly products: (kernel: Kernel) => number
  /** Bytes read and written. */
  readonly bytes: (kernel: Kernel) => number
}

const costs: Readonly<Record<string, Cost>> = {
  ...Object.fromEntries(
    ["MatMul", "FusedMatMul", "Gemm", "FusedGemm"].map((name) => [name, { products: matmul, bytes: whole }])
  ),
  MatMulNBits: { products: packed, bytes: whole },
  ...Object.fromEntries(["Conv", "FusedConv"].map((name) => [name, { products: convolution, bytes: whole }])),
  ...Object.fromEntries(
    ["Gather", "GatherElements", "GatherBlockQuantized", "Slice"].map((
      name
    ) => [name, { products: nothing, bytes: chosen }])
  ),
  ...Object.fromEntries(
    ["Reshape", "Squeeze", "Unsqueeze", "Identity", "Shape", "Loop", "If"].map((name) => [
      name,
      { products: nothing, bytes: nothing }
    ])
  ),
  ...Object.fromEntries(
    [
      ...["Add", "Sub", "Mul", "Div", "Neg", "Exp", "Log", "Sqrt", "Reciprocal", "Pow", "Abs", "Floor", "Min", "Max"],
      ...["Sigmoid", "Tanh", "Erf", "Gelu", "QuickGelu", "BiasGelu", "FastGelu", "Clip", "Sign", "Mod"],
      ...["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Not", "Where", "Cast", "IsNaN"],
      ...["Softmax", "LogSoftmax", "LayerNormalization", "SimplifiedLayerNormalization", "SkipLayerNormalization"],
      ...["SkipSimplifiedLayerNormalization", "RotaryEmbedding", "ReduceSum", "ReduceMax", "ReduceMean", "ReduceMin"],
      ...["ReduceSumSquare", "ReduceLogSumExp", "ArgMax", "ArgMin", "CumSum", "TopK", "Transpose", "Concat", "Split"],
      ...["Expand", "Tile", "Pad", "ConstantOfShape", "Range", "ScatterND", "ScatterElements", "OneHot", "Trilu"],
      "NonZero"
    ].map((name) => [name, { products: nothing, bytes: whole }])
  )
}

/** Of one kernel. An operator that is new here wants an entry: what it multiplies must not pass uncounted. */
export const costOf = (kernel: Kernel): { readonly products: number; readonly bytes: number } => {
  const cost = costs[kernel.op_name]
  if (cost === undefined) {
    throw new Error(`operator ${kernel.op_name} has no cost: give it an entry in ${import.meta.url}`)
  }
  return { products: cost.products(kernel), bytes: cost.bytes(kernel) }
}
