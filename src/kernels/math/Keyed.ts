/**
 * Random numbers keyed by what they are for.
 *
 * A draw depends on the run's seed and a key such as `"rft/step=3/sample=cat.png/candidate=2"`, never on call order, so
 * concurrency and batch composition cannot change a result.
 */

/** A deterministic source of numbers. Not for secrets. */
export interface Stream {
  /** Uniform in [0, 1), 32 bits of resolution. */
  readonly next: () => number
  /** Uniform integer in [0, n). */
  readonly int: (n: number) => number
  /** Standard normal (Box–Muller). */
  readonly normal: () => number
  /** One element of a non-empty array. */
  readonly pick: <T>(items: ReadonlyArray<T>) => T
  /** A permuted copy (Fisher–Yates). */
  readonly shuffle: <T>(items: ReadonlyArray<T>) => Array<T>
}

/** Mixes a string into 128 bits of state, the finaliser of MurmurHash3 applied to four lanes. */
const state = (seed: number, key: string): readonly [number, number, number, number] => {
  let a = 0x9e3779b9 ^ seed
  let b = 0x243f6a88 ^ Math.imul(seed, 0x85ebca6b)
  let c = 0xb7e15162 ^ Math.imul(seed, 0xc2b2ae35)
  let d = 0xdeadbeef ^ (seed / 4294967296 | 0)
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i)
    a = Math.imul(b ^ a ^ code, 0x9e3779b1)
    b = Math.imul(c ^ b ^ code, 0x85ebca77)
    c = Math.imul(d ^ c ^ code, 0xc2b2ae3d)
    d = Math.imul(a ^ d ^ code, 0x27d4eb2f)
    a ^= a >>> 15
    c ^= c >>> 13
  }
  return [a, b, c, d]
}

/** Chris Doty-Humphrey's sfc32: 128 bits of state, passes PractRand. */
const sfc32 = (seed: number, key: string): () => number => {
  let [a, b, c, d] = state(seed, key)
  const next = () => {
    const t = (a + b | 0) + d | 0
    d = d + 1 | 0
    a = b ^ b >>> 9
    b = c + (c << 3) | 0
    c = c << 21 | c >>> 11
    c = c + t | 0
    return t >>> 0
  }
  // The first outputs still show the key's structure.
  for (let i = 0; i < 12; i++) next()
  return next
}

export const stream = (seed: number, key: string): Stream => {
  const bits = sfc32(seed, key)
  const next = () => bits() / 4294967296
  const int = (n: number) => Math.floor(next() * n)
  return {
    next,
    int,
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    pick: (items) => items[int(items.length)]!,
    shuffle: (items) => {
      const copy = items.slice()
      for (let i = copy.length - 1; i > 0; i--) {
        const j = int(i + 1)
        const held = copy[i]!
        copy[i] = copy[j]!
        copy[j] = held
      }
      return copy
    }
  }
}

/** Fills `out` with uniforms in [0, 1) that depend on seed and key only. */
export const uniforms = (seed: number, key: string, out: Float32Array): Float32Array => {
  const bits = sfc32(seed, key)
  // 23 bits: exact in float32, and u·total < total for every float total, so inverse-CDF sampling never runs off the
  // end.
  for (let i = 0; i < out.length; i++) out[i] = (bits() >>> 9) / 8388608
  return out
}
