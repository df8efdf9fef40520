/**
 * What is kept of pictures, by what tells their pixels apart (`pictureKey`). A picture that was changed a little to be
 * learned from (`Image.varied`) is needed for the rest of its step and never comes again: it has a place of its own,
 * and puts out nothing that does.
 */
import type { Image } from "../kernels/image/Image.ts"
import { ByteCache } from "./ByteCache.ts"
import { pictureKey } from "./PictureKey.ts"

/** Share of the limit that changed pictures may take besides. */
const passing = 0.5

/** A cache of bytes in two parts: of pictures as they are, up to `limit`, and of changed ones, up to half of it. */
export class PictureCache<V> {
  readonly #lasting: ByteCache<V>
  readonly #passing: ByteCache<V>

  constructor(limit: number, sizeOf: (value: V) => number) {
    this.#lasting = new ByteCache(limit, sizeOf)
    this.#passing = new ByteCache(passing * limit, sizeOf)
  }

  #of({ source }: Image): ByteCache<V> {
    return source._tag === "Varied" ? this.#passing : this.#lasting
  }

  get(image: Image): V | undefined {
    return this.#of(image).get(pictureKey(image))
  }

  set(image: Image, value: V): void {
    this.#of(image).set(pictureKey(image), value)
  }

  clear(): void {
    this.#lasting.clear()
    this.#passing.clear()
  }
}
