/**
 * The header of an encoded picture: the one way to the decoder for bytes that came from elsewhere.
 */
import { Data, Effect } from "effect"
import { open } from "node:fs/promises"
import sharp, { type SharpOptions } from "sharp"
import * as SystemFault from "../runtime/SystemFault.ts"
import * as Format from "./Format.ts"
import type { Fault } from "./ImageError.ts"
import * as JpegHeader from "./JpegHeader.ts"
import * as OpenFiles from "./OpenFiles.ts"
import * as Work from "./Work.ts"

/** It is no raster image, or one that nobody can wait for: refused before the decoder has seen its pixels. */
export class Refused extends Data.TaggedError("Refused")<{ readonly fault: Fault }> {}

/** The file cannot be read, or its header is damaged. */
export class Unreadable extends Data.TaggedError("Unreadable")<{ readonly cause: unknown }> {}

/** What the decoder says of it, on one line. */
export const textOf = ({ cause }: Unreadable): string =>
  SystemFault.codeOf(cause) === undefined ? String(cause).trim().replaceAll("\n", "; ") : SystemFault.words(cause)

const attempt = <A>(evaluate: () => Promise<A>) =>
  Effect.tryPromise({ try: evaluate, catch: (cause) => new Unreadable({ cause }) })

interface Opened {
  /** In bytes. */
  readonly size: number
  readonly read: Work.Read<Unreadable>
}

/** Bytes of a file, closed with the scope, or of what is held already. */
const opened = (input: string | Uint8Array) =>
  Effect.gen(function*() {
    if (typeof input !== "string") {
      const read: Work.Read<never> = (from, length) => Effect.succeed(input.subarray(from, from + length))
      return { size: input.length, read } satisfies Opened
    }
    const file = yield* Effect.acquireRelease(
      attempt(() => open(input, "r")),
      (handle) => Effect.promise(() => handle.close())
    )
    const { size } = yield* attempt(() => file.stat())
    const read: Work.Read<Unreadable> = (from, length) =>
      Effect.map(
        attempt(() => file.read(new Uint8Array(length), 0, length, from)),
        ({ buffer, bytesRead }) => buffer.subarray(0, bytesRead)
      )
    return { size, read } satisfies Opened
  })

/** The decoder tells a file that it could not open from no other that it cannot read: opened once more, it is told. */
const opens = (path: string) =>
  Effect.scoped(Effect.acquireRelease(attempt(() => open(path, "r")), (file) => Effect.promise(() => file.close())))

const headerOf = (input: string | Uint8Array, options: SharpOptions, isDecoded: boolean) =>
  Effect.scoped(Effect.gen(function*() {
    const { read, size }: Opened = yield* opened(input)
    const refuse = (fault: Fault | undefined) => fault === undefined ? Effect.void : Effect.fail(new Refused({ fault }))
    const head = yield* read(0, Format.headBytes)
    if (!Format.isRaster(head)) return yield* new Refused({ fault: Format.refusal(head) })
    if (Format.isTiff(head)) yield* refuse(yield* Work.pages(read))
    const plain = isDecoded ? JpegHeader.read(head) : undefined
    if (plain !== undefined) return plain
    const header = yield* attempt(() => sharp(input, options).metadata())
    if (header.format === "jpeg" && header.isProgressive === true) yield* refuse(yield* Work.passes(size, read))
    return header
  }))

/**
 * Reads the header of a file, or of bytes, of a raster format. No pixel is decoded.
 *
 * @param isDecoded whether all of it is decoded next: damage is then found there
 */
export const read = (
  input: string | Uint8Array,
  options: SharpOptions,
  isDecoded = false
): Effect.Effect<JpegHeader.Header, Refused | Unreadable> =>
  typeof input === "string"
    ? OpenFiles.inTurn(Effect.tapErrorTag(headerOf(input, options, isDecoded), "Unreadable", () => opens(input)))
    : headerOf(input, options, isDecoded)
