/** Runs tensor expressions through onnxruntime-node in this thread, as small tests need it. */
import * as ort from "onnxruntime-node"
import { type DType, OnnxWriter, type Tensor } from "../../../src/kernels/graph/index.ts"
import { type Feeds, type Value, value } from "./reference.ts"

const types = { f32: "float32", i64: "int64", i32: "int32", bool: "bool", u8: "uint8" } as const

const toOrt = (v: Value, dtype: DType): ort.Tensor => {
  const data = dtype === "f32" ?
    Float32Array.from(v.data)
    : dtype === "i64" ?
    BigInt64Array.from(v.data, BigInt)
    : dtype === "i32" ?
    Int32Array.from(v.data)
    : Uint8Array.from(v.data)
  return new ort.Tensor(types[dtype], data as Float32Array, v.shape)
}

export interface Options extends OnnxWriter.WriteOptions {
  readonly threads?: number
}

/** Opens the expressions as one session; the result runs it. */
export const open = async (outputs: Readonly<Record<string, Tensor>>, options: Options = {}) => {
  const program = OnnxWriter.write(outputs, options)
  const session = await ort.InferenceSession.create(program.bytes, {
    intraOpNumThreads: options.threads ?? 1,
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: "0" } } }
  })
  return {
    program,
    run: async (feeds: Feeds): Promise<Readonly<Record<string, Value>>> => {
      const results = await session.run(Object.fromEntries(program.inputs.map(({ dtype, name }) => {
        const fed = feeds[name]
        if (fed === undefined) throw new Error(`input "${name}" is not fed`)
        return [name, toOrt(fed, dtype)]
      })))
      return Object.fromEntries(
        Object.entries(results).map(([name, t]) => [name, value(t.data as Float32Array, t.dims)])
      )
    },
    close: () => session.release()
  }
}

/** Values of the tensors as onnxruntime computes them in float32. */
export const evaluate = async (
  outputs: ReadonlyArray<Tensor>,
  feeds: Feeds,
  options?: Options
): Promise<ReadonlyArray<Value>> => {
  const session = await open(Object.fromEntries(outputs.map((t, i) => [`out${i}`, t])), options)
  try {
    const results = await session.run(feeds)
    return outputs.map((_, i) => results[`out${i}`]!)
  } finally {
    await session.close()
  }
}
