/**
 * The part of Protocol Buffers' wire format that ONNX needs: varints, fixed 32-bit floats and length-delimited fields.
 *
 * A graph is tens of thousands of fields: each is written into memory of its size at once, without lists in between.
 */

export type Bytes = Uint8Array

/** Bytes of a whole number as a varint; negative ones are 64-bit two's complement. */
const sizeOf = (value: number): number => {
  if (value < 0) return 10
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

/** Writes a varint; the place behind it. */
const put = (out: Bytes, at: number, value: number): number => {
  if (value < 0) return putBig(out, at, BigInt.asUintN(64, BigInt(value)))
  let rest = value
  while (rest >= 128) {
    out[at++] = rest % 128 | 128
    rest = Math.floor(rest / 128)
  }
  out[at++] = rest
  return at
}

const putBig = (out: Bytes, at: number, value: bigint): number => {
  let rest = value
  while (rest >= 128n) {
    out[at++] = Number(rest & 127n) | 128
    rest >>= 7n
  }
  out[at++] = Number(rest)
  return at
}

/** Every byte of it is written by whom it is for: small ones share a block. */
const room = (size: number): Bytes => Buffer.allocUnsafe(size)

export const join = (parts: ReadonlyArray<Bytes>): Bytes => {
  let size = 0
  for (const part of parts) size += part.length
  const out = room(size)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

export const int = (field: number, value: number): Bytes => {
  const tag = field << 3
  const out = room(sizeOf(tag) + sizeOf(value))
  put(out, put(out, 0, tag), value)
  return out
}

export const bytes = (field: number, value: Bytes): Bytes => {
  const tag = field << 3 | 2
  const out = room(sizeOf(tag) + sizeOf(value.length) + value.length)
  out.set(value, put(out, put(out, 0, tag), value.length))
  return out
}

export const text = (field: number, value: string): Bytes => {
  const tag = field << 3 | 2
  const size = Buffer.byteLength(value)
  const out = room(sizeOf(tag) + sizeOf(size) + size)
  const at = put(out, put(out, 0, tag), size)
  // Names are short: letter by letter is sooner done than a call out of JavaScript.
  if (size === value.length) { for (let i = 0; i < size; i++) out[at + i] = value.charCodeAt(i) }
  else new TextEncoder().encodeInto(value, out.subarray(at))
  return out
}

export const float = (field: number, value: number): Bytes => {
  const tag = field << 3 | 5
  const out = room(sizeOf(tag) + 4)
  new DataView(out.buffer, out.byteOffset).setFloat32(put(out, 0, tag), value, true)
  return out
}
