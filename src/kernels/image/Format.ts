/**
 * What a file is by its first bytes, whatever its name says.
 *
 * Only raster formats reach the decoder. It would also draw SVG, which is a program: three hundred bytes of filters
 * keep it busy for minutes, before a single pixel has been asked for.
 */
import { constants, gunzipSync } from "node:zlib"
import { GitLfs } from "../weights/index.ts"
import type { Fault } from "./ImageError.ts"

/** Bytes of a file's beginning that tell its format. */
export const headBytes = 4096

/** What is read, as an error says it. */
export const damaged = "not an image, or a damaged one"
export const spoiled = "a damaged image: some of its data is missing or spoiled"
export const expected = "a whole JPEG, PNG, WebP, GIF, TIFF or AVIF"

const latin = (head: Uint8Array, start: number, end: number): string =>
  String.fromCharCode(...head.subarray(start, end))

/** Brands of an ISO media file, the main one first; none where it is no such file. */
const brands = (head: Uint8Array): ReadonlyArray<string> => {
  if (head.length < 16 || latin(head, 4, 8) !== "ftyp") return []
  const size = new DataView(head.buffer, head.byteOffset).getUint32(0)
  // Text could hold the same word.
  if (size < 16 || size > 2 ** 16) return []
  const end = Math.min(size, head.length)
  return [
    latin(head, 8, 12),
    ...Array.from({ length: Math.floor((end - 16) / 4) }, (_, i) => latin(head, 16 + 4 * i, 20 + 4 * i))
  ]
}

const tiff = /^(?:II[*+]\0|MM\0[*+])/

/** JPEG, PNG, GIF, TIFF and WebP. */
const raster = [/^\xff\xd8\xff/, /^\x89PNG\r\n\x1a\n/, /^GIF8[79]a/, tiff, /^RIFF[^]{4}WEBP/]

/** Whether a file with these first bytes is a TIFF, classic or big. */
export const isTiff = (head: Uint8Array): boolean => tiff.test(latin(head, 0, 4))

/** Whether a file with these first bytes is of a format that is decoded. */
export const isRaster = (head: Uint8Array): boolean => {
  const start = latin(head, 0, 12)
  return raster.some((known) => known.test(start)) || brands(head).some((brand) => brand === "avif" || brand === "avis")
}

/** What is not read, by its first bytes. */
const foreign: ReadonlyArray<readonly [start: RegExp, name: string]> = [
  [/^%PDF/, "PDF"],
  [/^%!PS/, "PostScript"],
  [/^BM/, "BMP"],
  [/^8BPS/, "Photoshop's PSD"],
  [/^\0\0[\x01\x02]\0/, "an icon (ICO)"],
  [/^\xff\x0a|^\0\0\0\x0cJXL /, "JPEG XL"],
  [/^\0\0\0\x0cjP|^\xff\x4f\xff\x51/, "JPEG 2000"],
  [/^P[1-7]\s/, "PBM, PGM or PPM"],
  [/^PK\x03\x04/, "a ZIP archive"]
]

/** Text of any encoding that XML may have; without a byte order mark, ASCII in UTF-16 shows by its zeros. */
const textOf = (head: Uint8Array): string => {
  const [a, b] = head
  const isLittle = a === 0xff && b === 0xfe || a !== 0 && b === 0
  const isBig = a === 0xfe && b === 0xff || a === 0 && b !== 0
  return new TextDecoder(isLittle ? "utf-16le" : isBig ? "utf-16be" : "utf-8").decode(head)
}

/** What a gzip begins with once it is unpacked, as an svgz does; nothing where it does not unpack. */
const unpacked = (head: Uint8Array): Uint8Array => {
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 1024 * headBytes }
  try {
    return gunzipSync(head, options).subarray(0, headBytes)
  } catch {
    return new Uint8Array(0)
  }
}

const svg = /<(?:[\w.-]+:)?svg[\s/>]|<!DOCTYPE\s+svg\b|www\.w3\.org\/2000\/svg/i

const nameOf = (head: Uint8Array): string | undefined => {
  const isPacked = head[0] === 0x1f && head[1] === 0x8b
  const text = textOf(isPacked ? unpacked(head) : head)
  if (/^\s*</.test(text)) return svg.test(text) ? "SVG" : "HTML or XML"
  if (isPacked) return "a gzip archive"
  const all = brands(head)
  if (all.length > 0) return all.some((brand) => /^(?:hei|hev|mif|msf)/.test(brand)) ? "HEIC" : "video"
  return foreign.find(([start]) => start.test(latin(head, 0, 12)))?.[1]
}

/** Why a file that is no raster image is refused. */
export const refusal = (head: Uint8Array): Fault => {
  const pointer = GitLfs.describe(head)
  if (pointer !== undefined) return { reason: pointer }
  const name = nameOf(head)
  if (name === undefined) return { reason: damaged, expected }
  const advice = name === "HTML or XML" ? "it is a page, perhaps of a failed download" : "export it as PNG"
  return { reason: `${name} is not read: ${advice}`, expected }
}
