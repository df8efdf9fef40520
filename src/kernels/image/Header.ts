/**
 * The header of an encoded picture: the one way to the decoder for bytes that came from elsewhere.
 */
import { Data, Effect } from "effect"
import { open } from "node:fs/promises"
import sharp, { type Metadata, type SharpOptions } from "sharp"
import * as SystemFault from "../runtime/SystemFault.ts"
import * as Format from "./Format.ts"
import type { Fault } from "./ImageError.ts"
import * as OpenFiles from "./OpenFiles.ts"

/** It is no raster image: refused before the decoder has seen it. */
export class Refused extends Data.TaggedError("Refused")<{ readonly fault: Fault }> {}

/** The file cannot be read, or its header is damaged. */
export class Unreadable extends Data.TaggedError("Unreadable")<{ readonly cause: unknown }> {}

/** What the decoder says of it, on one line. */
export const textOf = ({ cause }: Unreadable): string =>
  SystemFault.codeOf(cause) === undefined ? String(cause).trim().replaceAll("\n", "; ") : SystemFault.words(cause)

const attempt = <A>(evaluate: () => Promise<A>) =>
  Effect.tryPromise({ try: evaluate, catch: (cause) => new Unreadable({ cause }) })

const headOf = (path: string) =>
  Effect.acquireUseRelease(
    attempt(() => open(path, "r")),
    (file) => attempt(() => file.read(new Uint8Array(Format.headBytes), 0, Format.headBytes, 0)),
    (file) => Effect.promise(() => file.close())
  ).pipe(Effect.map(({ buffer, bytesRead }) => buffer.subarray(0, bytesRead)))

/** The decoder tells a file that it could not open from no other that it cannot read: opened once more, it is told. */
const opens = (path: string) =>
  Effect.scoped(Effect.acquireRelease(attempt(() => open(path, "r")), (file) => Effect.promise(() => file.close())))

const headerOf = (input: string | Uint8Array, options: SharpOptions) =>
  Effect.gen(function*() {
    const head = typeof input === "string" ? yield* headOf(input) : input.subarray(0, Format.headBytes)
    if (!Format.isRaster(head)) return yield* new Refused({ fault: Format.refusal(head) })
    return yield* attempt(() => sharp(input, options).metadata())
  })

/** Reads the header of a file, or of bytes, of a raster format. No pixel is decoded. */
export const read = (
  input: string | Uint8Array,
  options: SharpOptions
): Effect.Effect<Metadata, Refused | Unreadable> =>
  typeof input === "string"
    ? OpenFiles.inTurn(Effect.tapErrorTag(headerOf(input, options), "Unreadable", () => opens(input)))
    : headerOf(input, options)
