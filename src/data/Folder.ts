/**
 * A folder that a data set names its pictures in, and the borders it may not cross.
 *
 * A name must lead to a file inside the folder, links followed; the file's size and the pixels that its header
 * announces have a cap, so that neither a path nor a decompression bomb gets past the reader. No pixel is decoded.
 */
import { Effect, FileSystem, Path, type PlatformError, Result } from "effect"
import { DataError } from "../dsl/DataError.ts"
import * as Caps from "../kernels/image/Caps.ts"
import * as Format from "../kernels/image/Format.ts"
import * as Header from "../kernels/image/Header.ts"
import * as Image from "../kernels/image/Image.ts"
import type { Fault } from "../kernels/image/ImageError.ts"
import * as SystemFault from "../kernels/runtime/SystemFault.ts"
import { quoted } from "./Quoted.ts"
import type { BadRow } from "./Rows.ts"
import * as Spelling from "./Spelling.ts"

/** Why a picture is refused: the `reason` of its quarantine row. */
export type PictureReason =
  | "no-image"
  | "outside-folder"
  | "missing-file"
  | "unreadable-file"
  | "file-too-large"
  | "unreadable-image"
  | "too-many-pixels"
  | "too-elongated"

export interface Limits {
  /** Largest file in bytes. Default 64 MiB. */
  readonly maxBytes?: number | undefined
  /**
   * Most pixels that a picture's header may announce. Default: Pillow's, 89,478,485, and four times that for a JPEG,
   * which is shrunk.
   */
  readonly maxPixels?: number | undefined
}

const defaultMaxBytes = 64 * 2 ** 20

/** A picture by reference, and its size in pixels, orientation applied. */
export interface Picture {
  readonly image: Image.Image
  readonly width: number
  readonly height: number
  /** Whether its EXIF orientation swaps the sides that the file is stored with. */
  readonly turned?: boolean
}

const refuse = (reason: PictureReason, detail: string) => Effect.fail<BadRow>({ reason, detail })

/** A fault in one clause. What would be read instead of another format is said where that is. */
const worded = ({ expected, found, reason }: Fault): string =>
  found === undefined ? reason : `${reason}: ${found}${expected === undefined ? "" : `, expected ${expected}`}`

/** Reads a picture's header. */
const measure = (
  image: Image.Image,
  input: string | Uint8Array,
  { maxPixels }: Limits
): Effect.Effect<Picture, BadRow> =>
  Effect.matchEffect(Header.read(input, { limitInputPixels: false }), {
    onFailure: (error) => {
      if (error._tag === "Unreadable") {
        return refuse("unreadable-image", `${image.id}: ${Format.damaged}: ${Header.textOf(error)}`)
      }
      return refuse("unreadable-image", `${image.id}: ${worded(error.fault)}`)
    },
    onSuccess: (header) => {
      const size = Caps.headerOf(header)
      const broken = Caps.broken(size, maxPixels)
      if (broken !== undefined) return refuse(broken.kind, `${image.id}: ${worded(broken)}`)
      const turned = header.width !== size.width
      return Effect.succeed({ image, width: size.width, height: size.height, ...turned && { turned } })
    }
  })

/** A picture held in memory, measured under the same limits. */
export const encoded = (id: string, bytes: Uint8Array, limits: Limits = {}): Effect.Effect<Picture, BadRow> => {
  const { maxBytes = defaultMaxBytes } = limits
  if (bytes.length === 0) return refuse("no-image", `${id}: no bytes`)
  if (bytes.length > maxBytes) {
    return refuse("file-too-large", `${id} has ${bytes.length} bytes, at most ${maxBytes} are read`)
  }
  return measure(Image.encoded(id, bytes), bytes, limits)
}

const inside = (path: Path.Path, relative: string): boolean =>
  relative !== "" && relative !== ".." && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative)

/** A name in one spelling, without `./`, `//` and `x/..`, accents composed: `a.png` and `./a.png` are one picture. */
export const spelt = (path: Path.Path, name: string): string => Spelling.composed(path.normalize(name))

/** The path of a name from its folder, as far as the name alone can tell: links are followed by `Folder.file`. */
export const within = (path: Path.Path, root: string, name: string): Result.Result<string, BadRow> => {
  const bad = (reason: PictureReason, detail: string) => Result.fail({ reason, detail })
  if (name === "") return bad("no-image", "the name is empty")
  const relative = path.relative(root, path.resolve(root, name))
  if (!name.includes("\0") && inside(path, relative)) return Result.succeed(spelt(path, relative))
  const what = path.isAbsolute(name) ? "is an absolute path and not" : "is not"
  return bad("outside-folder", `${quoted(name)} ${what} inside ${root}`)
}

export interface Folder {
  /** Its own path, links resolved. */
  readonly root: string
  /** The path of a name from the folder, in one spelling: what the picture is known by. */
  readonly id: (name: string) => Result.Result<string, BadRow>
  /**
   * The path of a file inside, whichever way its accents are written on the disk. Fails with the reason for the
   * quarantine.
   */
  readonly file: (name: string) => Effect.Effect<string, BadRow>
  /** A picture inside; `id` defaults to its path from the folder. */
  readonly picture: (name: string, id?: string) => Effect.Effect<Picture, BadRow>
}

/** Opens a folder. Fails where it is none; `expected` says what it should hold. */
export const open = (
  folder: string,
  expected: string,
  limits: Limits = {}
): Effect.Effect<Folder, DataError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const { maxBytes = defaultMaxBytes } = limits
    const unusable = (error: PlatformError.PlatformError) =>
      new DataError({
        source: folder,
        reason: error.reason._tag === "NotFound"
          ? `no such folder, expected ${expected}`
          : `cannot be read: ${SystemFault.words(error)}`
      })
    const root = yield* Effect.mapError(fs.realPath(folder), unusable)
    const info = yield* Effect.mapError(fs.stat(root), unusable)
    if (info.type !== "Directory") {
      return yield* new DataError({ source: folder, reason: `not a folder, expected ${expected}` })
    }

    const realPath = yield* Spelling.finder
    const alike = yield* Spelling.alike

    const unreadable = (name: string) => (error: PlatformError.PlatformError) =>
      error.reason._tag === "NotFound"
        ? Effect.flatMap(
          alike(path.join(root, name)),
          (hint) => refuse("missing-file", `no file ${path.join(root, name)}${hint}`)
        )
        : refuse("unreadable-file", `${path.join(root, name)}: ${SystemFault.words(error)}`)

    const file = (name: string): Effect.Effect<string, BadRow> =>
      Effect.gen(function*() {
        yield* Effect.fromResult(within(path, root, name))
        const relative = path.relative(root, path.resolve(root, name))
        const real = yield* Effect.catch(realPath(root, relative), unreadable(name))
        if (!inside(path, path.relative(root, real))) {
          return yield* refuse("outside-folder", `${quoted(name)} is a link to ${real}, outside ${root}`)
        }
        const stat = yield* Effect.catch(fs.stat(real), unreadable(name))
        if (stat.type !== "File") {
          return yield* refuse("unreadable-file", `${real} is a ${stat.type}, expected a file`)
        }
        if (stat.size > BigInt(maxBytes)) {
          return yield* refuse("file-too-large", `${real} has ${stat.size} bytes, at most ${maxBytes} are read`)
        }
        return real
      })
    return {
      root,
      id: (name) => within(path, root, name),
      file,
      picture: (name, id) =>
        Effect.flatMap(file(name), (real) => {
          const image = Image.file(real, id ?? spelt(path, path.relative(root, path.resolve(root, name))))
          const isEmpty = Effect.match(fs.stat(real), { onFailure: () => false, onSuccess: ({ size }) => size === 0n })
          return Effect.catchIf(
            measure(image, real, limits),
            ({ reason }) => reason === "unreadable-image",
            (error) =>
              Effect.flatMap(
                isEmpty,
                (is) => is ? refuse("unreadable-image", `${image.id}: the file is empty`) : Effect.fail(error)
              )
          )
        })
    }
  })
