/**
 * What a picture's file holds, in a few bytes: two pictures of one hash are the same one, and one whose hash differs
 * has changed.
 */
import { Effect, Option } from "effect"
import { createHash } from "node:crypto"
import { type BigIntStats, createReadStream } from "node:fs"
import { stat } from "node:fs/promises"
import { type Image, Source } from "./Image.ts"

/** Files whose hashes are kept, at some 200 bytes each. Of more, the rest are read again by whoever asks again. */
const most = 100_000

/**
 * A file at its path, as it is now: one that was written again is another. `ctime` changes with every write, also where
 * `mtime` was set back.
 */
export const stateOf = ({ ctimeNs, dev, ino, mtimeNs, size }: BigIntStats): string =>
  `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`

/** By path: the file as it was when it was read. */
const known = new Map<string, { readonly state: string; readonly hash: string }>()

const hashOf = async (path: string): Promise<string> => {
  const state = stateOf(await stat(path, { bigint: true }))
  const before = known.get(path)
  if (before?.state === state) return before.hash
  const hash = createHash("sha256")
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  const found = hash.digest("hex")
  if (before !== undefined || known.size < most) known.set(path, { state, hash: found })
  return found
}

/** Whether a picture has bytes; one that is drawn on demand has none. */
export const hasBytes = ({ source }: Image): boolean => source._tag === "File" || source._tag === "Encoded"

/**
 * SHA-256 of a picture's bytes, hexadecimal. None where it has none, or they cannot be read. A file that has not been
 * written to since is not read a second time.
 */
export const hash = ({ source }: Image): Effect.Effect<Option.Option<string>> =>
  Source.$match(source, {
    File: ({ path }) => Effect.option(Effect.tryPromise(() => hashOf(path))),
    Encoded: ({ bytes }) => Effect.sync(() => Option.some(createHash("sha256").update(bytes).digest("hex"))),
    Rendered: () => Effect.succeedNone,
    Varied: () => Effect.succeedNone
  })
