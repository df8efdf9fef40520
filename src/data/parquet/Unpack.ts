/** The compressions that are read, each held to the length that a page's header announces. */
import type { Compressors } from "hyparquet"
import { snappyUncompress } from "hyparquet"
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib"

/** Throws where the bytes do not unpack. */
type Unpack = (input: Uint8Array, length: number) => Uint8Array

const snappy: Unpack = (input, length) => {
  const page = new Uint8Array(length)
  snappyUncompress(input, page)
  return page
}

/** Node refuses a limit of 0, and some writers leave the bytes of an empty page out. */
const limited =
  (unpack: (input: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array): Unpack =>
  (input, length) => length === 0 ? new Uint8Array(0) : unpack(input, { maxOutputLength: length })

export const compressors = {
  SNAPPY: snappy,
  GZIP: limited(gunzipSync),
  BROTLI: limited(brotliDecompressSync),
  ZSTD: limited(zstdDecompressSync)
} satisfies Compressors

const known: Readonly<Record<string, Unpack>> = { UNCOMPRESSED: (input) => input, ...compressors }

/** Names of the codecs that are read. */
export const codecs: ReadonlyArray<string> = Object.keys(known)

/** A page unpacked to exactly `length` bytes. Throws otherwise. */
export const page = (codec: string, input: Uint8Array, length: number): Uint8Array => {
  const unpacked = known[codec]?.(input, length)
  if (unpacked?.length !== length) {
    throw new RangeError(`a page unpacks to ${unpacked?.length ?? 0} bytes where ${length} are announced`)
  }
  return unpacked
}
