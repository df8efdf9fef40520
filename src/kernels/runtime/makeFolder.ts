/**
 * Makes folders one by one. Node's own `mkdir` with `recursive` never ends where a file system takes no folders and
 * says of a new one that it is not there, as /proc does: it makes the parent again, which is there, and tries anew.
 */
import { Effect, FileSystem, Path, PlatformError } from "effect"

/**
 * There is no folder of this name, and nothing makes one: ENOENT under a parent that is there. The code is our own: the
 * system's ENOTSUP says as much of files and locks elsewhere.
 */
const untaken = (path: string) =>
  PlatformError.systemError({
    _tag: "PermissionDenied",
    module: "FileSystem",
    method: "makeDirectory",
    pathOrDescriptor: path,
    cause: Object.assign(
      new Error("nothing can be made there: that file system is the machine's own, such as /proc"),
      { code: "ENOFOLDERS" }
    )
  })

/** Folders of a path that are not there, the outermost first, and the folder that they lie in. */
const missingIn = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const { dirname } = yield* Path.Path
  const missing: Array<string> = []
  let at = path
  // What cannot be looked at is made, which then says why it cannot.
  while (dirname(at) !== at && !(yield* Effect.orElseSucceed(fs.exists(at), () => false))) {
    missing.unshift(at)
    at = dirname(at)
  }
  return { missing, parent: at }
})

/** Makes one folder in one that is there; another process may have been quicker. */
const one = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const { dirname } = yield* Path.Path
  const isFolder = Effect.match(fs.stat(path), {
    onFailure: () => false,
    onSuccess: ({ type }) => type === "Directory"
  })
  yield* fs.makeDirectory(path).pipe(
    Effect.catch((error) =>
      Effect.gen(function*() {
        if (yield* isFolder) return
        const under = yield* Effect.orElseSucceed(fs.exists(dirname(path)), () => false)
        return yield* error.reason._tag === "NotFound" && under ? untaken(path) : error
      })
    )
  )
})

/** Makes a folder, and those that it lies in, where they are not there. */
export const makeFolder = (
  path: string
): Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { missing, parent } = yield* missingIn(path)
    for (const folder of missing) yield* one(folder)
    // A file of that name: the system says so.
    if (missing.length === 0 && (yield* fs.stat(parent)).type !== "Directory") yield* fs.makeDirectory(parent)
  })

/**
 * Fails where a folder could not be made, and leaves nothing behind: asked before work whose results are to lie there.
 */
export const possible = (
  path: string
): Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { join } = yield* Path.Path
    const { missing, parent } = yield* missingIn(path)
    if (missing.length === 0) return
    // Under a name of its own: another process may be about to make the folder itself, and use it.
    const probe = join(parent, `.rise-${crypto.randomUUID()}`)
    yield* Effect.uninterruptible(Effect.andThen(one(probe), Effect.ignore(fs.remove(probe, { recursive: true }))))
  })
