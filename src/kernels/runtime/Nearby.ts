/** What a path that leads nowhere was probably meant to be: names on the disk that are a slip away. */
import { Effect, FileSystem, Path } from "effect"
import { near, suggestion } from "../text/near.ts"

/** Entries of a folder that a name is held against. */
const MOST = 4096

/**
 * `: did you mean runs/mine/model?`, or nothing. The first part of the path that is not there is held against what lies
 * beside it; what follows it has to be there, too.
 *
 * @param names that mean something without lying anywhere, such as `embedded`
 */
export const meant = (
  path: string,
  names: ReadonlyArray<string> = []
): Effect.Effect<string, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { basename, dirname, join } = yield* Path.Path
    const isThere = (path: string) => Effect.orElseSucceed(fs.exists(path), () => false)
    let [first, rest] = [path, ""]
    while (dirname(first) !== first && !(yield* isThere(dirname(first)))) {
      rest = join(basename(first), rest)
      first = dirname(first)
    }
    const beside = yield* Effect.orElseSucceed(fs.readDirectory(dirname(first)), (): ReadonlyArray<string> => [])
    const found = yield* Effect.filter(
      near(basename(first), beside.slice(0, MOST)).map((name) => join(dirname(first), name, rest)),
      isThere
    )
    return suggestion([...near(path, names), ...found])
  })
