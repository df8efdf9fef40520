/**
 * An output that is one of the inputs, whatever the two are called: refused before anything is written.
 */
import { Effect, FileSystem, Option, Path } from "effect"
import { shownInLine } from "../../kernels/runtime/Shown.ts"
import { FlagError } from "../futile.ts"

/** The place of a path on the disk: of what is there, else of the folder that it would be made in. */
const placeOf = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const { basename, dirname, join, resolve } = yield* Path.Path
  const whole = resolve(path)
  const real = (path: string) => Effect.option(fs.realPath(path))
  const own = yield* real(whole)
  if (Option.isSome(own)) return own.value
  return Option.match(yield* real(dirname(whole)), {
    onNone: () => whole,
    onSome: (folder) => join(folder, basename(whole))
  })
})

/** A file by its number, which all its names share: a hard link is the same file. */
const numberOf = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.match(fs.stat(path), {
    onFailure: () => undefined,
    onSuccess: ({ dev, ino }) => Option.match(ino, { onNone: () => undefined, onSome: (ino) => `${dev} ${ino}` })
  })
})

/** Fails where one of the outputs is one of the inputs. */
export const refuse = Effect.fnUntraced(function*(
  flag: string,
  outputs: ReadonlyArray<string>,
  inputs: ReadonlyArray<string>
) {
  const identified = (path: string) =>
    Effect.map(Effect.all([placeOf(path), numberOf(path)]), ([place, number]) => ({ path, keys: [place, number] }))
  const written = new Map<string, string>()
  for (const { keys, path } of yield* Effect.forEach(outputs, identified)) {
    for (const key of keys) if (key !== undefined) written.set(key, path)
  }
  for (const { keys, path } of yield* Effect.forEach(inputs, identified, { concurrency: 8 })) {
    const output = keys.map((key) => key === undefined ? undefined : written.get(key)).find((found) => found)
    if (output === undefined) continue
    return yield* new FlagError({
      reason: `${flag} would write ${shownInLine(output)}, and ${shownInLine(path)} is read: it would be lost. Name ` +
        `another ${flag}`
    })
  }
})
