/**
 * Shared memory that is used again. The collector does not count shared buffers, so those that are dropped lie about
 * for minutes, and a process that reads many pictures would grow by them.
 */
import { Effect } from "effect"
import type { Shared } from "./HostTensor.ts"

/** Sizes are rounded up to pages, so that a buffer fits more than one shape. */
const PAGE = 4096

export interface SharedPool {
  /** Lends memory while the work is done: nothing of it may be looked at afterwards. */
  readonly lend: <A, E, R>(work: (memory: Shared) => Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** @param limit bytes that are kept for later; what has waited longest goes first */
export const make = (limit: number): SharedPool => {
  const free: Array<SharedArrayBuffer> = []
  let kept = 0

  const remove = (at: number): SharedArrayBuffer | undefined => {
    const [buffer] = free.splice(at, 1)
    kept -= buffer?.byteLength ?? 0
    return buffer
  }
  /** Memory used before, where some of it fits without wasting half of itself. */
  const take = (bytes: number, zeroed: boolean): SharedArrayBuffer => {
    const size = Math.max(1, Math.ceil(bytes / PAGE)) * PAGE
    const at = free.findLastIndex(({ byteLength }) => byteLength >= size && byteLength <= 2 * size)
    const buffer = at < 0 ? undefined : remove(at)
    if (buffer === undefined) return new SharedArrayBuffer(size)
    // Shared memory is filled number by number: eight bytes at a time then, not one.
    if (zeroed) new Float64Array(buffer).fill(0)
    return buffer
  }
  const give = (buffer: SharedArrayBuffer) => {
    free.push(buffer)
    kept += buffer.byteLength
    while (kept > limit) remove(0)
  }

  return {
    lend: (work) =>
      Effect.suspend(() => {
        const lent: Array<SharedArrayBuffer> = []
        const memory = (bytes: number, zeroed = true) => {
          const buffer = take(bytes, zeroed)
          lent.push(buffer)
          return buffer
        }
        return Effect.ensuring(
          work({
            emptyFloat32: (n) => new Float32Array(memory(n * 4, false), 0, n),
            float32: (n) => new Float32Array(memory(n * 4), 0, n),
            int32: (n) => new Int32Array(memory(n * 4), 0, n),
            int64: (n) => new BigInt64Array(memory(n * 8), 0, n),
            uint8: (n) => new Uint8Array(memory(n), 0, n)
          }),
          Effect.sync(() => lent.forEach(give))
        )
      })
  }
}
