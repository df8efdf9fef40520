/**
 * A file system under which the process dies, as by SIGKILL, at its n-th change: before it, or with half of a write
 * done.
 */
import { Effect, FileSystem, Layer } from "effect"

/** Changes so far. */
export const changes = { count: 0 }

const die = Effect.sync(() => {
  process.kill(process.pid, "SIGKILL")
  // The signal is on its way: nothing else may happen.
  for (;;);
})

/** @param last the change that is not lived through */
export const layer = (last: number): Layer.Layer<FileSystem.FileSystem, never, FileSystem.FileSystem> =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (fs) => {
      const changing = <A, E, R>(effect: Effect.Effect<A, E, R>, half: Effect.Effect<unknown, E, R> = Effect.void) =>
        Effect.suspend(() => ++changes.count === last ? Effect.andThen(half, die) : effect)
      return FileSystem.FileSystem.of({
        ...fs,
        link: (from, to) => changing(fs.link(from, to)),
        rename: (from, to) => changing(fs.rename(from, to)),
        truncate: (path, length) => changing(fs.truncate(path, length)),
        remove: (path, options) => changing(fs.remove(path, options)),
        makeDirectory: (path, options) => changing(fs.makeDirectory(path, options)),
        writeFile: (path, data, options) => changing(fs.writeFile(path, data, options)),
        writeFileString: (path, data, options) =>
          changing(fs.writeFileString(path, data, options), fs.writeFileString(path, data.slice(0, 9), options)),
        open: (path, options) =>
          Effect.map(fs.open(path, options), (file): FileSystem.File =>
            Object.create(file, {
              sync: { value: changing(file.sync) },
              writeAll: {
                value: (bytes: Uint8Array) =>
                  changing(file.writeAll(bytes), file.writeAll(bytes.subarray(0, Math.ceil(bytes.length / 2))))
              }
            }))
      })
    })
  )
