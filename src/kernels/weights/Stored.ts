/** Float32 values as the bytes they are stored as, and which values have none. */
import * as Finite from "../math/Finite.ts"
import * as Half from "./Half.ts"
import { WeightsError } from "./WeightsError.ts"

/** Element types that are written. */
export type Dtype = "F32" | "F16" | "BF16"

/** The bytes of the values; float32 is not copied. */
export const encode = (values: Float32Array, dtype: Dtype): Uint8Array => {
  if (dtype === "F32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  const bits = new Uint16Array(values.length)
  if (dtype === "BF16") Half.toBFloat16(values, bits)
  else Half.toFloat16(values, bits)
  return new Uint8Array(bits.buffer)
}

/**
 * Why a tensor cannot be stored, if it cannot: a value that is no number, or becomes infinite when it is narrowed.
 *
 * @param part values of the tensor, the first of them the one numbered `from`
 */
export const refusal = (
  path: string,
  tensor: { readonly name: string; readonly shape: ReadonlyArray<number> },
  dtype: Dtype,
  part: Float32Array,
  from: number
): WeightsError | undefined => {
  const odd = Finite.firstBeyond(part, Half.limits[dtype])
  if (odd < 0) return undefined
  const value = part[odd] ?? NaN
  const finite = Number.isFinite(value)
  return new WeightsError({
    path,
    tensor: tensor.name,
    reason: finite
      ? `holds a value beyond ${dtype}, the element type it is stored in`
      : "holds a value that is not finite",
    found: `${value} at ${Finite.placeOf(tensor.shape, from + odd)}`,
    expected: finite ? `magnitudes up to ${Half.largest[dtype]}` : "numbers",
    hint: "Nothing was written. " + (finite
      ? "Training has made the weights too large: lower the learning rate, or start from one in float32 or bfloat16."
      : "Training has diverged: go back to an earlier checkpoint and lower the learning rate.")
  })
}
