/** A map that drops its least recently used entries beyond a number of bytes. */
export class ByteCache<V> {
  readonly #entries = new Map<string, V>()
  readonly #sizeOf: (value: V) => number
  readonly #limit: number
  #bytes = 0

  constructor(limit: number, sizeOf: (value: V) => number) {
    this.#limit = limit
    this.#sizeOf = sizeOf
  }

  get(key: string): V | undefined {
    const value = this.#entries.get(key)
    if (value !== undefined) {
      this.#entries.delete(key)
      this.#entries.set(key, value)
    }
    return value
  }

  set(key: string, value: V): void {
    const before = this.#entries.get(key)
    if (before !== undefined) {
      this.#entries.delete(key)
      this.#bytes -= this.#sizeOf(before)
    }
    this.#entries.set(key, value)
    this.#bytes += this.#sizeOf(value)
    for (const [oldest, held] of this.#entries) {
      if (this.#bytes <= this.#limit || oldest === key) return
      this.#entries.delete(oldest)
      this.#bytes -= this.#sizeOf(held)
    }
  }

  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
  }
}
