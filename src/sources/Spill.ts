/**
 * References to pictures on the disk: what a pass found that is too much to be held, for later passes. A temporary file
 * that goes with the scope.
 */
import { Effect, FileSystem, Option, Scope, Stream } from "effect"
import { deserialize, serialize } from "node:v8"
import { DataError } from "../dsl/DataError.ts"
import type { Sample } from "../dsl/Task.ts"
import * as SystemFault from "../kernels/runtime/SystemFault.ts"

/** Samples that are written, and read back, at a time. */
const batch = 1000

/** A file of samples that grows. */
export interface Spill<A> {
  readonly add: (sample: Sample<A>) => Effect.Effect<void, DataError>
  /** Writes what is left. Then all of them, as they were added. */
  readonly end: Effect.Effect<Stream.Stream<Sample<A>, DataError>, DataError>
}

/** Makes files of samples as long as a scope is open. */
export interface Spills {
  readonly open: <A>() => Effect.Effect<Spill<A>, DataError>
  readonly isOpen: () => boolean
}

/** A place for samples in the scope around; none where there is no scope, in which nobody would clear it away. */
export const here: Effect.Effect<Option.Option<Spills>, never, FileSystem.FileSystem> = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const around = yield* Effect.serviceOption(Scope.Scope)
  if (Option.isNone(around)) return Option.none()
  const scope = around.value
  let isOpen = true
  yield* Scope.addFinalizer(
    scope,
    Effect.sync(() => {
      isOpen = false
    })
  )
  const open = <A>() =>
    Effect.gen(function*() {
      const at = (path: string) => <B, R>(effect: Effect.Effect<B, { readonly message: string }, R>) =>
        Effect.mapError(effect, (cause) =>
          new DataError({
            source: path,
            reason: `what was read of the data cannot be kept: ${SystemFault.words(cause)}`
          }))
      const path = yield* fs.makeTempFileScoped({ prefix: "rise-samples-" }).pipe(
        Scope.provide(scope),
        at("a temporary file")
      )
      const file = yield* fs.open(path, { flag: "a" }).pipe(Scope.provide(scope), at(path))
      const frames: Array<{ readonly offset: number; readonly bytes: number }> = []
      let held: Array<Sample<A>> = []
      let offset = 0
      const write = Effect.suspend(() => {
        const bytes = serialize(held)
        held = []
        frames.push({ offset, bytes: bytes.length })
        offset += bytes.length
        return at(path)(file.writeAll(bytes))
      })
      const read = (frame: typeof frames[number]) =>
        fs.stream(path, { offset: frame.offset, bytesToRead: frame.bytes }).pipe(
          Stream.runCollect,
          at(path),
          // Written by this process a moment ago.
          Effect.map((pieces): ReadonlyArray<Sample<A>> => deserialize(Buffer.concat(pieces)))
        )
      const spill: Spill<A> = {
        add: (sample) =>
          Effect.suspend(() => {
            held.push(sample)
            return held.length < batch ? Effect.void : write
          }),
        end: Effect.suspend(() => held.length === 0 ? Effect.void : write).pipe(
          Effect.map(() => Stream.fromIterable(frames).pipe(Stream.mapEffect(read), Stream.flattenIterable))
        )
      }
      return spill
    })
  return Option.some({ open, isOpen: () => isOpen })
})
