/**
 * The part of Protocol Buffers' wire format that ONNX needs: varints, fixed 32-bit floats and length-delimited fields.
 */

export type Bytes = Uint8Array

const encoder = new TextEncoder()

const varint = (value: number): ReadonlyArray<number> => {
  if (value < 0) return bigVarint(BigInt.asUintN(64, BigInt(value)))
  const out: Array<number> = []
  let rest = value
  while (rest >= 128) {
    out.push(rest % 128 | 128)
    rest = Math.floor(rest / 128)
  }
  out.push(rest)
  return out
}

const bigVarint = (value: bigint): ReadonlyArray<number> => {
  const out: Array<number> = []
  let rest = value
  while (rest >= 128n) {
    out.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  out.push(Number(rest))
  return out
}

export const join = (parts: ReadonlyArray<Bytes>): Bytes => {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

export const int = (field: number, value: number): Bytes => Uint8Array.from([...varint(field << 3), ...varint(value)])
export const bytes = (field: number, value: Bytes): Bytes =>
  join([Uint8Array.from([...varint(field << 3 | 2), ...varint(value.length)]), value])
export const text = (field: number, value: string): Bytes => bytes(field, encoder.encode(value))
export const float = (field: number, value: number): Bytes =>
  join([Uint8Array.from(varint(field << 3 | 5)), new Uint8Array(Float32Array.of(value).buffer)])
